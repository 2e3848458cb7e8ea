"""Makes tests/golden/tokenizer/: what Hugging Face tokenizers makes of texts.

    python3 tests/golden/tokenizer.py tests/golden/tokenizer SHARED

    own/tokenizer.json    a byte-level BPE of 600 tokens, trained here on texts of this repository, with two added tokens
    own.bin               hostile texts under it: per text u32 bytes, the bytes, u32 ids, i32 ids
    variants.bin          own/tokenizer.json with one place edited: u32 n, the text there, u32 n, the new text, u32 cases, and per
                          case u32 flags (1: special tokens are ordinary text), then as in own.bin
    codepoints.txt        "ids hash" of a text that has every code point in three places, under own and under GPT-2's
    gpt2.bin              the same texts under GPT-2's own vocabulary (SHARED/data/gpt2-tokenizer)
    files.txt             "path ids hash" of whole files of SHARED/data under GPT-2's vocabulary; the hash is the sum of
                          id * (2 * index + 1) * 0x9E3779B97F4A7C15, modulo 2^64
"""
import glob, json, os, struct, sys

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

END = "<|endoftext|>"
FILES = ["wikitext2-raw/wiki.test.raw", "tinyshakespeare.txt", "stsb/sts-train.csv", "stsb/sts-dev.csv", "stsb/sts-test.csv", "sst2/train.tsv",
         "sst2/dev.tsv", "sst2/test.tsv", "conll2003/train.txt", "conll2003/valid.txt", "conll2003/test.txt"]


def byte_level(model):
    t = Tokenizer(model)
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    return t


def own():
    t = byte_level(models.BPE())
    here = os.path.dirname(os.path.abspath(__file__))
    texts = [open(f"{here}/../../convert/quality_text.c", encoding="utf-8").read()]
    t.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=600, special_tokens=[AddedToken(END)], show_progress=False,
                                                     initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.add_tokens([AddedToken("<|end", normalized=False), AddedToken("naïve", normalized=False)])
    return t


def gpt2(shared):
    folder = f"{shared}/data/gpt2-tokenizer"
    vocab = json.load(open(f"{folder}/encoder.json", encoding="utf-8"))
    merges = [tuple(line.split(" ")) for line in open(f"{folder}/vocab.bpe", encoding="utf-8").read().split("\n")[1:] if line]
    t = byte_level(models.BPE(vocab=vocab, merges=merges))
    t.add_special_tokens([AddedToken(END)])
    return t


def hostile():
    spaces = [chr(c) for c in range(0x3001) if chr(c).isspace()]
    yield ""
    yield from (" ", "  ", "   ", "\n", "\n\n", " \n ", "a ", "a  ", " a", "  a", "a\n", "a \n b", "\t\ta", "\r\n\r\n", "a   b    c     \n\n  d")
    yield from ("don't we'll they've I'm you're he'd it's", "DON'T WE'LL", "' s 't 'rex 'll 'l 'v'r''s", "o'clock 'tis ’s ’t", "'", "''", "'''''s")
    yield from ("3.14159 1,000,000 ½ ² Ⅷ ٣٤ ৩ 10km km10 a1b2", "x²+y³=z", "12345678901234567890" * 20)
    yield from (END, f"a{END}b", f"{END}{END}", f" {END} ", "<|endoftext|", "<|end", "<|endof<|endoftext|>|>", "<" * 300, "<|" * 200, "a naïve man, naïve")
    yield from ("héllo wörld", "e\u0301e\u0301\u0301 a\u0308\u0323", "नमस्ते दुनिया", "สวัสดีชาวโลก", "你好，世界。今天天气很好！", "こんにちは、世界", "안녕하세요 세계",
                "مرحبا بالعالم", "שלום עולם", "ab\u200fcd\u202eef\u2066gh", "👋🌍 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇯🇵 1️⃣", "𝕳𝖊𝖑𝖑𝖔 𐍈 𠜎 \U0010ffff", "ﬁ ﬂ Ǆ ẞ İ ı", "\u0130stanbul")
    yield from ("a\0b\0\0c", "\x01\x02\x1f\x7f\x80\x9f", "\ufeffbom", "\ufffd\ufffe\uffff", "a\u00adb\u200bc\u200dd\u2060e")
    yield "".join(f"a{s}b{s}{s}c{s}" for s in spaces)
    yield "".join(spaces) + "x" + "".join(reversed(spaces))
    yield from (s * 5 + "a" + s * 2 for s in spaces)
    yield from ("a" * 1000, "ab" * 700, "=" * 777, " " * 999 + "a", "\n" * 501, "é" * 333, "你" * 257, "👋" * 100)
    rng = np.random.default_rng(5)
    for _ in range(40):
        yield "".join(chr(c) for c in rng.choice([32, 10, 39, 115, 116, 97, 0xe9, 49, 0xb2, 33, 0x3000, 0x4f60, 0x1f44b, 60, 124], rng.integers(1, 60)))


