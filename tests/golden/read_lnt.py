#!/usr/bin/env python3
"""Reads a .lnt file by docs/format.md alone, sharing no line with Linnet: the check that the specification is right.

    read_lnt.py MODEL.lnt                          everything parsed and checked; a summary
    read_lnt.py MODEL.lnt --compare CHECKPOINT     and every tensor compared with the checkpoint's safetensors
    read_lnt.py MODEL.lnt --golden FOLDER          and the graph run in float64 on FOLDER's prompt, compared with its
                                                   outputs, hidden states and attention (gpt2.py, encoders.py, vit.py beside this)
    read_lnt.py MODEL.lnt --dump TENSOR X.npy      one tensor as float32 [n][k]

What a file holds is read by ../format/reader.py; here is what it means. Needs numpy; hashes are checked if the library libxxhash is there.
"""
import argparse, math, os, struct, sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "format"))
from agree import original, read_checkpoint
from reader import Bad, HASH, dequantise, need, read_model, scales, unpack, up


# ---- tensors ----

def check_contents(t):
    """Padding and sums, which a reader of the values need not look at."""
    w, p = unpack(t), 0
    for plane in t.planes:
        need(not any(t.bytes[p + plane.nbytes:p + up(plane.nbytes, 64)]), f"{t.name}: padding behind a plane")
        p += up(plane.nbytes, 64)
    need(not np.any(w[:, t.k:]) and not np.any(w[t.n:]), f"{t.name}: padding")
    if t.kind not in ("q8", "q4"):
        return
    s = scales(t)[:, ::32]
    need(not np.any(s[t.n:]) and not np.any(s[:, up(t.k, 32) // 32:]), f"{t.name}: scales of padding")
    if t.kind == "q8":
        need(np.array_equal(w.sum(axis=1, dtype=np.int32), t.planes[2]), f"{t.name}: sums")
        return
    total = np.zeros(len(w))
    for g in range(s.shape[1]):
        total += s[:, g].astype(np.float64) * w[:, 32 * g:32 * g + 32].sum(axis=1, dtype=np.int32)
    need(np.array_equal(total.astype(np.float32), t.planes[2]), f"{t.name}: sums")


# ---- tokenizer ----

TOKENIZER = {"model": bytes, "token_bytes": bytes, "token_ends": np.ndarray, "added_ids": np.ndarray, "added_flags": np.ndarray}
TOKENIZER_OPTIONAL = {"template_single": np.ndarray, "template_pair": np.ndarray, "trim_places": int}
TOKENIZER_MODELS = {
    b"bpe-bytes": {"byte_ids": np.ndarray, "merges": np.ndarray, "split": bool, "prefix_space": bool, "whole_first": bool},
    b"wordpiece": {"clean": bool, "ideographs": bool, "strip_accents": bool, "lower": bool, "prefix": bytes, "unknown_id": int, "max_chars": int},
}
FIRST, SECOND = 0xffffffff, 0xfffffffe


def check_template(t, key, texts, tokens):
    if key not in t:
        return
    items = t[key].reshape(-1, 2).tolist()
    need(len(items) <= 64, f"tokenizer: {key}")
    for what, segment in items:
        need(segment <= 255 and (what in texts or (what < len(tokens) and tokens[what])), f"tokenizer: {key}: {what} {segment}")
    need(all(sum(what == text for what, _ in items) == 1 for text in texts), f"tokenizer: {key}: texts")


def check_merges(t, tokens):
    need([tokens[i] for i in t["byte_ids"]] == [bytes([b]) for b in range(256)], "tokenizer: byte_ids")
    need(len(t["merges"]) % 3 == 0, "tokenizer: merges")
    for left, right, result in t["merges"].reshape(-1, 3):
        need(tokens[left] and tokens[right] and tokens[left] + tokens[right] == tokens[result], f"tokenizer: merge {left} {right} {result}")


def check_tokenizer(t, vocab_size):
    own = TOKENIZER_MODELS.get(t.get("model"))
    need(own is not None, "tokenizer: model")
    kinds = TOKENIZER | own | {k: v for k, v in TOKENIZER_OPTIONAL.items() if k in t}
    need({k: type(v) for k, v in t.items()} == kinds, "tokenizer: keys")
    ends = [0, *map(int, t["token_ends"])]
    need(1 <= len(ends) - 1 <= vocab_size and ends == sorted(ends) and ends[-1] <= len(t["token_bytes"]), "tokenizer: token_ends")
    tokens = [t["token_bytes"][a:z] for a, z in zip(ends, ends[1:])]
    added = list(map(int, t["added_ids"]))
    need(added == sorted(set(added)) and all(i < len(tokens) and 1 <= len(tokens[i]) <= 256 for i in added), "tokenizer: added_ids")
    need(len(t["added_flags"]) == len(added) and all(f < 64 for f in t["added_flags"]), "tokenizer: added_flags")
    check_template(t, "template_single", {FIRST}, tokens)
    check_template(t, "template_pair", {FIRST, SECOND}, tokens)
    need("template_single" in t or "template_pair" not in t, "tokenizer: template_pair")
    need(t.get("trim_places", 0) <= 2, "tokenizer: trim_places")
    if t["model"] == b"bpe-bytes":
        check_merges(t, tokens)
    else:
        need(t["unknown_id"] < len(tokens) and tokens[t["unknown_id"]] and 1 <= t["max_chars"] <= 1000, "tokenizer: unknown_id, max_chars")


# ---- graph ----

OPS = {  # inputs, tensors, attributes
    "embed": ((0, 0), (1, 3), {"position_offset": int}),
    "norm": ((1, 1), (0, 2), {"norm": bytes, "eps": float}),
    "linear": ((1, 2), (1, 3), {"activation": bytes}),
    "attention": ((3, 3), (0, 0), {**{a: int for a in ("heads", "kv_heads", "head_dim", "q_at", "k_at", "v_at")}, "scale": float,
                                   "causal": bool, "cache": bool}),
    "select": ((1, 1), (0, 0), {}),
    "pool": ((1, 1), (0, 0), {"pooling": bytes}),
    "patches": ((0, 0), (0, 0), {a: int for a in ("channels", "patch_height", "patch_width", "prefix")}),
    "positions": ((1, 1), (1, 4), {}),
}
NORMS = {b"layer", b"rms", b"l2"}
ROWS = TOKENS, OUTPUTS, SEQUENCES = 0, 1, 2


def check_op(g, i, op):
    what = f"graph: op {i} ({op.name})"
    need(op.name in OPS, what)
    inputs, tensors, wanted = OPS[op.name]
    need(inputs[0] <= len(op.inputs) <= inputs[1] and tensors[0] <= len(op.tensors) <= tensors[1], f"{what}: inputs or tensors")
    need({k: type(v) for k, v in op.a.items()} == wanted, f"{what}: attributes")
    need(all(v < 1 << 32 for v in op.a.values() if type(v) is int), f"{what}: attributes")
    need(all(math.isfinite(v) and float(np.float32(v)) == v for v in op.a.values() if type(v) is float), f"{what}: attributes")
    check_shapes(g, op, what)


def check_shapes(g, op, what):
    rows, width = g.values[op.output]
    ins = [g.values[i] for i in op.inputs]
    is_vector = lambda t, k: (t.kind, t.layout, t.n, t.k) == ("f32", "rows", 1, k)
    is_table = lambda t, layout, k: t.layout == layout and t.k == k
    if op.name == "embed":
        ok = rows == TOKENS and is_table(op.tensors[0], "panels", width) and all(
            is_table(t, "rows", width) and t.n > op.a["position_offset"] for t in op.tensors[1:2]) and all(is_table(t, "rows", width) for t in op.tensors[2:])
    elif op.name == "norm":
        ok = ins[0] == (rows, width) and all(is_vector(t, width) for t in op.tensors) and op.a["norm"] in NORMS and op.a["eps"] >= 0
        ok = ok and (op.a["norm"] == b"l2") == (not op.tensors)
    elif op.name == "linear":
        w = op.tensors[0]
        ok = ins[0][0] == rows and w.layout == "panels" and (w.n, w.k) == (width, ins[0][1]) and op.a["activation"] in ACTIVATIONS
        ok = ok and all(is_vector(t, width) for t in op.tensors[1:2]) and all(i == (rows, width) for i in ins[1:])
        ok = ok and all(is_vector(t, w.k) and w.kind in ("q8", "q4") for t in op.tensors[2:])
        ok = ok and (w.kind in ("f32", "f16") or w.k <= 65536)
    elif op.name == "attention":
        heads, kv, dim = op.a["heads"], op.a["kv_heads"], op.a["head_dim"]
        ok = heads and kv and 1 <= dim <= 4096 and heads % kv == 0 and width == heads * dim and {r for r, _ in ins} | {rows} == {TOKENS}
        ends = (op.a["q_at"] + heads * dim, op.a["k_at"] + kv * dim, op.a["v_at"] + kv * dim)
        ok = ok and all(w >= end for (_, w), end in zip(ins, ends)) and (op.a["causal"] or not op.a["cache"])
    elif op.name == "patches":
        ok = rows == TOKENS and 1 <= op.a["channels"] <= 4 and op.a["patch_height"] >= 1 and op.a["patch_width"] >= 1 and op.a["prefix"] <= 3
        ok = ok and width == op.a["channels"] * op.a["patch_height"] * op.a["patch_width"]
    elif op.name == "positions":
        ok = ins[0] == (rows, width) and rows == TOKENS and is_table(op.tensors[0], "rows", width) and all(is_vector(t, width) for t in op.tensors[1:])
    elif op.name == "pool":
        ok = ins[0] == (TOKENS, width) and rows == SEQUENCES and op.a["pooling"] in POOLINGS
    else:
        ok = ins[0] == (TOKENS, width) and rows == OUTPUTS
    need(ok, f"{what}: shapes")


# ---- running the graph over one sequence, all tokens' output wanted ----

erf = np.vectorize(math.erf)
ACTIVATIONS = {
    b"none": lambda x: x,
    b"gelu_tanh": lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3))),
    b"gelu_erf": lambda x: x / 2 * (1 + erf(x / math.sqrt(2))),
    b"relu": lambda x: np.maximum(0, x),
    b"silu": lambda x: x / (1 + np.exp(-x)),
    b"tanh": np.tanh,
}


