"""Embedding a file of texts, one a line, by Linnet and by its peers in turns: texts per second, tokenizing included, loading not.

    python3 bench/peers/compare_encoders.py build/linnet CHECKPOINT TEXTS M.lnt [M.lnt ...] [--ort MODEL.onnx ...]
                                            [--openvino MODEL.xml ...] [--ct2 FOLDER ...] [--torch] [--max-tokens 256]
                                            [--threads 2] [--rounds 5] [--json FILE]

CHECKPOINT is the sentence-transformers folder (tokenizer.json and weights); .onnx and .xml files are exports of its transformer with the
inputs input_ids and attention_mask, as prepare.py makes them. Peers sort texts by length into batches of 32.
"""
import os

import contenders
import turns

p = turns.options(__doc__)
p.add_argument("linnet")
p.add_argument("checkpoint")
p.add_argument("texts")
p.add_argument("models", nargs="+")
p.add_argument("--ort", action="append", default=[])
p.add_argument("--openvino", action="append", default=[])
p.add_argument("--ct2", action="append", default=[])
p.add_argument("--torch", action="store_true")
p.add_argument("--max-tokens", type=int, default=256)
o = p.parse_args()

how = {"checkpoint": o.checkpoint, "texts": o.texts, "max_tokens": o.max_tokens, "passes": 1}
peers = {"ort": o.ort, "openvino": o.openvino, "ct2": o.ct2, "torch": [o.checkpoint] * o.torch}
jobs = {f"Linnet {m}": contenders.linnet_texts(o.linnet, m, o.texts, o.threads, o.max_tokens) for m in o.models}
jobs |= {f"{kind} {path}": contenders.peer("texts", kind, path, o.threads, **how) for kind, paths in peers.items() for path in paths}
result = turns.measure(os.path.basename(o.texts), "texts/s", jobs, o, o.linnet)
turns.table(result)
turns.write(o.json, [result])
