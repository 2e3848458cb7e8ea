"""Writes engine/unicode_kinds.h: what each code point is to BERT's text handling in Hugging Face tokenizers.

    python3 tests/golden/bert_unicode.py > engine/unicode_kinds.h

Nothing is taken from a Unicode database: the normalizers and pre-tokenizers of the pinned tokenizers (requirements.txt)
are asked about every code point. tests/test_wordpiece.c checks the result again with whole tokenizations of them.
"""
import functools, sys

from tokenizers import AddedToken, Tokenizer, __version__, models, normalizers, pre_tokenizers

REMOVED, WHITE, PUNCTUATION, IDEOGRAPH, MARK, DECOMPOSES, LOWERS, WORD = (1 << i for i in range(8))
PART = 16  # code points in a part, parts in a block
LIMIT = 0x30000  # above it the kinds are listed as ranges
HANGUL = range(0xAC00, 0xD7A4)  # decompose by arithmetic
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def bert(**setting):
    return normalizers.BertNormalizer(**{**dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False), **setting})


def fail(c, what):
    sys.exit(f"U+{c:04X}: {what}")


def ask():
    """Bits of each code point, decompositions, lower case."""
    clean, chinese, strip, lower = bert(clean_text=True), bert(handle_chinese_chars=True), bert(strip_accents=True), bert(lowercase=True)
    nfd, pre = normalizers.NFD(), pre_tokenizers.BertPreTokenizer()
    found = Tokenizer(models.BPE(vocab={"x": 0}, merges=[], unk_token="x"))
    found.add_special_tokens([AddedToken("<s>", single_word=True)])
    strips = Tokenizer(models.BPE(vocab={"x": 0}, merges=[], unk_token="x"))
    strips.add_special_tokens([AddedToken("<s>", rstrip=True)])
    bits, decompositions, lowers = {}, {}, {}
    for c in CODE_POINTS:
        s, b = chr(c), 0
        pieces = len(pre.pre_tokenize_str("a" + s + "b"))
        b |= {1: 0, 2: WHITE, 3: PUNCTUATION}[pieces]
        cleaned = clean.normalize_str(s)
        if cleaned == "":
            b |= REMOVED
        elif cleaned != (" " if b & WHITE else s):
            fail(c, f"is cleaned to {cleaned!r}")
        if chinese.normalize_str(s) != s:
            b |= IDEOGRAPH
        d, m = nfd.normalize_str(s), lower.normalize_str(s)
        if d != s:
            b |= DECOMPOSES
            if c not in HANGUL:
                decompositions[c] = d
            else:
                i = c - HANGUL[0]
                if d != chr(0x1100 + i // 588) + chr(0x1161 + i // 28 % 21) + (chr(0x11A7 + i % 28) if i % 28 else ""):
                    fail(c, "does not decompose as Hangul")
        elif strip.normalize_str(s) == "":
            b |= MARK
        if m != s:
            b |= LOWERS
            lowers[c] = m
        if found.encode("<s>" + s).ids[0] == 0:
            b |= WORD
        if (len(strips.encode("<s>" + s).ids) == 1) != bool(b & WHITE):
            fail(c, "is whitespace to one of the pre-tokenizer and rstrip only")
        bits[c] = b
    return bits, decompositions, lowers


def combining_classes(bits):
    """The order in which NFD puts marks: 0 for starters, then 1, 2, .. for classes (not Unicode's numbers)."""
    nfd = normalizers.NFD().normalize_str

    def order(a, b):
        return -1 if nfd(b + a) == a + b else 1 if nfd(a + b) == b + a else 0
    low, high = "\u0334", "\u0345"
    marks = [chr(c) for c in CODE_POINTS if not bits[c] & DECOMPOSES and (order(low, chr(c)) or order(chr(c), high))
             and not (order(low, chr(c)) == 0 and order(chr(c), high) == 0)]
    marks.sort(key=functools.cmp_to_key(order))
    classes, n = {}, 0
    for i, m in enumerate(marks):
        n += i == 0 or order(marks[i - 1], m) != 0
        classes[ord(m)] = n
    for m in marks:
        if bits[ord(m)] & (WHITE | PUNCTUATION | IDEOGRAPH):
            fail(ord(m), "combines, and ends a word")
    return classes


def lower_ranges(lowers):
    """(first, last, step, distance) of code points whose lower case is one character as far away."""
    ranges = []
    for c in sorted(lowers):
        if len(lowers[c]) != 1:
            if (c, lowers[c]) != (0x130, "i\u0307"):
                fail(c, f"has the lower case {lowers[c]!r}")
            continue
        distance = ord(lowers[c]) - c
        r = ranges[-1] if ranges else None
        if r and r[3] == distance and c - r[1] in (1, 2) and r[2] in (0, c - r[1]):
            r[1], r[2] = c, c - r[1]
        else:
            ranges.append([c, c, 0, distance])
    return [(first, last, step or 1, distance) for first, last, step, distance in ranges]


def rows(values, width=118):
    line = "   "
    for v in values:
        if len(line) + len(v) + 2 > width:
            print(line)
            line = "   "
        line += f" {v},"
    print(line)


def grouped(lists):
    for values in lists:
        yield "{" + str(values[0])
        yield from (str(v) for v in values[1:-1])
        yield str(values[-1]) + "}"


def main():
    bits, decompositions, lowers = ask()
    classes = combining_classes(bits)
    kind = {c: (bits[c], classes.get(c, 0)) for c in CODE_POINTS}
    kinds = sorted(set(kind.values()))
    kinds.remove((0, 0))
    kinds.insert(0, (0, 0))
    number = {k: i for i, k in enumerate(kinds)}
    parts, blocks, index = {}, {}, []
    for start in range(0, LIMIT, PART * PART):
        block = []
        for at in range(start, start + PART * PART, PART):
            part = tuple(number[kind.get(c, (0, 0))] for c in range(at, at + PART))
            block.append(parts.setdefault(part, len(parts)))
        index.append(blocks.setdefault(tuple(block), len(blocks)))
    assert len(blocks) <= 256 and len(kinds) <= 256
    tail = []
    for c in range(LIMIT, 0x110000):
        if kind[c] == (0, 0):
            continue
        if tail and tail[-1][1] == c - 1 and tail[-1][2] == number[kind[c]]:
            tail[-1][1] = c
        else:
            tail.append([c, c, number[kind[c]]])
    pool, keys = [], []
    for c in sorted(decompositions):
        assert len(decompositions[c]) <= 4
        keys.append((c, len(pool)))
        pool += [ord(d) for d in decompositions[c]]
    keys.append((0x110000, len(pool)))
    assert len(pool) < 1 << 16
    ranges = lower_ranges(lowers)

    print(f"""/* Generated by tests/golden/bert_unicode.py from tokenizers {__version__}: do not edit.
   {len(decompositions)} decompositions, {len(lowers)} lower cases, {max(classes.values())} combining classes. */
#include <stdint.h>

enum {{ KINDS_LIMIT = 0x{LIMIT:X} }};

/* Bits (engine/unicode.h) and combining class. */
static const uint8_t kinds[{len(kinds)}][2] = {{""")
    rows([f"{{{b}, {k}}}" for b, k in kinds])
    print(f"""}};

/* Which block of kind_blocks holds code points i * {PART * PART} and up. */
static const uint8_t kind_index[{len(index)}] = {{""")
    rows([str(i) for i in index])
    print(f"}};\n\n/* Which part of kind_parts holds {PART} of its code points each. */\nstatic const uint16_t kind_blocks[{len(blocks)}][{PART}] = {{")
    rows(grouped(blocks))
    print(f"}};\n\nstatic const uint8_t kind_parts[{len(parts)}][{PART}] = {{")
    rows(grouped(parts))
    print("};\n\n/* Above KINDS_LIMIT: first, last, kind. */")
    print(f"static const uint32_t kind_tail[{len(tail)}][3] = {{")
    rows([f"{{0x{a:x}, 0x{b:x}, {k}}}" for a, b, k in tail])
    print("};\n\n/* Full canonical decompositions: code point, and where it begins in decomposed; the next one begins where it ends. */")
    print(f"static const struct {{\n    uint32_t code;\n    uint16_t at;\n}} decompositions[{len(keys)}] = {{")
    rows([f"{{0x{c:x}, {at}}}" for c, at in keys])
    print(f"}};\n\nstatic const uint32_t decomposed[{len(pool)}] = {{")
    rows([f"0x{c:x}" for c in pool])
    print("};\n\n/* Every step-th code point from first to last has the lower case that far away; U+0130 is apart. */")
    print(f"static const struct {{\n    uint32_t first, last;\n    int32_t step, distance;\n}} lowers[{len(ranges)}] = {{")
    rows([f"{{0x{a:x}, 0x{b:x}, {s}, {d}}}" for a, b, s, d in ranges])
    print("};")


main()
