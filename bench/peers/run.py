"""Linnet beside its peers on the same work, in turns, each in a process of its own, into a JSON file that chart.py draws.

    python3 bench/peers/run.py build/linnet MODELS WORK --llama LLAMA_BENCH --stsb sts-test.csv --wiki wiki.test.raw
                               [--rows sentences,decode-q8,...] [--rounds 3] [--threads 2] [--more] [--machine TEXT]
                               [--json docs/peers-results.json]

MODELS is the folder that prepare.py filled; WORK gets texts and Linnet's files of these models, which are kept (remove them after a change
of the converter). build holds linnet-bench-images too. --list names the rows. --more lets further peers take part. A file of --json that
is there already keeps the rows that are not measured now. In the table at the end, ratios are of medians, and of best values.
"""
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys

import rows
import turns

PACKAGES = ("onnxruntime", "openvino", "nncf", "ctranslate2", "sentence-transformers", "torch", "transformers", "tokenizers",
            "llama-cpp-python")


def arguments():
    p = turns.options(__doc__, rounds=3)
    p.add_argument("linnet")
    p.add_argument("models")
    p.add_argument("work")
    p.add_argument("--llama", default="llama-bench", help="llama.cpp's llama-bench")
    p.add_argument("--stsb", help="sts-test.csv of STS-B, for short sentences")
    p.add_argument("--wiki", help="wiki.test.raw of WikiText-2, for paragraphs")
    p.add_argument("--rows", default="", help="those with these names, or that begin so; all if there are none")
    p.add_argument("--more", action="store_true", help="peers beyond those that the targets name")
    p.add_argument("--seconds", type=float, default=2, help="that a contender computes images in a turn")
    p.add_argument("--machine", help="what the results call it")
    p.add_argument("--list", action="store_true", help="names the rows, and ends")
    return p.parse_args()


def versions():
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def make_texts(o):
    os.makedirs(o.work, exist_ok=True)
    wiki = rows.paragraphs(o.wiki) if o.wiki else []
    texts = {"sentences.txt": rows.sentences(o.stsb) if o.stsb else [], "paragraphs.txt": wiki[:400],
             "bert.txt": [line for line in wiki if len(line) > 800][:32]}
    for name, lines in texts.items():
        if lines:
            with open(f"{o.work}/{name}", "w", encoding="utf-8") as f:
                f.write("\n".join(lines) + "\n")


def convert(o, name, kind):
    path = f"{o.work}/{name}-{kind}.lnt"
    if not os.path.exists(path):
        print(f"converting {name} to {kind}", flush=True)
        command = [o.linnet, "convert", f"{o.models}/{name}", "-o", path, "--type", kind, "--no-check"]
        subprocess.run(command, stdout=subprocess.DEVNULL)


def compare(row, values):
    """The row's targets with the best peer and the ratios found, of those that took part."""
    found = []
    for t in row.targets:
        against = [name for name in t["against"] if name in values]
        if row.ours not in values or not against:
            continue
        middle = {name: statistics.median(values[name]) for name in (row.ours, *against)}
        theirs = max(against, key=middle.get)
        of_best = t["factor"] * max(values[row.ours]) / max(max(values[name]) for name in against)
        of_medians = t["factor"] * middle[row.ours] / middle[theirs]
        found.append({**t, "peer": theirs, "ratio": round(of_medians, 4), "ratio_of_best": round(of_best, 4)})
    return found


def share(row, values, roof):
    """What part of the machine's limit our median is."""
    if not row.cost or not roof or row.ours not in values:
        return None
    kind, cost, aim = row.cost
    cost = cost() if callable(cost) else cost
    of = max(r[kind] for r in roof)
    return {"roof": kind, "cost": round(cost, 6), "value": round(statistics.median(values[row.ours]) * cost / of, 4), "aim": aim}


def measure(o, name, row):
    for model in row.models:
        convert(o, *model)
    result = turns.measure(row.title, row.unit, row.contenders, o, o.linnet)
    values = result["contenders"]
    result |= {"id": name, "ours": row.ours, "chart": row.chart, "targets": compare(row, values),
               "share": share(row, values, result["roof"])}
    if o.machine:
        result["cpu"] = o.machine
    turns.table(result)
    for t in result["targets"]:
        print(f"  {t['ratio']:9.2f} ({t['ratio_of_best']:9.2f})  {who(result, t)}", flush=True)
    return result


def who(result, t):
    times = f"{t['factor']} x " if t["factor"] != 1 else ""
    return f"{times}{result['ours']} to {t['peer']}"


def summary(results):
    number = lambda x: "" if x is None else f"{x:.2f}"
    print(f"\n{'':60}{'ratio':>7}{'of best':>9}{'at least':>10}{'aim':>6}")
    for r in results:
        for t in r["targets"]:
            missed = ": missed" if t["at_least"] and t["ratio"] < t["at_least"] else ""
            print(f"{r['workload'][:58]:60}{t['ratio']:7.2f}{t['ratio_of_best']:9.2f}{number(t['at_least']):>10}{number(t['aim']):>6}"
                  f"  {who(r, t)}{missed}")
        if r["share"]:
            s = r["share"]
            aim = "" if s["aim"] is None else f"{s['aim']:.0%}"
            print(f"{'':60}{s['value']:7.0%}{aim:>25}  of the {s['roof']} roof")


def main():
    o = arguments()
    everything = rows.Rows(o).all()
    if o.list:
        print("\n".join(f"{name:16} {row.title}" for name, row in everything.items()))
        return
    names = [n for n in everything if not o.rows or any(n.startswith(w) for w in o.rows.split(","))]
    if not names:
        sys.exit(f"run.py: {o.rows}: no such row, expected some of {', '.join(everything)}")
    known = {r["id"]: r for r in json.load(open(o.json))["results"]} if o.json and os.path.exists(o.json) else {}
    make_texts(o)
    results = []
    for name in names:
        results.append(measure(o, name, everything[name]))
        known[name] = results[-1]
        turns.write(o.json, [known[n] for n in everything if n in known], versions=versions())
    summary(results)


main()
