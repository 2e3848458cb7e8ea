"""Makes tests/golden/tokenizer/ for what a model sees of texts and pairs: WordPiece and RoBERTa's byte-level BPE.

    python3 tests/golden/wordpiece.py tests/golden/tokenizer SHARED

    wordpiece/tokenizer.json   a WordPiece of BERT's kind, counted here from texts of this repository, with characters of many scripts
    roberta/tokenizer.json     a byte-level BPE with RoBERTa's template and special tokens
    wordpiece.bin, roberta.bin groups of cases under variants of these; gpt2-places.bin under own/tokenizer.json: per group the text
                               edited and the new text (u32 bytes, the bytes), u32 cases, and per case u32 flags (1: special tokens
                               are ordinary text), u32 max_tokens, the text, u32 0 or 1 and the second text, u32 tokens, u32 dropped,
                               u32 U+FFFD read, u64 hash of ids, segments, and places (begin, end, which text) in bytes
    minilm.bin                 the same under SHARED/models/all-MiniLM-L6-v2, one group
    minilm-files.txt           "path ids hash lines-hash" of files of SHARED/data: the file as one text without template, and
                               its lines with places, truncated to 128: sum of a line's hash * (2 * number + 1)
    normalized.txt             "bytes hash" of a text with every code point among marks under each of BertNormalizer's 16 settings; with
                               none and with all of them on also "pieces hash" of the lengths of BertPreTokenizer's pieces

A hash of numbers is that of tokenizer.py.
"""
import collections, os, re, struct, sys

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from tokenizer import FILES, byte_level, fingerprint, hostile, pack

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
SCRIPTS = "éàüñçßøåıΑαΒβΣσςЖжЯяйאבגעربनमस्ते你好世界中国東京かなカナ한국어ᄒ\u1161\u11ab。،“”–…👋🌍\u302e\u0345\u1d165"


def texts_here():
    here = os.path.dirname(os.path.abspath(__file__))
    return open(f"{here}/../../convert/quality_text.c", encoding="utf-8").read()


def most_common(pieces, n):
    counts = collections.Counter(pieces)
    return sorted(counts, key=lambda piece: (-counts[piece], piece))[:n]


