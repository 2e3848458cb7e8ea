"""A task of make.py answered by Linnet and by the same pipeline in Python: sentence-transformers for dense, SQLite's FTS5 for text, reciprocal
rank fusion of both.

    python3 bench/retrieval/compare.py build/linnet TASK CHECKPOINT M.lnt:VECTORS [M.lnt:VECTORS ...]

TASK is the folder that make.py wrote, CHECKPOINT the sentence-transformers folder that M.lnt were converted from ("-": Linnet alone), VECTORS how
the index keeps embeddings: f32, f16, int8 or binary.
"""
import argparse
import json
import math
import re
import sqlite3
import subprocess
import tempfile
import unicodedata

TOP, DEPTH, K = 100, 1000, 60
MODES = ("dense", "text", "hybrid")
FIELDS = ("ndcg@10", "recall@10", "recall@100", "mrr")


def read(task):
    corpus = [json.loads(line) for line in open(f"{task}/corpus.jsonl", encoding="utf-8")]
    queries = [line.rstrip("\n").split("\t", 1) for line in open(f"{task}/queries.tsv", encoding="utf-8")]
    qrels = {}
    for line in open(f"{task}/qrels.txt"):
        query, _, document, grade = line.split()
        qrels.setdefault(query, {})[document] = int(grade)
    return corpus, queries, qrels


def linnet(binary, task, model, vectors):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([binary, "index", model, f"{task}/corpus.jsonl", "-o", f"{folder}/i", "--vectors", vectors, "--chunk-tokens", "254"], check=True)
        stats = json.loads(subprocess.run([binary, "index", "--stats", f"{folder}/i", "--json"], check=True, capture_output=True).stdout)
        out = subprocess.run([binary, "eval", f"{folder}/i", f"{task}/queries.tsv", f"{task}/qrels.txt", "--id-field", "id", "--json"], check=True,
                             capture_output=True)
        return stats["documents"], json.loads(out.stdout)


def words(text):
    """The words that unicode61 with remove_diacritics 2 sees, each once."""
    text = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    return list(dict.fromkeys(re.findall(r"[^\W_]+", text)))


def text_lists(corpus, queries):
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE t USING fts5(text, tokenize = 'unicode61 remove_diacritics 2')")
    db.executemany("INSERT INTO t(rowid, text) VALUES(?, ?)", ((i, d["text"]) for i, d in enumerate(corpus)))
    for _, text in queries:
        match = " OR ".join(f'"{w}"' for w in words(text))
        rows = db.execute("SELECT rowid FROM t WHERE t MATCH ? ORDER BY bm25(t), rowid LIMIT ?", (match, DEPTH)) if match else []
        yield [row[0] for row in rows]


def dense_lists(checkpoint, corpus, queries):
    import numpy
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(checkpoint, device="cpu")
    documents = model.encode([d["text"] for d in corpus], normalize_embeddings=True)
    asked = model.encode([text for _, text in queries], normalize_embeddings=True)
    for scores in asked @ documents.T:
        yield numpy.argsort(-scores, kind="stable")[:DEPTH].tolist()


def fuse(a, b):
    scores = {}
    for ranked in (a, b):
        for rank, document in enumerate(ranked, 1):
            scores[document] = scores.get(document, 0.0) + 1 / (K + rank)
    return sorted(scores, key=lambda d: (-scores[d], d))


def measure(lists, corpus, queries, qrels):
    sums = dict.fromkeys(FIELDS, 0.0)
    for (query, _), ranked in zip(queries, lists):
        grades = qrels[query]
        gains = [grades.get(corpus[d]["id"], 0) for d in ranked[:TOP]]
        ideal = sum(g / math.log2(i + 2) for i, g in enumerate(sorted(grades.values(), reverse=True)[:10]))
        sums["ndcg@10"] += sum(g / math.log2(i + 2) for i, g in enumerate(gains[:10])) / ideal
        sums["recall@10"] += sum(g > 0 for g in gains[:10]) / len(grades)
        sums["recall@100"] += sum(g > 0 for g in gains) / len(grades)
        sums["mrr"] += next((1 / (i + 1) for i, g in enumerate(gains) if g > 0), 0)
    return {name: value / len(queries) for name, value in sums.items()}


def show(what, scores):
    for mode in MODES:
        print(f"| {what} | {mode} | " + " | ".join(f"{scores[mode][f]:.4f}" for f in FIELDS) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("task")
    parser.add_argument("checkpoint")
    parser.add_argument("models", nargs="+")
    o = parser.parse_args()
    corpus, queries, qrels = read(o.task)
    print(f"{len(corpus)} documents, {len(queries)} queries\n\n| | mode | nDCG@10 | recall@10 | recall@100 | MRR |\n|---|---|---|---|---|---|")
    if o.checkpoint != "-":
        dense, text = list(dense_lists(o.checkpoint, corpus, queries)), list(text_lists(corpus, queries))
        lists = {"dense": dense, "text": text, "hybrid": [fuse(a, b) for a, b in zip(dense, text)]}
        show("Python", {mode: measure(lists[mode], corpus, queries, qrels) for mode in MODES})
    for model, vectors in (m.rsplit(":", 1) for m in o.models):
        n, scores = linnet(o.binary, o.task, model, vectors)
        assert n == len(corpus), f"{n} pieces of {len(corpus)} documents"
        assert scores["queries"] == len(queries)
        show(f"{model.rsplit('/', 1)[-1]}, {vectors}", scores)


main()
