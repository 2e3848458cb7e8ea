"""Reads a .lnt file, written from docs/format.md alone and sharing no line with Linnet: the check that the page is right and enough.
It checks every length, name and hash; what the graph and the tokenizer mean is checked by ../golden/read_lnt.py.
Needs numpy; without the library libxxhash, hashes are not checked.
"""
import ctypes, ctypes.util, math, struct
from types import SimpleNamespace as Record

import numpy as np


class Bad(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Bad(what)


def up(n, to):
    return -(-n // to) * to


def find_hash():
    """XXH3-128, canonical, as a function of bytes; None without the library."""
    name = ctypes.util.find_library("xxhash")
    if not name:
        return None
    f = ctypes.CDLL(name).XXH3_128bits
    f.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    f.restype = type("Hash", (ctypes.Structure,), {"_fields_": [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]})
    return lambda b: struct.pack(">QQ", (h := f(bytes(b), len(b))).high, h.low)


HASH = find_hash()


def check_hash(b, wanted, what):
    need(HASH is None or HASH(b) == bytes(wanted), f"{what}: hash differs")


def plain(b, what):
    need(b and all(0x20 < c < 0x7f for c in b), f"{what}: name")
    return bytes(b).decode()


def name_field(b, what):
    name, _, rest = bytes(b).partition(b"\0")
    need(len(name) < len(b) and not any(rest), f"{what}: name field is not terminated and filled with zeros")
    return plain(name, what)


SECTIONS = {"metadata": 64, "tokenizer": 64, "graph": 64, "tensors": 64, "data": 4096}


def read_sections(b):
    need(len(b) >= 64 and bytes(b[:8]) == b"\x89LNT\r\n\x1a\n", "magic")
    version, n, features, size, header, entry, reserved = struct.unpack_from("<IIQQIIQ", b, 8)
    need(version == 1 and features == 0 and reserved == 0, "version, features or reserved")
    need(size == len(b) and header == 64 and entry == 48 and 1 <= n <= 64 and 64 + 48 * n <= len(b), "header sizes")
    check_hash(bytes(b[:48]) + bytes(b[64:64 + 48 * n]), b[48:64], "header")
    sections, end = {}, 64 + 48 * n
    for at in range(64, end, 48):
        name = name_field(b[at:at + 16], "section table")
        offset, size = struct.unpack_from("<QQ", b, at + 16)
        need(name in SECTIONS and name not in sections, f"section '{name}'")
        need(offset == up(end, SECTIONS[name]) and offset + size <= len(b) and not any(b[end:offset]), f"section '{name}': place")
        sections[name] = b[offset:offset + size]
        check_hash(sections[name], b[at + 32:at + 48], f"section '{name}'")
        end = offset + size
    need(not SECTIONS.keys() - sections.keys() - {"tokenizer"} and end == len(b), "a section is missing, or bytes follow the last")
    return sections


def read_block(b, what):
    """key -> int, float, bool, bytes, list of bytes, or array."""
    out, at = {}, 0
    while at < len(b):
        need(len(b) - at >= 16, f"{what}: entry cut off")
        total, kind, key_bytes, count = struct.unpack_from("<IHHQ", b, at)
        payload = 16 + up(key_bytes + 1, 8)
        need(payload <= total <= len(b) - at and 1 <= key_bytes <= 255, f"{what}: entry at {at}")
        key, p = plain(b[at + 16:at + 16 + key_bytes], what), b[at + payload:at + total]
        need(not any(b[at + 16 + key_bytes:at + payload]) and key not in out, f"{what}: key '{key}'")
        out[key], used = read_payload(p, kind, count, f"{what}: '{key}'")
        need(up(used, 8) == len(p) and not any(p[used:]), f"{what}: '{key}': length")
        at += total
    return out


def read_payload(p, kind, count, what):  # the value, and its bytes
    if kind in (1, 2, 3, 4):
        need(count == 1 and len(p) == 8, what)
        v, = struct.unpack("<" + " QqdQ"[kind], p)
        return (bool(v) if kind == 4 else v), 8
    if kind == 5:
        need(count < len(p) and p[count] == 0, what)
        return bytes(p[:count]), count + 1
    if kind == 6:
        need(count < len(p) // 4, what)
        ends, body = struct.unpack_from(f"<{count + 1}I", p), p[4 * (count + 1):]
        need(ends[0] == 0 and ends[-1] <= len(body) and all(a < z and body[z - 1] == 0 for a, z in zip(ends, ends[1:])), what)
        return [bytes(body[a:z - 1]) for a, z in zip(ends, ends[1:])], 4 * (count + 1) + ends[-1]
    need(kind in (7, 8) and count <= len(p) // 4, what)
    return np.frombuffer(p[:4 * count], "<u4" if kind == 7 else "<f4"), 4 * count


def planes_of(kind, layout, n, k):
    """Types and shapes of data, scale, sum."""
    np_, kp = up(n, 16), up(k, 64)
    need(layout in ("rows", "panels") and (kind in ("f32", "f16") or (kind in ("q8", "q4") and layout == "panels")), f"{kind} in {layout}")
    if kind in ("f32", "f16"):
        return [("<f4" if kind == "f32" else "<f2", (n, up(k, 16)) if layout == "rows" else (np_ // 16, k, 16))]
    if kind == "q8":
        return [("i1", (np_ // 16, kp // 4, 16, 4)), ("<f4", (np_,)), ("<i4", (np_,))]
    return [("u1", (np_ // 16, kp // 8, 16, 4)), ("<f2", (np_ // 16, kp // 32, 16)), ("<f4", (np_,))]


def read_directory(b, data):
    tensors, at, end = [], 0, 0
    while at < len(b):
        need(len(b) - at >= 80, "directory: record cut off")
        total, name_bytes, kind, layout, n, k, offset, size = struct.unpack_from("<II8s8sQQQQ", b, at)
        need(name_bytes >= 1 and total == 72 + up(name_bytes + 1, 8) and total <= len(b) - at, "directory: record length")
        t = Record(name=plain(b[at + 72:at + 72 + name_bytes], "directory"), n=n, k=k, offset=offset, planes=[])
        t.kind, t.layout, t.bytes = name_field(kind, "type"), name_field(layout, "layout"), data[offset:offset + size]
        need(not any(b[at + 72 + name_bytes:at + total]), f"{t.name}: end of the name")
        need(1 <= n <= 1 << 40 and 1 <= k <= 1 << 40 and up(n, 16) * up(k, 64) <= 1 << 46, f"{t.name}: shape")
        shapes = [(np.dtype(d), s, np.dtype(d).itemsize * math.prod(s)) for d, s in planes_of(t.kind, t.layout, n, k)]
        need(size == sum(up(used, 64) for _, _, used in shapes), f"{t.name}: bytes")
        need(offset % 64 == 0 and end <= offset and offset + size <= len(data), f"{t.name}: place")
        check_hash(t.bytes, b[at + 56:at + 72], f"tensor '{t.name}'")
        p = 0
        for dtype, shape, used in shapes:
            t.planes.append(np.frombuffer(t.bytes[p:p + used], dtype).reshape(shape))
            p += up(used, 64)
        tensors.append(t)
        at, end = at + total, offset + size
    need(len({t.name for t in tensors}) == len(tensors) <= 1 << 20, "directory: a name stands twice, or too many")
    return tensors


def unpack(t):
    """The numbers stored, [rows and columns that the layout pads them to]; integers of q8 and q4."""
    d = t.planes[0]
    if t.layout == "rows":
        return d
    if t.kind in ("f32", "f16"):
        return d.transpose(0, 2, 1).reshape(-1, t.k)
    if t.kind == "q8":
        return d.transpose(0, 2, 1, 3).reshape(up(t.n, 16), -1)
    halves = np.stack([d & 15, d >> 4], axis=2)  # [np/16][kp/8][2][16][4]
    return halves.transpose(0, 3, 1, 2, 4).reshape(up(t.n, 16), -1).astype(np.int8) - 8


def scales(t):
    """Of q8 and q4, one a column or one a group of 32: broadcast to unpack's shape."""
    if t.kind == "q8":
        return t.planes[1][:, None]
    return np.repeat(t.planes[1].transpose(0, 2, 1).reshape(up(t.n, 16), -1), 32, axis=1).astype(np.float32)


def dequantise(t):
    w = unpack(t).astype(np.float32) * (scales(t) if t.kind in ("q8", "q4") else np.float32(1))
    return np.ascontiguousarray(w[:t.n, :t.k])


def read_graph(b, tensors):
    need(len(b) >= 16, "graph: cut off")
    n_values, n_ops, n_taps, reserved = struct.unpack_from("<IIII", b)
    at = 16 + 8 * n_values + 32 * n_taps
    need(reserved == 0 and n_values <= 1 << 14 and n_taps <= 4096 and at + 32 * n_ops <= len(b), "graph: counts")
    g = Record(values=[struct.unpack_from("<II", b, 16 + 8 * i) for i in range(n_values)], ops=[], taps={})
    need(all(rows < 3 and 1 <= width <= 1 << 24 for rows, width in g.values), "graph: values")
    for i in range(n_ops):
        total, n_in, n_tensors, output, reserved = struct.unpack_from("<IHHII", b, at) if len(b) - at >= 32 else (0,) * 5
        attributes = 32 + up(4 * (n_in + n_tensors), 8)
        need(reserved == 0 and total % 8 == 0 and attributes <= total <= len(b) - at, f"graph: op {i}")
        ids, made = struct.unpack_from(f"<{n_in + n_tensors}I", b, at + 32), {op.output for op in g.ops}
        need(made.issuperset(ids[:n_in]) and output not in made and output < n_values, f"graph: op {i}: values")
        need(all(t < len(tensors) for t in ids[n_in:]), f"graph: op {i}: tensors")
        g.ops.append(Record(name=name_field(b[at + 16:at + 32], f"graph: op {i}"), inputs=list(ids[:n_in]), output=output,
                            tensors=[tensors[t] for t in ids[n_in:]], a=read_block(b[at + attributes:at + total], f"graph: op {i}")))
        at += total
    need(at == len(b), "graph: bytes after the last op")
    for p in range(16 + 8 * n_values, 16 + 8 * n_values + 32 * n_taps, 32):
        index, value = struct.unpack_from("<II", b, p + 24)
        g.taps[name_field(b[p:p + 24], "tap"), index] = value
    need(len(g.taps) == n_taps and set(g.taps.values()) <= {op.output for op in g.ops}, "graph: taps")
    return g


def read_model(path):
    b = memoryview(np.fromfile(path, np.uint8)).cast("B")
    s = read_sections(b)
    m = Record(path=path, file_bytes=len(b), sections={k: len(s.get(k, b"")) for k in SECTIONS})
    m.metadata, m.tokenizer = read_block(s["metadata"], "metadata"), read_block(s["tokenizer"], "tokenizer") if "tokenizer" in s else None
    m.tensors = read_directory(s["tensors"], s["data"])
    m.graph = read_graph(s["graph"], m.tensors)
    return m
