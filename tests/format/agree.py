#!/usr/bin/env python3
"""reader.py, which knows docs/format.md only, and Linnet see the same in model files.   agree.py LINNET

- Of every model file here, and of those converted below, all that `linnet inspect --tensors --graph --json` says is what the reader reads.
- The tensors of golden checkpoints, converted to each type, are those of their *.safetensors: f32 the same numbers, f16 the nearest ones, q8
  and q4 within a step; but not those that quantising changes on purpose (docs/format.md).
- A byte changed anywhere is seen by the reader.
"""
import glob, json, math, os, struct, subprocess, sys, tempfile

import numpy as np

from reader import HASH, Bad, dequantise, need, read_model, scales, unpack


# ---- inspect ----

def as_text(b):
    """JSON is UTF-8; of other strings inspect shows ASCII."""
    try:
        return b.decode()
    except UnicodeDecodeError:
        return "".join(chr(c) if c < 0x80 else "?" for c in b)


def as_json(v):
    if isinstance(v, (list, np.ndarray)):
        return [as_json(x) for x in v]
    return as_text(v) if isinstance(v, bytes) else v.item() if isinstance(v, np.generic) else v


def same(a, b):
    """inspect writes 9 digits of a real number."""
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return isinstance(b, float) and math.isclose(a, b, rel_tol=1e-8)
    return type(a) is type(b) and a == b


def described(m):
    """What inspect is expected to say."""
    types = {}
    for kind in ("f32", "f16", "q8", "q4"):
        of = [len(t.bytes) for t in m.tensors if t.kind == kind]
        if of:
            types[kind] = {"tensors": len(of), "bytes": sum(of)}
    rows = ("tokens", "outputs", "sequences")
    ops = [{"op": op.name, "inputs": op.inputs, "tensors": [t.name for t in op.tensors], "output": op.output,
            "rows": rows[m.graph.values[op.output][0]], "width": m.graph.values[op.output][1]} for op in m.graph.ops]
    return {"path": m.path, "file_bytes": m.file_bytes, "parameters": sum(t.n * t.k for t in m.tensors), "sections": m.sections, "types": types,
            "metadata": {k: as_json(v) for k, v in m.metadata.items()},
            "tensors": [{"name": t.name, "type": t.kind, "layout": t.layout, "n": t.n, "k": t.k, "offset": t.offset, "bytes": len(t.bytes)}
                        for t in m.tensors],
            "graph": {"ops": ops, "taps": [{"name": name, "index": i, "value": v} for (name, i), v in m.graph.taps.items()]}}


def agree_with_inspect(linnet, path):
    m = read_model(path)
    read = described(m)
    said = json.loads(subprocess.run([linnet, "inspect", "--tensors", "--graph", "--json", path], check=True, capture_output=True).stdout)
    need(list(read) == list(said), f"{path}: inspect says {list(said)}, expected {list(read)}")
    for key in read:
        need(same(read[key], said[key]), f"{path}: inspect says {key} {json.dumps(said[key])[:300]}, expected {json.dumps(read[key])[:300]}")
    return m


# ---- a checkpoint ----

FAMILIES = {"transformer", "bert", "distilbert", "roberta", "vit", "deit"}  # what names of tensors begin with in some checkpoints


def read_checkpoint(folder):
    tensors = {}
    for path in sorted(glob.glob(f"{folder}/*.safetensors")):
        b = np.fromfile(path, np.uint8)
        n, = struct.unpack_from("<Q", b)
        for name, t in json.loads(bytes(b[8:8 + n])).items():
            if name == "__metadata__":
                continue
            raw = b[8 + n:][t["data_offsets"][0]:t["data_offsets"][1]]
            if t["dtype"] == "BF16":
                a = (raw.view("<u2").astype(np.uint32) << 16).view("<f4")
            else:
                a = raw.view({"F32": "<f4", "F16": "<f2", "F64": "<f8"}[t["dtype"]])
            family, _, rest = name.partition(".")
            tensors[rest if family in FAMILIES else name] = a.reshape(t["shape"]).astype(np.float32)
    need(tensors, f"{folder}: no safetensors")
    return tensors


def original(checkpoint, t):
    """The checkpoint's tensor as [n][k]. GPT-2 stores the matrices of a block as [in][out]."""
    a = checkpoint[t.name]
    if a.ndim == 2 and t.name.split(".")[-2] in ("c_attn", "c_proj", "c_fc"):
        a = a.T
    a = a.reshape(1, -1) if a.ndim == 1 else a.reshape(t.n, t.k) if a.ndim > 2 and a.size == t.n * t.k else a
    need(a.shape == (t.n, t.k), f"{t.name}: shape {a.shape}, expected {(t.n, t.k)}")
    return a


def changed(g):
    """Tensors of linear ops and of norms: smoothing moves factors between them."""
    return {t.name for op in g.ops if op.name in ("linear", "norm") for t in op.tensors}


def agree_with_checkpoint(m, folder):
    """Gives how many numbers were compared."""
    checkpoint, compared = read_checkpoint(folder), 0
    quantised = {"q8", "q4"} & {t.kind for t in m.tensors}
    for t in m.tensors:
        if t.name not in checkpoint or (quantised and t.name in changed(m.graph)):
            continue
        got, want = dequantise(t), original(checkpoint, t)
        compared += t.n * t.k
        if t.kind in ("q8", "q4"):
            step = np.broadcast_to(np.abs(scales(t)), unpack(t).shape)[:t.n, :t.k]
            need(np.all(np.abs(got - want) <= step), f"{t.name}: {np.abs(got - want).max()} from the checkpoint's")
        else:
            need(np.array_equal(got, want.astype(np.float16 if t.kind == "f16" else np.float32)), f"{t.name}: not the checkpoint's numbers")
    need(compared, f"{folder}: no tensor of the same name")
    return compared


# ---- all of it ----

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def expect_damage_seen(path, temp):
    whole = open(path, "rb").read()
    for at in (0, 20, 70, 200, 300, *range(4000, len(whole), 997)):
        open(temp, "wb").write(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1:])
        try:
            read_model(temp)
        except (Bad, struct.error):
            continue
        raise Bad(f"{path}: byte {at} was changed, and the reader does not see it")


def main():
    linnet, files, numbers = sys.argv[1], 0, 0
    if not HASH:
        print("skipped: libxxhash is missing")
        sys.exit(77)
    for path in sorted(glob.glob(f"{ROOT}/models/*/*.lnt") + glob.glob(f"{ROOT}/tests/golden/v[0-9]*/*.lnt")):
        agree_with_inspect(linnet, path)
        files += 1
    with tempfile.TemporaryDirectory() as temp:
        for kind in ("f32", "f16", "q8", "q4"):
            for name in ("gpt2/untied-gelu", "encoders/sentence", "vit/vit-odd"):
                folder, path = f"{ROOT}/tests/golden/{name}", f"{temp}/{kind}.lnt"
                subprocess.run([linnet, "convert", folder, "-o", path, "--type", kind, "--no-check"], check=True, stdout=subprocess.DEVNULL)
                numbers += agree_with_checkpoint(agree_with_inspect(linnet, path), folder)
                files += 1
        expect_damage_seen(f"{ROOT}/tests/golden/v1/ops.lnt", f"{temp}/damaged.lnt")
    need(files >= 26, f"{files} files, expected at least 26")
    print(f"{files} files as inspect says, {numbers} numbers as in their checkpoints")


if __name__ == "__main__":
    try:
        main()
    except Bad as e:
        sys.exit(f"agree.py: {e}")
