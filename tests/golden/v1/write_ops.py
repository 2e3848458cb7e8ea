#!/usr/bin/env python3
"""Wrote ops.lnt, by docs/format.md alone: what a version-1 file may hold and no converter has put into one yet. A record, as make.py is.

    write_ops.py OUT.lnt     needs numpy and the library libxxhash

Every op but those of images, every norm, activation, pooling and type, fewer key heads than heads, scales of a linear op's input, negative
scales of q4; tokens of no bytes, a pair's template, all kinds of keys; sections in another order, and gaps between the tensors.
"""
import os, struct, sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../format"))
from reader import HASH, planes_of, up

WIDTH, VOCAB, N_CTX, LAYERS = 16, 264, 12, 2
random = np.random.Generator(np.random.PCG64(2026))


def pad(b, to):
    return b + bytes(up(len(b), to) - len(b))


def entry(key, value):
    kind, count = {int: 1, float: 3, bool: 4}.get(type(value)), 1
    if kind is None and isinstance(value, bytes):
        kind, count, payload = 5, len(value), value + b"\0"
    elif kind is None and isinstance(value, list):
        ends = np.cumsum([0, *(len(s) + 1 for s in value)]).astype("<u4")
        kind, count, payload = 6, len(value), ends.tobytes() + b"".join(s + b"\0" for s in value)
    elif kind is None:
        kind, count, payload = (7 if value.dtype == np.uint32 else 8), value.size, value.tobytes()
    else:
        if kind == 1 and value < 0:
            kind = 2
        payload = struct.pack("<" + " QqdQ"[kind], value)
    body = pad(key.encode() + b"\0", 8) + pad(payload, 8)
    return struct.pack("<IHHQ", 16 + len(body), kind, len(key), count) + body


def block(entries):
    return b"".join(entry(*e) for e in entries.items())


# ---- tensors ----

