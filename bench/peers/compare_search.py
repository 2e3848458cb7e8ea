"""The scan beside FAISS (flat and scalar-quantized) and usearch (exact): 1 and 64 queries at once over random vectors of length 1, each
contender in a process of its own, in turns. Milliseconds are medians over the rounds; GB/s counts what the contender stores; "of the roof"
is beside the memory's read speed, which linnet-search-bench measures in its own process; "found" is the part of the exact 32-bit top 10
among its own.

    python3 bench/peers/compare_search.py build/linnet-search-bench FOLDER [--rows 1000000] [--dims 384] [--top 10] [--threads 2]
                                          [--rounds 3] [--only REGEX] [--json FILE]

FOLDER gets the vectors and the packed files, once. Needs numpy, and faiss-cpu and usearch for these.
"""
import importlib
import json
import os
import re
import statistics
import subprocess
import sys
import time

import turns

p = turns.options(__doc__, rounds=3)
p.add_argument("bench")
p.add_argument("folder")
p.add_argument("--rows", type=int, default=1000000)
p.add_argument("--dims", type=int, default=384)
p.add_argument("--top", type=int, default=10)
p.add_argument("--only", default="")
p.add_argument("--child", default=None)
o = p.parse_args()
QUERIES = 64
vectors, queries = f"{o.folder}/{o.rows}x{o.dims}.f32", f"{o.folder}/queries-{o.dims}.f32"
BYTES = {"f32": 4, "f16": 2, "int8": 1}
CONTENDERS = [f"{who} {kind}" for kind in BYTES for who in ("linnet", "faiss", "usearch")] + ["linnet bits"]


def searcher(who, kind):
    """A function from queries to row numbers."""
    import numpy as np
    package = importlib.import_module("faiss" if who == "faiss" else "usearch.index")
    x = np.fromfile(vectors, np.float32).reshape(-1, o.dims)
    if who == "faiss":
        package.omp_set_num_threads(o.threads)
        kinds = {"f16": package.ScalarQuantizer.QT_fp16, "int8": package.ScalarQuantizer.QT_8bit}
        flat = package.METRIC_INNER_PRODUCT
        index = package.IndexFlatIP(o.dims) if kind == "f32" else package.IndexScalarQuantizer(o.dims, kinds[kind], flat)
        index.train(x[:100000])
        index.add(x)
        return lambda q: index.search(q, o.top)[1]
    as_type = {"f32": lambda v: v, "f16": lambda v: v.astype(np.float16),
               "int8": lambda v: np.rint(v * (127 / np.abs(v).max(1, keepdims=True))).astype(np.int8)}[kind]
    data = as_type(x)
    # cosine, as its 8-bit integers carry no scale
    metric = package.MetricKind.Cos if kind == "int8" else package.MetricKind.IP

    def find(q):
        found = package.search(data, as_type(q), o.top, metric, exact=True, threads=o.threads)
        return np.asarray(found.keys).reshape(len(q), -1)
    return find


def milliseconds(find, q, batch):
    find(q[:batch])
    times, at, begin = [], 0, time.perf_counter()
    while time.perf_counter() - begin < 1 or len(times) < 3:
        start = time.perf_counter()
        find(q[at:at + batch])
        times.append(time.perf_counter() - start)
        at = (at + batch) % QUERIES
    return statistics.median(times) * 1e3


def child(who, kind):
    import numpy as np
    q = np.fromfile(queries, np.float32).reshape(-1, o.dims)
    find = searcher(who, kind)
    one, many = milliseconds(find, q, 1), milliseconds(find, q, QUERIES)
    print(json.dumps({"one": one, "many": many, "rows": find(q).astype(int).tolist()}))


if o.child:
    try:
        child(*o.child.split())
    except ModuleNotFoundError as e:
        print(e, file=sys.stderr)
        sys.exit(turns.NOT_THERE)
    sys.exit()


def linnet(kind):
    import numpy as np
    run = {}
    for name, n in (("one", 1), ("many", QUERIES)):
        hits = f"{o.folder}/hits"
        command = [o.bench, "scan", vectors, o.dims, queries, "--type", kind, "--queries", n, "--top", o.top, "--threads", o.threads,
                   "--rounds", 5, "--seconds", 0.2, "--hits", hits]
        result = json.loads(turns.output(command, o.threads))
        run[name] = result["milliseconds"]
        if n == 1:
            run["share"], run["roof"] = result["share"], result["roof_gbs"]
        found = np.fromfile(hits, np.dtype([("row", "<u8"), ("score", "<f4"), ("zero", "<u4")]))["row"]
        run["rows"] = found.reshape(QUERIES, o.top).astype(int).tolist()
    return [run]


def peer(contender):
    return [json.loads(turns.output([sys.executable, *sys.argv, "--child", contender], o.threads).splitlines()[-1])]


os.makedirs(o.folder, exist_ok=True)
for path, rows, seed in ((vectors, o.rows, 1), (queries, QUERIES, 2)):
    if not os.path.exists(path):
        subprocess.run([o.bench, "make", path + ".part", str(rows), str(o.dims), str(seed)], check=True)
        os.rename(path + ".part", path)
runs = turns.take({c: lambda c=c: linnet(c.split()[1]) if c.startswith("linnet") else peer(c) for c in CONTENDERS if re.search(o.only, c)},
                  o.rounds)

exact = next((r[0]["rows"] for c, r in runs.items() if c.endswith("f32")), None)
print(f"{o.rows} x {o.dims}, top {o.top}, {o.threads} threads, medians of {o.rounds}")
print(f"{'':14}{'1: ms':>9}{'a second':>10}{'GB/s':>7}{'of the roof':>18}{f'{QUERIES}: ms':>10}{'a second':>10}{'found':>8}")
for c, r in runs.items():
    one, many = (statistics.median(x[name] for x in r) for name in ("one", "many"))
    gbs = o.rows * o.dims * BYTES.get(c.split()[1], 1 / 8) / one * 1e-6
    share = f"{statistics.median(x['share'] for x in r):.0%} of {statistics.median(x['roof'] for x in r):.1f}" if "share" in r[0] else ""
    found = f"{sum(len(set(a) & set(b)) for a, b in zip(exact, r[0]['rows'])) / QUERIES / o.top:.3f}" if exact else ""
    print(f"{c:14}{one:9.2f}{1e3 / one:10.1f}{gbs:7.1f}{share:>18}{many:10.1f}{QUERIES * 1e3 / many:10.1f}{found:>8}")
reads = [{"memory": x["roof"]} for r in runs.values() for x in r if "roof" in x]
roof = [reads[0], reads[-1]] if reads else None
rates = {name: {c: [n * 1e3 / x[name] for x in r] for c, r in runs.items()} for name, n in (("one", 1), ("many", QUERIES))}
turns.write(o.json, [turns.result(f"{o.rows} x {o.dims}, {name} at once", "queries/s", o, rate, roof) for name, rate in rates.items()])
