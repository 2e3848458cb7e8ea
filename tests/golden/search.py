"""The scan against numpy: linnet-search-bench scans vectors drawn here, brute force in double precision says what it must find.

    python3 tests/golden/search.py build/linnet-search-bench [--rows 20000] [--dims 384] [--queries 50] [--top 100]

For f32, f16 and int8 (as numpy rounds the vectors) the rows must be the same but for neighbours whose scores differ by less than 1e-6, and every score within
1e-6. Needs numpy.
"""
import argparse, os, subprocess, sys, tempfile
import numpy as np

p = argparse.ArgumentParser()
p.add_argument("bench")
p.add_argument("--rows", type=int, default=20000)
p.add_argument("--dims", type=int, default=384)
p.add_argument("--queries", type=int, default=50)
p.add_argument("--top", type=int, default=100)
o = p.parse_args()
TIE = 1e-6


def unit(x):
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def stored(x, kind):
    if kind == "f16":
        return x.astype(np.float16).astype(np.float64)
    if kind == "int8":
        scale = np.abs(x).max(1, keepdims=True) / np.float32(127)
        return np.rint(x / scale).astype(np.float64) * scale.astype(np.float64)
    return x.astype(np.float64)


def differences(rows, scores, exact):
    """What is wrong with the hits of one query, whose exact score of every row is given."""
    best = np.sort(exact)[::-1][:len(rows)]
    if len(set(rows.tolist())) != len(rows):
        return "a row is found twice"
    if np.abs(scores - exact[rows]).max() > TIE:
        return f"a score is off by {np.abs(scores - exact[rows]).max():g}"
    if np.abs(exact[rows] - best).max() > TIE:
        return f"a row is {np.abs(exact[rows] - best).max():g} from the one of its rank"
    missed = set(np.flatnonzero(exact > best[-1] + TIE).tolist()) - set(rows.tolist())
    return f"rows {sorted(missed)[:5]} are missing" if missed else None


rng = np.random.default_rng(7)
centres = unit(rng.standard_normal((50, o.dims)))  # neighbours, as texts have them
x = unit(centres[rng.integers(0, 50, o.rows)] + 0.08 * rng.standard_normal((o.rows, o.dims)))
x[o.rows // 2:o.rows // 2 + 30] = x[3]
queries = unit(centres[rng.integers(0, 50, o.queries)] + 0.08 * rng.standard_normal((o.queries, o.dims)))
queries[0] = x[3]
failed = 0
with tempfile.TemporaryDirectory() as folder:
    x.tofile(f"{folder}/x")
    queries.tofile(f"{folder}/q")
    for kind in ("f32", "f16", "int8"):
        exact = queries.astype(np.float64) @ stored(x, kind).T
        first = None
        for level in ("scalar", "avx2", "avx512", "avx512vnni"):  # a cap: the best that the CPU has up to it
            for batch, threads in ((1, 2), (o.queries, 1), (7, 3)):
                subprocess.run([o.bench, "scan", f"{folder}/x", str(o.dims), f"{folder}/q", "--type", kind, "--queries", str(batch), "--threads", str(threads),
                                "--top", str(o.top), "--rounds", "1", "--seconds", "0", "--hits", f"{folder}/hits"],
                               check=True, stdout=subprocess.DEVNULL, env={**os.environ, "LINNET_CPU": level})
                hits = np.fromfile(f"{folder}/hits", np.dtype([("row", "<u8"), ("score", "<f4"), ("zero", "<u4")])).reshape(o.queries, o.top)
                if first is None:
                    first = hits
                    wrong = [(q, d) for q in range(o.queries) if (d := differences(hits["row"][q].astype(int), hits["score"][q].astype(float), exact[q]))]
                    same = np.mean(hits["row"].astype(int) == np.argsort(-exact, axis=1, kind="stable")[:, :o.top])
                    print(f"{kind}: {same:.4%} of the rows stand where numpy has them, the others within {TIE}" if not wrong else f"{kind}: query {wrong[0][0]}: {wrong[0][1]}")
                    failed += len(wrong)
                elif hits.tobytes() != first.tobytes():
                    print(f"{kind}: level {level}, batches of {batch}, {threads} threads: other bits")
                    failed += 1
sys.exit(failed > 0)
