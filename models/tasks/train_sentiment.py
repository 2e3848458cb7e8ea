"""Trains a sentiment classifier on SST-2 from a small BERT, or measures it.

usage: train_sentiment.py --data sst2 --base all-MiniLM-L6-v2 --out sentiment [--layers 2] [--epochs 0.5]
       train_sentiment.py --data sst2 --out sentiment --evaluate

--evaluate prints the accuracy on dev.tsv and test.tsv and writes OUT/predictions.jsonl of the dev part:
{"input", "label", "score"}.
"""
import torch
import torch.nn.functional as F
from transformers import BertForSequenceClassification
from common import arguments, logits_of, open_tokenizer, start, train, write_predictions

LABELS = ["negative", "positive"]


def read_part(path):
    """(sentences, 0 or 1 for each) of a table with a heading."""
    rows = [line.split("\t") for line in open(path, encoding="utf-8").read().splitlines()[1:]]
    return [r[0].strip() for r in rows], [int(r[1]) for r in rows]


def evaluate(o):
    model, tokenizer = BertForSequenceClassification.from_pretrained(o.out), open_tokenizer(o.out)
    for part in ("test", "dev"):
        texts, gold = read_part(f"{o.data}/{part}.tsv")
        p = torch.stack(logits_of(model, tokenizer.encode_batch(texts))).softmax(1)
        score, label = p.max(1)
        print(f"{part}, {len(texts)} sentences: accuracy {(label == torch.tensor(gold)).float().mean().item():.4f}")
    rows = zip(texts, label.tolist(), score.tolist())
    write_predictions(o, [{"input": t, "label": LABELS[l], "score": s} for t, l, s in rows])


def main():
    o = arguments(__doc__, layers=2, epochs=0.5, rate=1e-4)
    if o.evaluate:
        return evaluate(o)
    model = start(BertForSequenceClassification, o, num_labels=2, id2label=dict(enumerate(LABELS)),
                  label2id={l: i for i, l in enumerate(LABELS)})
    texts, gold = read_part(f"{o.data}/train.tsv")
    gold = torch.tensor(gold)
    train(model, open_tokenizer(o.base).encode_batch(texts), lambda logits, at: F.cross_entropy(logits, gold[at]), o)
    evaluate(o)


main()
