"""Tokenization of a text, one thread each: Linnet (through ctypes), Hugging Face tokenizers, and for GPT-2 tiktoken.

    RAYON_NUM_THREADS=1 python3 bench/compare_tokenizers.py build/liblinnet.so MODEL.lnt TEXT FOLDER

FOLDER holds MODEL's tokenizer.json, or GPT-2's encoder.json and vocab.bpe. Medians of 9 runs behind a first one (cold caches), in
seconds of CPU, so that other jobs on the machine do not count. Linnet takes the text line by line too, and gives the same ids.
"""
import ctypes, json, os, statistics, sys, time

from tokenizers import Tokenizer, models, pre_tokenizers


class Encoding(ctypes.Structure):
    _fields_ = [("ids", ctypes.POINTER(ctypes.c_int32)), ("segments", ctypes.c_void_p), ("places", ctypes.c_void_p),
                ("n", ctypes.c_size_t), ("n_dropped", ctypes.c_size_t), ("n_invalid", ctypes.c_size_t)]


def linnet(library, model):
    l = ctypes.CDLL(library)
    l.lnt_open.restype = l.lnt_tokenizer_new.restype = ctypes.c_void_p
    l.lnt_encode.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_uint,
                             ctypes.c_void_p, ctypes.c_void_p]
    t = l.lnt_tokenizer_new(ctypes.c_void_p(l.lnt_open(model.encode(), None)), None)
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


def main(library, model, path, folder):
    data = open(path, "rb").read()
    text = data.decode()
    lines = [line for line in text.split("\n") if line.strip()]
    coded = [line.encode() for line in lines]
    own, h = linnet(library, model), hugging_face(folder)
    for line, expected in zip(coded, h.encode_batch(lines)):
        e = own(line)
        assert e.ids[:e.n] == expected.ids, f"other ids than tokenizers: {line}"
    runs = [("linnet, whole text", lambda: own(data)), ("linnet, by line", lambda: [own(line) for line in coded]),
            ("tokenizers, encode_batch_fast", lambda: h.encode_batch_fast(lines)), ("tokenizers, encode_batch", lambda: h.encode_batch(lines))]
    if os.path.exists(f"{folder}/encoder.json"):
        t = tik(folder)
        runs += [("tiktoken, whole text", lambda: t(text))]
    for name, run in runs:
        times = []
        for _ in range(10):
            began = time.process_time()
            run()
            times.append(time.process_time() - began)
        print(f"{name:30} {len(data) / statistics.median(times[1:]) / 1e6:7.1f} MB/s, first run {len(data) / times[0] / 1e6:7.1f}")


main(*sys.argv[1:])
