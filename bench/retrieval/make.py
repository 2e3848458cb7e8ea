"""Two retrieval tasks of texts that were not made for it.

    python3 bench/retrieval/make.py wikitext wiki.test.raw OUT
    python3 bench/retrieval/make.py stsb sts-dev.csv sts-test.csv OUT

wikitext: a paragraph's first sentence must find the rest of the paragraph (cut behind the sentence that reaches 110 words, so that a document is
one piece). stsb: of a pair of sentences that people gave a score of 4 or more, the first must find the second among all second ones.

OUT gets corpus.jsonl (id, text, and title or genre as metadata), queries.tsv (id, text) and qrels.txt (TREC's form).
"""
import json
import os
import re
import sys

WORDS = 110


def plain(text):
    text = re.sub(r" @(.)@ ", r"\1", text)
    text = re.sub(r" ([,.;:!?)])", r"\1", text)
    return re.sub(r"([(]) ", r"\1", text).strip()


def wikitext(path):
    corpus, queries, qrels, title = [], [], [], ""
    for line in open(path, encoding="utf-8"):
        line = line.strip()
        heading = re.fullmatch(r"= ([^=].*?) =", line)
        if heading:
            title = plain(heading.group(1))
        if not line or line.startswith("="):
            continue
        sentences = [s for s in re.split(r"(?<= [.!?]) ", line) if s.strip()]
        first, rest = sentences[0], ""
        for sentence in sentences[1:]:
            if len(rest.split()) + len(sentence.split()) > WORDS:
                break
            rest += sentence + " "
        if len(first.split()) < 8 or len(first.split()) > WORDS or len(rest.split()) < 20:
            continue
        name = f"p{len(corpus) + 1}"
        corpus.append({"id": name, "text": plain(rest), "title": title})
        queries.append((name, plain(first)))
        qrels.append((name, name))
    return corpus, queries, qrels


def stsb(paths):
    corpus, queries, qrels, known = [], [], [], {}
    for path in paths:
        for line in open(path, encoding="utf-8"):
            fields = line.rstrip("\n").split("\t")
            score, first, second = float(fields[4]), fields[5].strip(), fields[6].strip()
            if second not in known:
                known[second] = f"s{len(corpus) + 1}"
                corpus.append({"id": known[second], "text": second, "genre": fields[0]})
            if score >= 4:
                queries.append((f"q{len(queries) + 1}", first.replace("\t", " ")))
                qrels.append((queries[-1][0], known[second]))
    return corpus, queries, qrels


def main():
    kind, paths, out = sys.argv[1], sys.argv[2:-1], sys.argv[-1]
    corpus, queries, qrels = wikitext(paths[0]) if kind == "wikitext" else stsb(paths)
    os.makedirs(out, exist_ok=True)
    with open(f"{out}/corpus.jsonl", "w", encoding="utf-8") as f:
        f.writelines(json.dumps(d, ensure_ascii=False) + "\n" for d in corpus)
    with open(f"{out}/queries.tsv", "w", encoding="utf-8") as f:
        f.writelines(f"{i}\t{t}\n" for i, t in queries)
    with open(f"{out}/qrels.txt", "w", encoding="utf-8") as f:
        f.writelines(f"{q} 0 {d} 1\n" for q, d in qrels)
    print(f"{out}: {len(corpus)} documents, {len(queries)} queries")


main()