def wordpiece():
    """Common words, and what words commonly go on with: the trainer of tokenizers numbers its tokens anew in each run."""
    words = re.findall("[a-z]+", texts_here().lower())
    ends = ["##" + word[at:at + n] for word in words for at in range(1, len(word)) for n in (2, 3, 4)]
    vocab = {token: id for id, token in enumerate(SPECIAL + most_common(words, 150) + most_common(ends, 300))}
    for c in SCRIPTS + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;:!?'\"()[]<>|-_#$%&*+=/\\@^`{}~":
        for token in (c, "##" + c):
            vocab.setdefault(token, len(vocab))
    t = Tokenizer(models.WordPiece(vocab=vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.add_special_tokens(SPECIAL)
    t.add_tokens([AddedToken("Ünder", normalized=True), AddedToken("[NEW]", normalized=False)])
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                     special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    t.decoder = decoders.WordPiece()
    return t


def roberta():
    t = byte_level(models.BPE())
    t.train_from_iterator([texts_here()], trainers.BpeTrainer(vocab_size=400, special_tokens=ROBERTA, show_progress=False,
                                                              initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.add_special_tokens([AddedToken(x, normalized=True) for x in ROBERTA[:4]] + [AddedToken("<mask>", lstrip=True, normalized=False)])
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return t


# ---- cases ----


def decode(data):
    """The text, and where each of its characters begins in the bytes."""
    text, starts, at = "", [], 0
    while at < len(data):
        try:
            valid, behind = len(data), len(data)
            data[at:].decode()
        except UnicodeDecodeError as e:
            valid, behind = at + e.start, at + e.end
        for c in data[at:valid].decode():
            starts.append(at)
            text += c
            at += len(c.encode())
        if valid < behind:
            starts.append(valid)
            text += "\ufffd"
        at = behind
    assert text == data.decode(errors="replace")
    return text, starts + [len(data)]


def seen(tokenizer, first, second, flags, most):
    """What lnt_encode gives: ids, segments, places, tokens left out, invalid sequences."""
    tokenizer.encode_special_tokens = bool(flags & 1)
    texts = [decode(t) for t in (first, second) if t is not None]
    tokenizer.no_truncation()
    whole = tokenizer.encode(*(t for t, _ in texts))
    if most:
        tokenizer.enable_truncation(most)
    e = tokenizer.encode(*(t for t, _ in texts))
    places = []
    for (begin, end), special, which in zip(e.offsets, e.special_tokens_mask, e.sequence_ids):
        which = which or 0
        starts = texts[which][1]
        places += [0, 0, 0] if special else [starts[begin], starts[end], which]
    invalid = sum(t.count("\ufffd") for t, _ in texts) - sum(t.count("\ufffd".encode()) for t in (first, second) if t is not None)
    return e.ids, list(e.type_ids), places, len(whole.ids) - len(e.ids), invalid if isinstance(tokenizer.model, models.WordPiece) else 0


def case(tokenizer, first, second=None, flags=0, most=0):
    first, second = (t.encode() if isinstance(t, str) else t for t in (first, second))
    ids, segments, places, dropped, invalid = seen(tokenizer, first, second, flags, most)
    hashed = int(fingerprint(ids + segments + places).split()[1])
    return (struct.pack("<II", flags, most) + pack(first) + (struct.pack("<I", 0) if second is None else struct.pack("<I", 1) + pack(second))
            + struct.pack("<IIIQ", len(ids), dropped, invalid, hashed))


def invalid():
    yield from (b"\xff", b"a\xc3", b"\xc3(b", b"\xed\xa0\x80", b"\xed\xb2\x80 x", b"\xf4\x90\x80\x80", b"a\xe2\x82", b"\xc0\xaf", b"\x80\x80 \x80",
                b"\xf0\x9f\x91", b"\xf0\x9f\x91a", b"e\xcc\x81\xcc", b"[MAS\xffK] [MASK]\xff <mask>\xff", b"\xe4\xbd\xa0\xff\xe5\xa5\xbd", b"\xf8\x88\x80\x80\x80 b")


def words():
    """Texts of what BERT does with them."""
    yield from ("Hello, World! unaffable", "ÀÉÎÕÜ ñandú Straße ŒUVRE", "e\u0301\u0323\u0301 a\u0308", "İstanbul ISPARTA ıı", "ΑΣ ΣΑΣ όσος ΟΔΟΣ", "你好world世界abc",
                "カナ 한국어 각 \u1112\u1161\u11ab", "a\u00adb\u200bc\u200dd\ufeffe", "tab\tnew\nline\r\nvt\x0bff\x0c\x85nel\u2028ls\u3000", "\x00\x01a\x7fb\ufffdc")
    yield from ("a" * 99, "a" * 100, "a" * 101, "é" * 100, "é" * 101, "e\u0301" * 100, "가" * 40, "가" * 101, "under" * 30, "ünder" * 3, "UNDER under ÜNDER xünderx")
    yield from ("[CLS] a [SEP] [MASK][MASK] [mask] [MASK", "a [NEW] [new][NEW]b", "[UNK] [PAD]", "x[MASK]y [MASK].", " [MASK]  ", "<s>a</s>", "a <mask> b", "<mask>", " \t<mask>\n",
                "<mask><mask>", "é <mask>", "<s> <mask></s>\u3000<mask>")
    yield from ("\u302e\u0345\u0301a\u302e\u0323", "a\u1d165\u302e\u0345b", "$1,000.50 (50%) #tag @me a_b c-d", "“quoted”—dash…", "''``~^", "👋🏽🌍 🇩🇪", "न\u0947मस\u094dते", "zzqx qq")


def pairs():
    short, long = "one two", "the quick brown fox jumps over the lazy dog, and the whale"
    yield from ((short, long), (long, short), (long, long), ("", long), (long, ""), ("", ""), ("[MASK] a", "b <mask>"), ("né", "ünder\u0301 中"))


def cases(tokenizer, texts, n_special):
    for text in texts:
        yield case(tokenizer, text)
    for first, second in pairs():
        for most in (0, *range(n_special, n_special + 12), 20, 25):
            yield case(tokenizer, first, second, most=most)
    for most in range(n_special, n_special + 5):
        yield case(tokenizer, "the whale, and the sea", most=most)


def group(old, new, tokenizer, texts, n_special):
    made = list(cases(tokenizer, texts, n_special))
    return pack(old.encode()) + pack(new.encode()) + struct.pack("<I", len(made)) + b"".join(made)


def group_of_texts(old, new, saved, texts, flags):
    assert saved.count(old) >= 1, old
    t = Tokenizer.from_str(saved.replace(old, new, 1))
    made = [case(t, text, flags=f) for f in flags for text in texts]
    return pack(old.encode()) + pack(new.encode()) + struct.pack("<I", len(made)) + b"".join(made)


BERT = '"clean_text": true,\n    "handle_chinese_chars": true,\n    "strip_accents": null,\n    "lowercase": true'
MASK = '"content": "[MASK]",\n      "single_word": false,\n      "lstrip": false,\n      "rstrip": false,\n      "normalized": false'
MASK2 = '"content": "<mask>",\n      "single_word": false,\n      "lstrip": true,\n      "rstrip": false,\n      "normalized": false'


def wordpiece_variants():
    yield from ((BERT, BERT.replace("null", value).replace('lowercase": true', f'lowercase": {lower}')) for value in ("null", "true", "false") for lower in ("true", "false"))
    yield BERT, BERT.replace('clean_text": true', 'clean_text": false')
    yield BERT, BERT.replace('chars": true', 'chars": false')
    yield BERT, BERT.replace("true", "false")
    yield from ((MASK, MASK.replace(f'"{key}": false', f'"{key}": true')) for key in ("single_word", "lstrip", "rstrip", "normalized"))
    yield MASK, MASK.replace("false", "true")
    yield '"max_input_chars_per_word": 100', '"max_input_chars_per_word": 7'
    yield '"continuing_subword_prefix": "##"', '"continuing_subword_prefix": ""'
    yield '"continuing_subword_prefix": "##"', '"continuing_subword_prefix": "#"'
    yield '"unk_token": "[UNK]"', '"unk_token": "a"'


def roberta_variants():
    yield '"trim_offsets": true,\n    "add_prefix_space": false\n', '"trim_offsets": false,\n    "add_prefix_space": false\n'
    yield '"trim_offsets": true,\n    "add_prefix_space": false\n', '"trim_offsets": true,\n    "add_prefix_space": true\n'
    yield '"add_prefix_space": false', '"add_prefix_space": true'
    yield '"use_regex": true', '"use_regex": false'
    yield from ((MASK2, MASK2.replace(f'"{key}": false', f'"{key}": true')) for key in ("single_word", "rstrip"))


def write(path, saved, variants, few, n_special):
    t = Tokenizer.from_str(saved)
    with open(path, "wb") as f:
        f.write(group("{", "{", t, [*hostile(), *few], n_special))
        for old, new in variants:
            f.write(group_of_texts(old, new, saved, few, (0, 1) if old.startswith('"content"') else (0,)))


def write_files(path, t, shared):
    with open(path, "w") as f:
        for name in FILES:
            text = open(f"{shared}/data/{name}", encoding="utf-8", newline="").read()
            t.no_truncation()
            whole, lines = fingerprint(t.encode(text, add_special_tokens=False).ids), 0
            for i, line in enumerate(text.encode().split(b"\n")):
                ids, segments, places, _, _ = seen(t, line, None, 0, 128)
                lines += int(fingerprint(ids + segments + places).split()[1]) * (2 * i + 1)
            print(name, whole, lines % (1 << 64), file=f)


def write_normalized(path):
    texts = ["".join(f"a{chr(c)}\u0301\u302e{chr(c)} {chr(c)}B" for c in range(first, first + 0x1000) if not 0xd800 <= c < 0xe000)
             for first in range(0, 0x110000, 0x1000)]
    with open(path, "w") as f:
        for bits in range(16):
            n = normalizers.BertNormalizer(clean_text=bool(bits & 1), handle_chinese_chars=bool(bits & 2), strip_accents=bool(bits & 4), lowercase=bool(bits & 8))
            results = [n.normalize_str(text) for text in texts]
            print(fingerprint(np.frombuffer("".join(results).encode(), dtype=np.uint8)), file=f, end=" " if bits in (0, 15) else "\n")
            if bits in (0, 15):
                pieces = [piece for result in results for piece, _ in pre_tokenizers.BertPreTokenizer().pre_tokenize_str(result)]
                print(fingerprint([len(piece.encode()) for piece in pieces]), file=f)


def main(out, shared):
    for name, t, variants in (("wordpiece", wordpiece(), wordpiece_variants()), ("roberta", roberta(), roberta_variants())):
        os.makedirs(f"{out}/{name}", exist_ok=True)
        t.save(f"{out}/{name}/tokenizer.json")
        saved = open(f"{out}/{name}/tokenizer.json", encoding="utf-8").read()
        if name == "wordpiece":
            write(f"{out}/{name}.bin", saved, variants, [*words(), *invalid()], 3)
        else:  # bytes that are no UTF-8 are tokens for Linnet, and U+FFFD for Hugging Face
            write(f"{out}/{name}.bin", saved, variants, [*words()], 4)
    with open(f"{out}/gpt2-places.bin", "wb") as f:
        saved = open(f"{out}/own/tokenizer.json", encoding="utf-8").read()
        for old, new in (("{", "{"), ('"add_prefix_space": false', '"add_prefix_space": true')):
            f.write(group_of_texts(old, new, saved, [*words()], (0,)))
    minilm = Tokenizer.from_file(f"{shared}/models/all-MiniLM-L6-v2/tokenizer.json")
    minilm.no_padding()
    with open(f"{out}/minilm.bin", "wb") as f:
        f.write(group("{", "{", minilm, [*hostile(), *words(), *invalid()], 3))
    write_files(f"{out}/minilm-files.txt", minilm, shared)
    write_normalized(f"{out}/normalized.txt")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
