"""What `linnet` says of a task model beside what PyTorch said (predictions.jsonl, by --evaluate), and the task's measure of both.

    python3 compare.py LINNET MODEL.lnt FOLDER --data DATA     FOLDER: the trained model's, with predictions.jsonl; DATA as it was evaluated with
"""
import argparse, json, subprocess

import numpy as np

a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
a.add_argument("linnet")
a.add_argument("model")
a.add_argument("folder")
a.add_argument("--data", required=True)
o = a.parse_args()
theirs = [json.loads(line) for line in open(f"{o.folder}/predictions.jsonl")]


def linnet(verb, records, *options):
    """The verb over records as JSONL on standard input."""
    lines = "".join(json.dumps(r) + "\n" for r in records)
    out = subprocess.run([o.linnet, verb, o.model, "-", "--format", "jsonl", "--json", *options], input=lines, capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def ranks(x):
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def correlations(x, gold):
    return f"Pearson {np.corrcoef(x, gold)[0, 1]:.4f}, Spearman {np.corrcoef(ranks(np.array(x)), ranks(np.array(gold)))[0, 1]:.4f}"


def sentences(lines):
    """Blocks of "word .. tag" lines as lists of (word, tag)."""
    words = []
    for line in [*lines, ""]:
        fields = line.split()
        if fields and fields[0] != "-DOCSTART-":
            words.append(fields[:2])
        elif words:
            yield words
            words = []


def entities(words):
    """{(label, begin, end)} in characters, of BIO tags."""
    out, at, last = [], 0, "O"
    for word, tag in words:
        if tag != "O" and (tag[0] == "B" or last[2:] != tag[2:]):
            out.append([tag[2:], at, 0])
        if tag != "O":
            out[-1][2] = at + len(word)
        at, last = at + len(word) + 1, tag
    return {tuple(e) for e in out}


def f1(found, gold):
    right = sum(len(f & g) for f, g in zip(found, gold))
    p, r = right / sum(map(len, found)), right / sum(map(len, gold))
    return f"precision {p:.4f}, recall {r:.4f}, F1 {2 * p * r / (p + r):.4f}"


if "entities" in theirs[0]:
    lines = "".join(t["input"] + "\n" for t in theirs)
    out = subprocess.run([o.linnet, "tag", o.model, "-", "--words"], input=lines, capture_output=True, text=True, check=True).stdout
    x = [entities(words) for words in sentences(out.splitlines())]
    y = [{(e["label"], e["start"], e["end"]) for e in t["entities"]} for t in theirs]
    gold = [entities(words) for words in sentences(open(f"{o.data}/test.txt"))]
    assert len(gold) == len(theirs) == len(x)
    print(f"{len(x)} sentences, {sum(map(len, y))} entities: {sum(a != b for a, b in zip(x, y))} sentences differ\n  Linnet   {f1(x, gold)}\n  PyTorch  {f1(y, gold)}")
elif isinstance(theirs[0]["input"], list):
    ours = linnet("classify", [{"text": t["input"][0], "pair": t["input"][1]} for t in theirs], "--pair-field", "pair")
    x, y = [t["labels"][0]["score"] for t in ours], [t["score"] for t in theirs]
    gold = [float(line.split("\t")[4]) for line in open(f"{o.data}/sts-test.csv")]
    print(f"{len(x)} pairs: scores differ by at most {np.abs(np.subtract(x, y)).max():.2g}\n  Linnet   {correlations(x, gold)}\n  PyTorch  {correlations(y, gold)}")
else:
    ours = linnet("classify", [{"text": t["input"]} for t in theirs])
    gold = {}
    for line in open(f"{o.data}/dev.tsv"):
        text, label = line.rstrip("\n").split("\t")[-2:] if "\t" in line else (line, "")
        gold[text.strip()] = label
    right = lambda predictions: np.mean([{"negative": "0", "positive": "1"}[p] == gold[t["input"].strip()] for p, t in zip(predictions, theirs) if gold.get(t["input"].strip())])
    x, y = [t["labels"][0]["label"] for t in ours], [t["label"] for t in theirs]
    worst = max(abs(s["labels"][0]["score"] - t["score"]) for s, t in zip(ours, theirs) if s["labels"][0]["label"] == t["label"])
    print(f"{len(x)} sentences: {sum(a != b for a, b in zip(x, y))} labels differ, probabilities by at most {worst:.2g}")
    print(f"  Linnet   accuracy {right(x):.4f} of those in dev.tsv\n  PyTorch  accuracy {right(y):.4f}")
