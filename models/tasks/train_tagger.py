"""Trains an entity tagger on CoNLL-2003 from a small BERT, or measures it.

usage: train_tagger.py --data conll2003 --base all-MiniLM-L6-v2 --out tagger [--layers 3] [--epochs 2]
       train_tagger.py --data conll2003 --out tagger --evaluate

A sentence is its words joined by single spaces; a word's label is that of its first word piece. --evaluate prints precision,
recall and F1 of whole entities on the test part and writes OUT/predictions.jsonl:
{"input", "entities": [{"label", "start", "end", "text"}]}.
"""
import torch
import torch.nn.functional as F
from transformers import BertForTokenClassification
from common import arguments, logits_of, open_tokenizer, start, train, write_predictions

LABELS = ["O"] + [f"{p}-{t}" for t in ("PER", "ORG", "LOC", "MISC") for p in "BI"]


def read_part(path):
    """Sentences as (words, tags)."""
    sentences, words, tags = [], [], []
    for line in open(path, encoding="utf-8"):
        if line.strip():
            word, tag = line.split()[:2]
            words.append(word)
            tags.append(tag)
        elif words:
            sentences.append((words, tags))
            words, tags = [], []
    return sentences + ([(words, tags)] if words else [])


def word_starts(words):
    """Character offset of each word in the joined sentence."""
    at, out = 0, []
    for w in words:
        out.append(at)
        at += len(w) + 1
    return out


def piece_words(encoding, starts):
    """For each token the index of the word it lies in, -1 for the special ones."""
    word, out = -1, []
    for (begin, end), special in zip(encoding.offsets, encoding.special_tokens_mask):
        while not special and word + 1 < len(starts) and starts[word + 1] <= begin:
            word += 1
        out.append(-1 if special else word)
    return out


def piece_targets(owners, tags):
    """A word's first piece has the word's tag; its other pieces are inside the same entity. -100 is not trained on."""
    out, last = [], None
    for w in owners:
        out.append(-100 if w < 0 else LABELS.index(tags[w] if w != last else tags[w].replace("B-", "I-")))
        last = w
    return out


def entities(tags):
    """{(type, first word, word behind the last)}; an I- that goes on with no entity of its type begins one, as CoNLL scores."""
    found, begin, kind = set(), 0, None
    for i, tag in enumerate(tags + ["O"]):
        if kind and tag != "I-" + kind:
            found.add((kind, begin, i))
            kind = None
        if tag != "O" and kind is None:
            begin, kind = i, tag[2:]
    return found


def evaluate(o):
    model, tokenizer = BertForTokenClassification.from_pretrained(o.out), open_tokenizer(o.out)
    sentences = read_part(f"{o.data}/test.txt")
    encodings = tokenizer.encode_batch([" ".join(w) for w, _ in sentences])
    hit = said = gold = 0
    rows = []
    for (words, tags), e, logits in zip(sentences, encodings, logits_of(model, encodings)):
        starts, best = word_starts(words), logits.argmax(1).tolist()
        predicted = ["O"] * len(words)
        for t, w in reversed(list(enumerate(piece_words(e, starts)))):
            if w >= 0:
                predicted[w] = model.config.id2label[best[t]]
        got, want = entities(predicted), entities(tags)
        hit, said, gold = hit + len(got & want), said + len(got), gold + len(want)
        text = " ".join(words)
        spans = [(k, starts[a], starts[b - 1] + len(words[b - 1])) for k, a, b in sorted(got, key=lambda x: x[1])]
        found = [{"label": k, "start": a, "end": b, "text": text[a:b]} for k, a, b in spans]
        rows.append({"input": text, "entities": found})
    write_predictions(o, rows)
    precision, recall = hit / max(said, 1), hit / gold
    print(f"{len(rows)} sentences: precision {precision:.4f}, recall {recall:.4f}, F1 {2 * hit / (said + gold):.4f}")


def main():
    o = arguments(__doc__, layers=3, epochs=2, rate=2e-4)
    if o.evaluate:
        return evaluate(o)
    model = start(BertForTokenClassification, o, num_labels=len(LABELS), id2label=dict(enumerate(LABELS)),
                  label2id={l: i for i, l in enumerate(LABELS)})
    sentences = read_part(f"{o.data}/train.txt")
    encodings = open_tokenizer(o.base).encode_batch([" ".join(w) for w, _ in sentences])
    targets = [piece_targets(piece_words(e, word_starts(w)), t) for e, (w, t) in zip(encodings, sentences)]

    def loss_of(logits, at):
        gold = torch.full(logits.shape[:2], -100)
        for row, i in enumerate(at):
            gold[row, :len(targets[i])] = torch.tensor(targets[i])
        return F.cross_entropy(logits.flatten(0, 1), gold.flatten())

    train(model, encodings, loss_of, o)
    evaluate(o)


main()
