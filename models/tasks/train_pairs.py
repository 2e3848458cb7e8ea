"""Trains a pair scorer (cross-encoder) on STS-B from a small BERT, or measures it.

usage: train_pairs.py --data stsb --base all-MiniLM-L6-v2 --out pairs [--layers 2] [--epochs 2]
       train_pairs.py --data stsb --out pairs --evaluate

One label; its sigmoid is the score between 0 and 1, as sentence-transformers' CrossEncoder has it. --evaluate prints Pearson's
and Spearman's correlation with the human score on the test part and writes OUT/predictions.jsonl:
{"input": [first, second], "score"}.
"""
import torch
import torch.nn.functional as F
from scipy.stats import pearsonr, spearmanr
from transformers import BertForSequenceClassification
from common import arguments, logits_of, open_tokenizer, start, train, write_predictions


def read_part(path):
    """(pairs, scores from 0 to 5): tab-separated, the score in column 5, the sentences behind it."""
    rows = [line.split("\t") for line in open(path, encoding="utf-8").read().splitlines()]
    return [(r[5], r[6]) for r in rows], [float(r[4]) for r in rows]


def evaluate(o):
    model, tokenizer = BertForSequenceClassification.from_pretrained(o.out), open_tokenizer(o.out)
    pairs, gold = read_part(f"{o.data}/sts-test.csv")
    score = torch.stack(logits_of(model, tokenizer.encode_batch(pairs))).sigmoid()[:, 0].tolist()
    write_predictions(o, [{"input": list(p), "score": s} for p, s in zip(pairs, score)])
    print(f"{len(pairs)} pairs: Pearson {pearsonr(score, gold)[0]:.4f}, Spearman {spearmanr(score, gold)[0]:.4f}")


def main():
    o = arguments(__doc__, layers=2, epochs=2, rate=2e-4)
    if o.evaluate:
        return evaluate(o)
    model = start(BertForSequenceClassification, o, num_labels=1)
    model.config.sentence_transformers = {"activation_fn": "torch.nn.modules.activation.Sigmoid"}
    pairs, gold = read_part(f"{o.data}/sts-train.csv")
    gold = torch.tensor(gold) / 5
    encodings = open_tokenizer(o.base).encode_batch(pairs)
    train(model, encodings, lambda logits, at: F.binary_cross_entropy_with_logits(logits[:, 0], gold[at]), o)
    evaluate(o)


main()
