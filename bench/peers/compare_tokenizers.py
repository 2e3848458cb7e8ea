"""Tokenization of a text, one thread each: Linnet (through ctypes), Hugging Face tokenizers, and for GPT-2 tiktoken.

    RAYON_NUM_THREADS=1 python3 bench/peers/compare_tokenizers.py build/liblinnet.so MODEL.lnt TEXT FOLDER [--rounds 9] [--json FILE]

FOLDER holds MODEL's tokenizer.json, or GPT-2's encoder.json and vocab.bpe. MB/s behind a first run (cold caches), from seconds of CPU, so
that other jobs on the machine do not count. Linnet takes the text line by line too, and gives the same ids.
"""
import ctypes
import json
import os
import sys
import time

from tokenizers import Tokenizer, models, pre_tokenizers

import turns


class Encoding(ctypes.Structure):
    _fields_ = [("ids", ctypes.POINTER(ctypes.c_int32)), ("segments", ctypes.c_void_p), ("places", ctypes.c_void_p),
                ("n", ctypes.c_size_t), ("n_dropped", ctypes.c_size_t), ("n_invalid", ctypes.c_size_t)]


def linnet(library, model):
    l = ctypes.CDLL(library)
    l.lnt_open.restype = l.lnt_tokenizer_new.restype = ctypes.c_void_p
    l.lnt_encode.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t,
                             ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p]
    m = l.lnt_open(model.encode(), None)
    t = m and l.lnt_tokenizer_new(ctypes.c_void_p(m), None)
    if not t:
        sys.exit(f"{model}: not a model with a tokenizer")
    e = Encoding()
    here = ctypes.byref(e)

    def run(text):
        if l.lnt_encode(t, text, len(text), None, 0, 0, 0, here, None):
            sys.exit("Linnet cannot encode the text")
        return e
    return run


def tik(folder):
    import tiktoken
    from tiktoken.load import data_gym_to_mergeable_bpe_ranks
    ranks = data_gym_to_mergeable_bpe_ranks(vocab_bpe_file=f"{folder}/vocab.bpe", encoder_json_file=f"{folder}/encoder.json")
    pattern = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
    return tiktoken.Encoding("gpt2", pat_str=pattern, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 50256}).encode_ordinary


def hugging_face(folder):
    if os.path.exists(f"{folder}/tokenizer.json"):
        t = Tokenizer.from_file(f"{folder}/tokenizer.json")
        t.no_truncation()
        t.no_padding()
        return t
    merges = [tuple(m.split(" ")) for m in open(f"{folder}/vocab.bpe", encoding="utf-8").read().split("\n")[1:] if m]
    t = Tokenizer(models.BPE(vocab=json.load(open(f"{folder}/encoder.json", encoding="utf-8")), merges=merges))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return t


p = turns.options(__doc__, rounds=9)
p.add_argument("library")
p.add_argument("model")
p.add_argument("text")
p.add_argument("folder")
p.set_defaults(threads=1)
o = p.parse_args()

data = open(o.text, "rb").read()
text = data.decode()
lines = [line for line in text.split("\n") if line.strip()]
coded = [line.encode() for line in lines]
own, theirs = linnet(o.library, o.model), hugging_face(o.folder)
for line, expected in zip(coded, theirs.encode_batch(lines)):
    e = own(line)
    assert e.ids[:e.n] == expected.ids, f"other ids than tokenizers: {line}"


def rate(run):
    def turn():
        began = time.process_time()
        run()
        return [len(data) / (time.process_time() - began) / 1e6]
    turn()
    return turn


jobs = {"Linnet, whole text": lambda: own(data), "Linnet, by line": lambda: [own(line) for line in coded],
        "tokenizers, encode_batch_fast": lambda: theirs.encode_batch_fast(lines),
        "tokenizers, encode_batch": lambda: theirs.encode_batch(lines)}
if os.path.exists(f"{o.folder}/encoder.json"):
    tiktoken = tik(o.folder)
    jobs["tiktoken, whole text"] = lambda: tiktoken(text)
result = turns.measure(os.path.basename(o.text), "MB/s", {name: rate(run) for name, run in jobs.items()}, o)
turns.table(result)
turns.write(o.json, [result])
