"""Makes tests/golden/checkpoints/: small files as safetensors and torch.save write them, and what is in them.

    python3 tests/golden/checkpoints.py tests/golden/checkpoints

Each folder is a checkpoint, with beside it
    expected.json  {name: {"dtype", "shape", "at"}}; at: where the tensor begins in values.f32, or null
    values.f32     the tensors of dtypes F32, F16, BF16 and F64 as float32 (little-endian, C order)
"""
import collections, json, os, shutil, sys

import numpy as np
import torch
from safetensors.torch import save_file

NAMES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64", torch.bool: "BOOL",
         torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.int32: "I32", torch.int64: "I64"}
ROUNDED = [1 / 3, 1e-40, 1e-300, -0.0, 3.5e38, np.inf]  # as float32: to nearest, subnormal, zero, zero, infinite


def mixed():
    return {
        "f32": torch.randn(5, 7),
        "f16": torch.randn(3, 4, 5).half(),
        "bf16": torch.randn(11).bfloat16() * 1e30,
        "f64": torch.cat([torch.randn(4, dtype=torch.float64), torch.tensor(ROUNDED, dtype=torch.float64)]),
        "subnormal": torch.tensor([2.0**-24, -(2.0**-15), 65504, np.inf, -0.0]).half(),
        "scalar": torch.tensor(2.5),
        "nothing": torch.zeros(3, 0, 2),
        "eight": torch.arange(24.0).reshape(1, 2, 1, 3, 1, 2, 1, 2),
        "bool": torch.tensor([True, False]),
        "u8": torch.arange(6, dtype=torch.uint8).reshape(2, 3),
        "i8": torch.arange(3, dtype=torch.int8),
        "i16": torch.arange(3, dtype=torch.int16),
        "i32": torch.arange(3, dtype=torch.int32),
        "i64": torch.arange(2),
        "näme.mit.ümlaut": torch.ones(1),
    }


def views():
    """What a state_dict may hold beyond contiguous tensors."""
    storage = torch.randn(60)
    state = collections.OrderedDict(
        whole=storage,
        tied=storage.view(6, 10),
        offset=storage[20:50].view(5, 6),
        transposed=storage.view(6, 10).t(),
        permuted=storage.view(3, 4, 5).permute(2, 0, 1),
        columns=storage.view(6, 10)[:, 3:7],
        every_third=storage[1::3],
        diagonal=storage[:49].view(7, 7).diagonal(),
        overlapping=storage.as_strided((8, 3), (2, 1)),
        tiled=storage.as_strided((2, 3, 4), (0, 4, 1)),
        last=storage[59],
        half_columns=torch.randn(6, 8).half()[:, ::2],
    )
    state["parameter"] = torch.nn.Parameter(torch.randn(2, 3))
    state["frozen"] = torch.nn.Parameter(torch.randn(3).bfloat16(), requires_grad=False)
    layer = {"version": None, "list": [1, 2.5, True, "text", -(2**40)]}
    state._metadata = collections.OrderedDict({"": {"version": 1}, "layer": layer})
    return state


def nested():
    optimizer_state = {0: {"step": torch.tensor(7), "average": torch.randn(2)}}
    return {
        "epoch": 3,
        "model": collections.OrderedDict(weight=torch.randn(2, 2), deep={"bias": torch.randn(3), "empty": {}}),
        "optimizer": {"state": optimizer_state, "param_groups": [{"lr": 1e-3, "params": [0]}]},
        "loss": [1.5, None, (1, 2, 3, 4)],
        "size": torch.Size([3, 4]),
    }


def flat(state, prefix=""):
    for name, value in state.items():
        if isinstance(value, torch.Tensor):
            yield f"{prefix}{name}", value
        elif isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")


def save_shards(state, folder, suffix, stem, save):
    names, weight_map = sorted(state), {}
    for i in range(3):
        file = f"{stem}-{i + 1:05}-of-00003.{suffix}"
        part = {name: state[name] for name in names[i::3]}
        weight_map |= {name: file for name in part}
        save(part, f"{folder}/{file}")
    index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
    json.dump(index, open(f"{folder}/{stem}.{suffix}.index.json", "w"), indent=1, sort_keys=True)


def write_expected(state, folder):
    expected, values = {}, []
    for name, tensor in flat(state):
        readable = tensor.dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64)
        at = sum(v.size for v in values) if readable else None
        expected[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "at": at}
        if readable:
            values.append(tensor.detach().float().contiguous().numpy().reshape(-1))
    json.dump(expected, open(f"{folder}/expected.json", "w"), indent=1)
    np.concatenate(values).astype("<f4").tofile(f"{folder}/values.f32")


def main(root):
    torch.manual_seed(3)
    cases = {
        "safetensors": (mixed(), lambda s, f: save_file(s, f"{f}/model.safetensors", metadata={"format": "pt"})),
        "safetensors-sharded": (mixed(), lambda s, f: save_shards(s, f, "safetensors", "model", save_file)),
        "torch": (mixed(), lambda s, f: torch.save(s, f"{f}/pytorch_model.bin")),
        "torch-sharded": (mixed(), lambda s, f: save_shards(s, f, "bin", "pytorch_model", torch.save)),
        "torch-views": (views(), lambda s, f: torch.save(s, f"{f}/pytorch_model.bin")),
        "torch-nested": (nested(), lambda s, f: torch.save(s, f"{f}/pytorch_model.bin")),
    }
    shutil.rmtree(root, ignore_errors=True)
    for name, (state, save) in cases.items():
        folder = os.path.join(root, name)
        os.makedirs(folder)
        save(state, folder)
        write_expected(state, folder)
    for path, _, files in os.walk(root):
        for file in files:
            os.chmod(os.path.join(path, file), 0o644)
    # What readers must refuse: the format before 1.6, values that are not what they are stored as, a command to run.
    os.makedirs(f"{root}/refused")
    torch.save({"w": torch.ones(2)}, f"{root}/refused/legacy.bin", _use_new_zipfile_serialization=False)
    torch.save({"w": torch.ones(2, dtype=torch.complex64).conj().imag}, f"{root}/refused/negated.bin")
    torch.save({"w": Evil()}, f"{root}/refused/command.bin")
    torch.save({"w": torch.ones(2)}, f"{root}/refused/protocol4.bin", pickle_protocol=4)


class Evil:
    def __reduce__(self):
        return os.system, ("touch ran",)


if __name__ == "__main__":
    main(sys.argv[1])
