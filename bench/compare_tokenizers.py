"""GPT-2 tokenization of a text, one thread each: Linnet (through ctypes), tiktoken, Hugging Face tokenizers.

    RAYON_NUM_THREADS=1 python3 bench/compare_tokenizers.py build/liblinnet.so MODEL.lnt TEXT GPT2_FOLDER

GPT2_FOLDER holds encoder.json and vocab.bpe. Medians of 9 runs over the whole text, the first run (cold caches) apart.
"""
import ctypes, json, statistics, sys, time

import tiktoken
from tiktoken.load import data_gym_to_mergeable_bpe_ranks
from tokenizers import Tokenizer, models, pre_tokenizers


def linnet(library, model):
    l = ctypes.CDLL(library)
    l.lnt_open.restype = l.lnt_tokenizer_new.restype = ctypes.c_void_p
    t = ctypes.c_void_p(l.lnt_tokenizer_new(ctypes.c_void_p(l.lnt_open(model.encode(), None)), None))

    def run(text):
        ids, n = ctypes.POINTER(ctypes.c_int32)(), ctypes.c_size_t()
        l.lnt_tokenize(t, text, ctypes.c_size_t(len(text)), 0, ctypes.byref(ids), ctypes.byref(n), None)
        return ids, n.value
    return run


def tik(folder):
    ranks = data_gym_to_mergeable_bpe_ranks(vocab_bpe_file=f"{folder}/vocab.bpe", encoder_json_file=f"{folder}/encoder.json")
    pattern = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
    return tiktoken.Encoding("gpt2", pat_str=pattern, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 50256}).encode_ordinary


def hugging_face(folder):
    merges = [tuple(m.split(" ")) for m in open(f"{folder}/vocab.bpe", encoding="utf-8").read().split("\n")[1:] if m]
    t = Tokenizer(models.BPE(vocab=json.load(open(f"{folder}/encoder.json", encoding="utf-8")), merges=merges))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return lambda text: t.encode(text).ids


def main(library, model, path, folder):
    data = open(path, "rb").read()
    text = data.decode()
    lines = text.splitlines(keepends=True)
    h = hugging_face(folder)
    own, t = linnet(library, model), tik(folder)
    ids, n = own(data)
    assert ids[:n] == t(text), "other ids than tiktoken"
    for name, run in (("linnet", lambda: own(data)), ("tiktoken", lambda: t(text)), ("tokenizers, by line", lambda: [h(line) for line in lines])):
        times = []
        for _ in range(10):
            began = time.perf_counter()
            run()
            times.append(time.perf_counter() - began)
        print(f"{name:20} {len(data) / statistics.median(times[1:]) / 1e6:7.1f} MB/s")


main(*sys.argv[1:])