PRE = '"pre_tokenizer": {\n    "type": "ByteLevel",\n    "add_prefix_space": false,\n    "trim_offsets": true,\n    "use_regex": true'
NAIVE = '"content": "naïve",\n      "single_word": false,\n      "lstrip": false,\n      "rstrip": false,\n      "normalized": false,\n      "special": false'
VARIANTS = [("{", "{"), (PRE, PRE.replace("space\": false", "space\": true")), (PRE, PRE.replace("regex\": true", "regex\": false")),
            (PRE, PRE.replace("space\": false", "space\": true").replace("regex\": true", "regex\": false")),
            ('"ignore_merges": false', '"ignore_merges": true'), (NAIVE, NAIVE.replace('normalized": false', 'normalized": true')),
            (NAIVE, NAIVE.replace('"special": false', '"special": true'))]


def probes():
    """Short texts of what the variants differ in."""
    parts = ["a", " ", "the", " the", "naïve", "nai", END, "<|end", "<|", "\n", "  ", "'s", "12", "é", ", and", "tion"]
    rng = np.random.default_rng(7)
    yield from ("", " ", "a", " a", "the", f"{END}the", f"the{END} the", f"{END} {END}", "naïve", "naïvenaïve", " naïve ", "<|endoftext|", "the the\n\nthe")
    for _ in range(60):
        yield "".join(rng.choice(parts, rng.integers(1, 12)))


def pack(data):
    return struct.pack("<I", len(data)) + data


def case(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return pack(text.encode()) + struct.pack("<I", len(ids)) + np.asarray(ids, dtype="<i4").tobytes()


def write(path, tokenizer):
    with open(path, "wb") as f:
        for text in hostile():
            f.write(case(tokenizer, text))


def write_variants(path, saved):
    with open(path, "wb") as f:
        for old, new in VARIANTS:
            assert saved.count(old) >= 1
            t = Tokenizer.from_str(saved.replace(old, new, 1))
            cases = []
            for flags in (0, 1):
                t.encode_special_tokens = bool(flags)
                cases += [struct.pack("<I", flags) + case(t, text) for text in probes()]
            f.write(pack(old.encode()) + pack(new.encode()) + struct.pack("<I", len(cases)) + b"".join(cases))


def fingerprint(ids):
    ids = np.asarray(ids, dtype=np.uint64)
    weights = (2 * np.arange(len(ids), dtype=np.uint64) + 1) * np.uint64(0x9E3779B97F4A7C15)
    return f"{len(ids)} {int((ids * weights).sum(dtype=np.uint64))}"


def main(out, shared):
    os.makedirs(f"{out}/own", exist_ok=True)
    t, g = own(), gpt2(shared)
    t.save(f"{out}/own/tokenizer.json")
    write(f"{out}/own.bin", t)
    write(f"{out}/gpt2.bin", g)
    write_variants(f"{out}/variants.bin", open(f"{out}/own/tokenizer.json", encoding="utf-8").read())
    with open(f"{out}/codepoints.txt", "w") as f:
        text = "".join(f"a{chr(c)} {chr(c)}1{chr(c)}" for c in range(0x110000) if not 0xd800 <= c < 0xe000)
        for tokenizer in t, g:
            print(fingerprint(tokenizer.encode(text, add_special_tokens=False).ids), file=f)
    with open(f"{out}/files.txt", "w") as f:
        for path in FILES:
            print(path, fingerprint(g.encode(open(f"{shared}/data/{path}", encoding="utf-8", newline="").read()).ids), file=f)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