count_up = lambda x: np.arange(1, len(x) + 1)[:, None]
POOLINGS = {
    b"first": lambda x: x[0],
    b"second": lambda x: x[min(1, len(x) - 1)],
    b"last": lambda x: x[-1],
    b"max": lambda x: x.max(0),
    b"mean": lambda x: x.mean(0),
    b"mean_sqrt": lambda x: x.sum(0) / math.sqrt(len(x)),
    b"weighted_mean": lambda x: (x * count_up(x)).sum(0) / count_up(x).sum(),
}


def quantise_rows(x):
    """What a q8 or q4 linear makes of its input, back in floats."""
    lo, hi = np.minimum(0, x.min(1, keepdims=True)), np.maximum(0, x.max(1, keepdims=True))
    s = np.where(hi > lo, (hi - lo) / 255, 1)
    z = np.rint(-lo / s)
    return s * (np.clip(np.rint(x / s) + z, 0, 255) - z)


def attend(op, q, k, v):
    a, n = op.a, len(q)
    dim, group = a["head_dim"], a["heads"] // a["kv_heads"]
    out, probabilities = np.empty((n, a["heads"] * dim)), np.empty((a["heads"], n, n))
    for h in range(a["heads"]):
        part = lambda x, at, i: x[:, at + i * dim:at + (i + 1) * dim]
        s = part(q, a["q_at"], h) @ part(k, a["k_at"], h // group).T * a["scale"]
        if a["causal"]:
            s[np.triu_indices(n, 1)] = -np.inf
        e = np.exp(s - s.max(1, keepdims=True))
        probabilities[h] = e / e.sum(1, keepdims=True)
        out[:, h * dim:(h + 1) * dim] = probabilities[h] @ part(v, a["v_at"], h // group)
    return out, probabilities


def cut(op, pixels):
    """Rows of patches of an image [channels][height][width]."""
    c, ph, pw = (op.a[k] for k in ("channels", "patch_height", "patch_width"))
    rows, columns = pixels.shape[1] // ph, pixels.shape[2] // pw
    x = pixels[:, :rows * ph, :columns * pw].reshape(c, rows, ph, columns, pw).transpose(1, 3, 0, 2, 4).reshape(rows * columns, -1)
    return np.concatenate([np.zeros((op.a["prefix"], x.shape[1])), x])


def cubic(x):
    """Cubic convolution with a = -0.75."""
    a, x = -0.75, np.abs(x)
    return np.where(x <= 1, (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1, np.where(x < 2, a * (x ** 3 - 5 * x ** 2 + 8 * x - 4), 0))


def resample(n_from, n):
    """The matrix [n][n_from] from cells to cells."""
    at = (np.arange(n) + 0.5) * n_from / n - 0.5
    first = np.floor(at).astype(int)
    m = np.zeros((n, n_from))
    for k in range(-1, 3):
        np.add.at(m, (np.arange(n), np.clip(first + k, 0, n_from - 1)), cubic(at - (first + k)))
    return m


def positions_for(table, prefix, own, grid):
    if own == grid:
        return table
    cells = table[prefix:].reshape(*own, -1)
    cells = np.einsum("ij,kl,jlw->ikw", resample(own[0], grid[0]), resample(own[1], grid[1]), cells)
    return np.concatenate([table[:prefix], cells.reshape(grid[0] * grid[1], -1)])


def run(g, ids=None, segments=None, pixels=None, image_size=None):
    """Over ids, or over an image [channels][height][width] with a model whose own images have image_size."""
    x, probabilities = {}, {}
    for op in g.ops:
        i, t = [x[v] for v in op.inputs], [dequantise(t).astype(np.float64) for t in op.tensors]
        if op.name == "patches":
            patch = op.a["patch_height"], op.a["patch_width"]
            y = cut(op, pixels)
        elif op.name == "positions":
            grids = [tuple(n // p for n, p in zip(size, patch)) for size in (image_size, pixels.shape[1:])]
            y = np.concatenate([*t[1:], i[0][len(t) - 1:]]) + positions_for(t[0], len(t) - 1, *grids)
        elif op.name == "embed":
            y = t[0][ids] + (t[1][np.arange(len(ids)) + op.a["position_offset"]] if len(t) > 1 else 0) + (t[2][segments] if len(t) > 2 else 0)
        elif op.name == "norm" and op.a["norm"] == b"l2":
            y = i[0] / np.maximum(np.sqrt((i[0] * i[0]).sum(1, keepdims=True)), op.a["eps"])
        elif op.name == "norm":
            d = i[0] - i[0].mean(1, keepdims=True) if op.a["norm"] == b"layer" else i[0]
            y = d / np.sqrt((d * d).mean(1, keepdims=True) + op.a["eps"]) * t[0] + (t[1] if len(t) > 1 else 0)
        elif op.name == "linear":
            rows = quantise_rows(i[0] * (t[2] if len(t) > 2 else 1)) if op.tensors[0].kind in ("q8", "q4") else i[0]
            y = ACTIVATIONS[op.a["activation"]](rows @ t[0].T + (t[1] if len(t) > 1 else 0)) + (i[1] if len(i) > 1 else 0)
        elif op.name == "attention":
            y, probabilities[op.output] = attend(op, *i)
        elif op.name == "pool":
            y = POOLINGS[op.a["pooling"]](i[0])[None]
        else:
            y = i[0]
        x[op.output] = y
    return {tap: (probabilities if tap[0] == "attention" else x)[v] for tap, v in g.taps.items()}


def cosine(a, b):
    a, b = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    norms = math.sqrt(a @ a) * math.sqrt(b @ b)
    return a @ b / norms if norms else float(np.array_equal(a, b))


def show_difference(name, got, want):
    want = want.reshape(got.shape)
    worst = min(cosine(a, b) for a, b in zip(got.reshape(-1, got.shape[-1]), want.reshape(-1, got.shape[-1])))
    print(f"  {name:13} max |difference| {np.abs(got - want).max():.3g}, least cosine of a row {worst:.7f}")


def image_pixels(i, channels, height, width):
    """As vit.py."""
    out, seed = np.empty(channels * height * width), i + 1
    for k in range(out.size):
        seed = (seed * 1664525 + 1013904223) & 0xffffffff
        out[k] = (seed >> 12 & 4095) / 1024 - 2
    return out.reshape(channels, height, width)


def golden_images(model, folder):
    """Of vit.py: outputs of some images, the rest of the first, and one image of each of other sizes."""
    own = model.metadata["image.height"], model.metadata["image.width"]
    channels = next(op for op in model.graph.ops if op.name == "patches").a["channels"]
    taps_of = lambda i, size: run(model.graph, pixels=image_pixels(i, channels, *size), image_size=own)
    show_taps(folder, [taps_of(i, own) for i in range(3)])
    if os.path.exists(f"{folder}/sizes.i32"):
        output = "logits" if ("logits", 0) in model.graph.taps else "embedding"
        taps = [taps_of(i, tuple(size)) for i, size in enumerate(np.fromfile(f"{folder}/sizes.i32", "<i4").reshape(-1, 2))]
        got = np.concatenate([t[key].ravel() for t in taps for key in (("hidden", 0), (output, 0))])
        show_difference("sized", got, np.fromfile(f"{folder}/sized.f32", "<f4"))


def golden_texts(model, folder):
    """A folder of gpt2.py has one sequence, one of encoders.py several: outputs of all, the rest of the first."""
    several = os.path.exists(f"{folder}/lengths.i32")
    ids = np.fromfile(f"{folder}/{'ids' if several else 'prompt'}.i32", "<i4")
    lengths = np.fromfile(f"{folder}/lengths.i32", "<i4") if several else [len(ids)]
    segments = np.fromfile(f"{folder}/segments.u8", "u1") if os.path.exists(f"{folder}/segments.u8") else np.zeros(len(ids), int)
    ends = np.cumsum(lengths)
    show_taps(folder, [run(model.graph, ids[e - n:e], segments[e - n:e]) for n, e in zip(lengths, ends)])


def show_taps(folder, all_taps):
    for name in ("hidden", "attention"):
        got = np.stack([v for _, v in sorted((k[1], v) for k, v in all_taps[0].items() if k[0] == name)])
        show_difference(name, got, np.fromfile(f"{folder}/{name}.f32", "<f4"))
    for name in ("logits", "embedding", "pooled", "next_sentence"):
        if (name, 0) in all_taps[0] and os.path.exists(f"{folder}/{name}.f32"):
            show_difference(name, np.concatenate([taps[name, 0] for taps in all_taps]), np.fromfile(f"{folder}/{name}.f32", "<f4"))


# ---- comparing with a checkpoint ----

def smoothed(g):
    """linear op's matrix -> the norm before it: only their product is the checkpoint's."""
    norms = {op.output: op for op in g.ops if op.name == "norm"}
    return {op.tensors[0].name: norms[op.inputs[0]].tensors for op in g.ops
            if op.name == "linear" and op.inputs[0] in norms and op.tensors[0].kind in ("q8", "q4")}


def compare(model, folder):
    """For f32 and f16, the largest difference. For q8 and q4, cosines; of a matrix behind a norm those of W * gamma and
    of W beta, since smoothing moves a factor between the norm's parameters and W's columns, and keeps these."""
    checkpoint, pairs = read_checkpoint(folder), smoothed(model.graph)
    moved = {t.name for norm in pairs.values() for t in norm}
    for t in model.tensors:
        got, want = dequantise(t), original(checkpoint, t)
        note = ""
        if t.name in pairs:
            (gamma, *beta) = pairs[t.name]
            note = f", times gamma cosine {cosine(got * dequantise(gamma), want * original(checkpoint, gamma)):.7f}"
            for b in beta:
                note += f", times beta {cosine(got @ dequantise(b)[0], want @ original(checkpoint, b)[0]):.7f}"
        elif t.name in moved:
            note = ", part of a product below"
        what = f"max |difference| {np.abs(got - want).max():.3g}" if t.kind in ("f32", "f16") else f"cosine {cosine(got, want):.7f}"
        print(f"  {t.name:28} {t.kind:3} {what}{note}")


# ---- the file ----

def check_model(m):
    for t in m.tensors:
        check_contents(t)
    for i, op in enumerate(m.graph.ops):
        check_op(m.graph, i, op)
    check_images(m)
    v, n_ctx = m.metadata.get("vocab_size", 0), m.metadata["n_ctx"]
    if m.tokenizer is not None:
        check_tokenizer(m.tokenizer, v)
    check_outputs(m)
    makers = {op.output: op for op in m.graph.ops}
    for (name, i), value in m.graph.taps.items():
        need(name != "hidden" or m.graph.values[value][1] == m.metadata["width"], f"graph: tap hidden {i}: width")
        need(name != "attention" or makers[value].a.get("heads") == m.metadata["n_heads"], f"graph: tap attention {i}: heads")
    for op in m.graph.ops:
        need(op.name != "embed" or (op.tensors[0].n >= v and all(t.n >= n_ctx + op.a["position_offset"] for t in op.tensors[1:2])),
             "graph: tables with fewer rows than vocab_size or n_ctx")


IMAGE_KEYS = {"image.height": int, "image.width": int, "image.preprocess": bool, "image.resize": bytes, "image.size": np.ndarray, "image.filter": bytes,
              "image.crop": np.ndarray, "image.scale": float, "image.mean": np.ndarray, "image.std": np.ndarray}
FILTERS = {b"nearest", b"box", b"bilinear", b"hamming", b"bicubic", b"lanczos"}


def check_images(m):
    by_name = lambda name: [op for op in m.graph.ops if op.name == name]
    patches, positions, meta = by_name("patches"), by_name("positions"), m.metadata
    need(len(patches) <= 1 and len(positions) <= len(patches) and not (patches and by_name("embed")), "graph: patches, positions and embed")
    need(patches or meta["vocab_size"] >= 1, "metadata: vocab_size")
    if not patches:
        return
    need(all(type(v) is IMAGE_KEYS.get(k) for k, v in meta.items() if k.startswith("image.")), "metadata: image keys")
    a, height, width = patches[0].a, meta["image.height"], meta["image.width"]
    need(1 <= height <= 65535 and 1 <= width <= 65535, "metadata: image.height, image.width")
    need(meta["n_ctx"] == a["prefix"] + (height // a["patch_height"]) * (width // a["patch_width"]) > a["prefix"], "metadata: n_ctx of images")
    need(all(len(op.tensors) - 1 == a["prefix"] and op.tensors[0].n == meta["n_ctx"] for op in positions), "graph: positions")
    sizes = {b"exact": (2,), b"shortest": (1, 2), b"longest": (1,)}
    resize = meta.get("image.resize")
    need(resize is None or (resize in sizes and len(meta["image.size"]) in sizes[resize] and meta["image.filter"] in FILTERS), "metadata: image.resize")
    need(len(meta.get("image.crop", (1, 1))) == 2, "metadata: image.crop")
    need(all(k not in meta or (len(meta[k]) == a["channels"] and np.all(np.isfinite(meta[k]))) for k in ("image.mean", "image.std")), "metadata: image.mean, image.std")


def check_outputs(m):
    of = {name: m.graph.values[m.graph.taps[name, 0]] for name in ("logits", "embedding", "pooled", "next_sentence") if (name, 0) in m.graph.taps}
    need(of and all(rows == SEQUENCES for name, (rows, _) in of.items() if name != "logits"), "graph: outputs")
    n_labels = len(m.metadata.get("labels", ()))
    vocab_size = m.metadata.get("vocab_size", 0)
    wanted = {b"causal-lm": (OUTPUTS, vocab_size), b"masked-lm": (OUTPUTS, vocab_size), b"image-classification": (SEQUENCES, n_labels),
              b"sequence-classification": (SEQUENCES, n_labels), b"token-classification": (OUTPUTS, n_labels), b"question-answering": (OUTPUTS, n_labels)}
    need("logits" not in of or of["logits"] == wanted.get(m.metadata.get("task", b"causal-lm")), "graph: logits")


def show(m):
    print("sections ", ", ".join(f"{k} {v}" for k, v in m.sections.items()))
    print("metadata ", ", ".join(f"{k} {v.decode() if type(v) is bytes else v}" for k, v in m.metadata.items()))
    for k, v in (m.tokenizer or {}).items():
        print("tokenizer", k, v.decode() if k == "model" else f"{len(v)} values" if hasattr(v, "__len__") else v)
    print("tensors  ", len(m.tensors), "of", ", ".join(sorted({f"{t.kind} {t.layout}" for t in m.tensors})))
    for op in m.graph.ops:
        rows, width = m.graph.values[op.output]
        a = " ".join(f"{k}={v.decode() if type(v) is bytes else v}" for k, v in op.a.items())
        print(f"  %{op.output} [{('tokens', 'outputs', 'sequences')[rows]}][{width}] = {op.name}({', '.join(f'%{i}' for i in op.inputs)})",
              *[t.name for t in op.tensors], a)
    print("taps     ", ", ".join(f"{name} {i}: %{v}" for (name, i), v in m.graph.taps.items()))


def main():
    p = argparse.ArgumentParser(description="Reads a .lnt file by docs/format.md alone.")
    p.add_argument("model")
    p.add_argument("--compare", metavar="CHECKPOINT", help="folder with *.safetensors")
    p.add_argument("--golden", metavar="FOLDER", help="folder made by gpt2.py, encoders.py or vit.py")
    p.add_argument("--dump", nargs=2, metavar=("TENSOR", "X.npy"))
    p.add_argument("--quiet", action="store_true")
    o = p.parse_args()
    if not HASH:
        print("read_lnt.py: libxxhash is not here: hashes are not checked", file=sys.stderr)
    try:
        m = read_model(o.model)
        check_model(m)
        if not o.quiet:
            show(m)
        if o.compare:
            compare(m, o.compare)
        if o.golden:
            golden = golden_images if "image.height" in m.metadata else golden_texts
            golden(m, o.golden)
        if o.dump:
            np.save(o.dump[1], dequantise(next(t for t in m.tensors if t.name == o.dump[0])))
    except (Bad, struct.error, UnicodeDecodeError, KeyError, IndexError, StopIteration) as e:
        sys.exit(f"read_lnt.py: {o.model}: {type(e).__name__}: {e}")
    print(f"{o.model}: read, {os.path.getsize(o.model)} bytes, hashes {'checked' if HASH else 'not checked'}")


if __name__ == "__main__":
    main()