def quantised(kind, n, k):
    """Any numbers: codes, scales, and the sums that belong to them."""
    shapes = [(np.dtype(t), s) for t, s in planes_of(kind, "panels", n, k)]
    w = np.zeros((up(n, 16), up(k, 64)), np.int64)
    w[:n, :k] = random.integers(-127, 128, (n, k)) if kind == "q8" else random.integers(-8, 8, (n, k))
    if kind == "q8":
        scale = np.zeros(len(w), np.float32)
        scale[:n] = random.random(n) * 0.002 + 0.001
        return [w.reshape(-1, 16, w.shape[1] // 4, 4).transpose(0, 2, 1, 3).astype("i1"), scale, w.sum(1).astype("<i4")]
    scale = np.zeros((len(w), w.shape[1] // 32), np.float16)
    scale[:n, :up(k, 32) // 32] = (random.random((n, up(k, 32) // 32)) - 0.5) * 0.1
    sums = np.zeros(len(w))
    for g in range(scale.shape[1]):
        sums += scale[:, g].astype(np.float64) * w[:, 32 * g:32 * g + 32].sum(1)
    steps = (w + 8).reshape(-1, 16, w.shape[1] // 8, 2, 4).transpose(0, 2, 3, 1, 4)
    return [(steps[:, :, 0] | steps[:, :, 1] << 4).astype("u1"), scale.reshape(-1, 16, scale.shape[1]).transpose(0, 2, 1).copy(),
            sums.astype(np.float32)]


def floats(kind, layout, n, k, around=0.0):
    (dtype, shape), = planes_of(kind, layout, n, k)
    x = np.zeros((up(n, 16) if layout == "panels" else n, k if layout == "panels" else up(k, 16)), np.float32)
    x[:n, :k] = random.random((n, k)) - 0.5 + around
    return [(x.reshape(-1, 16, k).transpose(0, 2, 1) if layout == "panels" else x).astype(dtype).reshape(shape)]


class Tensors(list):
    def add(self, name, kind, layout, n, k, around=0.0):
        planes = quantised(kind, n, k) if kind in ("q8", "q4") else floats(kind, layout, n, k, around)
        self.append((name, kind, layout, n, k, b"".join(pad(p.tobytes(), 64) for p in planes)))
        return len(self) - 1

    def vector(self, name, k, around=0.0):
        return self.add(name, "f32", "rows", 1, k, around)


def directory(tensors):
    """Its bytes and the data's. Gaps of 64 bytes are allowed."""
    out, data = b"", b""
    for name, kind, layout, n, k, b in tensors:
        data += bytes(64)
        record = struct.pack("<I8s8sQQQQ16s", len(name), kind.encode(), layout.encode(), n, k, len(data), len(b), HASH(b)) + name.encode() + b"\0"
        out = pad(out + struct.pack("<I", 72 + up(len(name) + 1, 8)) + record, 8)
        data += b
    return out, data


# ---- the graph ----

TOKENS, OUTPUTS, SEQUENCES = 0, 1, 2


class Graph:
    def __init__(self):
        self.values, self.ops, self.taps = b"", [], b""

    def op(self, name, rows, width, inputs=(), tensors=(), **attributes):
        a, ids = block(attributes), pad(struct.pack(f"<{len(inputs) + len(tensors)}I", *inputs, *tensors), 8)
        self.ops.append(struct.pack("<IHHII16s", 32 + len(ids) + len(a), len(inputs), len(tensors), len(self.ops), 0, name.encode()) + ids + a)
        self.values += struct.pack("<II", rows, width)
        return len(self.ops) - 1

    def tap(self, name, index, value):
        self.taps += struct.pack("<24sII", name.encode(), index, value)

    def bytes(self):
        return struct.pack("<IIII", len(self.ops), len(self.ops), len(self.taps) // 32, 0) + self.values + self.taps + b"".join(self.ops)


def make_graph(t):
    g = Graph()
    x = g.op("embed", TOKENS, WIDTH, tensors=(t.add("tokens", "f16", "panels", VOCAB, WIDTH), t.add("positions", "f32", "rows", N_CTX + 2, WIDTH),
                                              t.add("segments", "f16", "rows", 3, WIDTH)), position_offset=2)
    g.tap("hidden", 0, x)
    x = g.op("norm", TOKENS, WIDTH, (x,), (t.vector("first.gamma", WIDTH, 1.0), t.vector("first.beta", WIDTH)), norm=b"layer", eps=2.0 ** -20)
    kinds = ("f32", "f16", "q8", "q4", "q8", "q4")
    for i, (kind, activation) in enumerate(zip(kinds, (b"none", b"gelu_tanh", b"gelu_erf", b"relu", b"silu", b"tanh"))):
        tensors = [t.add(f"linear.{i}", kind, "panels", WIDTH, WIDTH), t.vector(f"linear.{i}.bias", WIDTH)]
        tensors += [t.vector(f"linear.{i}.x_scale", WIDTH, 1.0)] if i >= 4 else []
        x = g.op("linear", TOKENS, WIDTH, (x, x)[:1 + i % 2], tensors, activation=activation)
    for layer, causal in enumerate((False, True)):
        y = g.op("norm", TOKENS, WIDTH, (x,), (t.vector(f"{layer}.gamma", WIDTH, 1.0),), norm=b"rms", eps=2.0 ** -16)
        y = g.op("linear", TOKENS, 2 * WIDTH, (y,), (t.add(f"{layer}.qkv", ("q8", "f32")[layer], "panels", 2 * WIDTH, WIDTH),), activation=b"none")
        y = g.op("attention", TOKENS, WIDTH, (y, y, y), heads=4, kv_heads=2, head_dim=4, q_at=0, k_at=WIDTH, v_at=WIDTH + 8, scale=0.5, causal=causal,
                 cache=causal)
        g.tap("attention", layer, y)
        x = g.op("linear", TOKENS, WIDTH, (y, x), (t.add(f"{layer}.out", ("q4", "f16")[layer], "panels", WIDTH, WIDTH),), activation=b"none")
        g.tap("hidden", layer + 1, x)
    y = g.op("norm", TOKENS, WIDTH, (x,), norm=b"l2", eps=2.0 ** -40)
    y = g.op("select", OUTPUTS, WIDTH, (y,))
    g.tap("logits", 0, g.op("linear", OUTPUTS, 3, (y,), (t.add("head", "q4", "panels", 3, WIDTH),), activation=b"none"))
    pools = [g.op("pool", SEQUENCES, WIDTH, (x,), pooling=p) for p in (b"first", b"second", b"last", b"max", b"mean", b"mean_sqrt", b"weighted_mean")]
    y, w = pools[0], t.add("sum", "q8", "panels", WIDTH, WIDTH)
    for p in pools[1:]:
        y = g.op("linear", SEQUENCES, WIDTH, (p, y), (w,), activation=b"none")
    g.tap("embedding", 0, y)
    g.tap("pooled", 0, pools[3])
    g.tap("next_sentence", 0, g.op("linear", SEQUENCES, 2, (pools[4],), (t.add("next", "f16", "panels", 2, WIDTH),), activation=b"tanh"))
    return g.bytes()


# ---- the rest ----

METADATA = {"vocab_size": VOCAB, "n_ctx": N_CTX, "width": WIDTH, "n_layers": LAYERS, "n_heads": 4, "head_dim": 4, "max_tokens": 10, "mask_id": -1,
            "architecture": b"none", "name": b"ops", "task": b"token-classification", "scores": b"sigmoid", "labels": [b"x", b"", "größe".encode()],
            "prompt_names": [b"a", b"b"], "prompts": [b"", "größe: ".encode()], "default_prompt": b"b", "type": b"q8", "head_type": b"q4",
            "other.u64": 2 ** 53, "other.i64": -(2 ** 62), "other.f64": 0.1, "other.bool": True, "other.bytes": b"\xff\x80",
            "other.strings": [b"", b"x"], "other.u32s": np.array([1, 2 ** 32 - 1], "<u4"), "other.f32s": np.array([0.5], "<f4"),
            "other.none": np.array([], "<u4")}


def make_tokenizer():
    tokens = [b"<s>", b"</s>", b"", *(bytes([i]) for i in range(256)), b"ab"]
    id_of = lambda b: tokens.index(b)
    u32s = lambda *x: np.array(x, "<u4")
    first, second = 2 ** 32 - 1, 2 ** 32 - 2
    return {"model": b"bpe-bytes", "token_bytes": b"".join(tokens), "token_ends": np.cumsum([len(t) for t in tokens]).astype("<u4"),
            "added_ids": u32s(0, 1), "added_flags": u32s(1, 1 | 2 | 4), "template_single": u32s(0, 0, first, 0, 1, 0),
            "template_pair": u32s(0, 0, first, 0, 1, 1, second, 2, 1, 2), "trim_places": 2,
            "byte_ids": u32s(*(id_of(bytes([i])) for i in range(256))), "merges": u32s(id_of(b"a"), id_of(b"b"), id_of(b"ab")), "split": False,
            "prefix_space": True, "whole_first": True}


def main():
    t = Tensors()
    graph = make_graph(t)
    tensors, data = directory(t)
    sections = [("data", data, 4096), ("graph", graph, 64), ("tokenizer", block(make_tokenizer()), 64), ("tensors", tensors, 64),
                ("metadata", block(METADATA), 64)]
    table, body, at = b"", b"", 64 + 48 * len(sections)
    for name, b, align in sections:
        body += bytes(up(at, align) - at)
        at = up(at, align)
        table += struct.pack("<16sQQ16s", name.encode(), at, len(b), HASH(b))
        body, at = body + b, at + len(b)
    head = b"\x89LNT\r\n\x1a\n" + struct.pack("<IIQQIIQ", 1, len(sections), 0, at, 64, 48, 0)
    with open(sys.argv[1], "xb") as f:
        f.write(head + HASH(head + table) + table + body)


if __name__ == "__main__":
    main()
