#!/usr/bin/env python3
"""How the .lnt files beside this were made. It is a record: files of a released format version are added to, never made again.

    make.py LINNET NAME...     for each NAME of CASES: NAME.lnt here, of a checkpoint made small; nothing that exists is replaced

A checkpoint has the tensors' names and the settings of one under tests/golden, with other sizes and numbers from a generator, so that a file
takes less than 32 KiB. Needs numpy.
"""
import glob, json, os, shutil, struct, subprocess, sys, tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def bpe(special):
    """Ids of special tokens, 256 bytes and a few merges, as tokenizer.json of GPT-2 and RoBERTa has them."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    of_byte = {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(b for b in range(256) if b not in printable)}
    space = of_byte[32]
    merges = [(space, "t"), ("h", "e"), (space + "t", "he"), ("o", "r")]
    tokens = [*special, *of_byte.values(), *(a + b for a, b in merges)]
    added = [{"id": i, "content": t, "single_word": False, "lstrip": t == "<mask>", "rstrip": False, "normalized": False, "special": True}
             for i, t in enumerate(special)]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    around = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True, "add_prefix_space": False}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None, "pre_tokenizer": level,
            "post_processor": around if "</s>" in special else level, "decoder": level,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                      "fuse_unk": False, "byte_fallback": False, "vocab": {t: i for i, t in enumerate(tokens)},
                      "merges": [f"{a} {b}" for a, b in merges]}}


def wordpiece():
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = [*special, *"abcdeghinorstu.,!", "the", "he", "##s", "##e", "##ing", "##r", "##d", "##n", "thou", "art", "king", "un", "##a"]
    t = json.load(open(f"{HERE}/../tokenizer/wordpiece/tokenizer.json"))
    t["added_tokens"] = [a for a in t["added_tokens"] if a["content"] in special]
    t["model"]["vocab"] = {t: i for i, t in enumerate(tokens)}
    return t


GPT2, ROBERTA = bpe(["<|endoftext|>"]), bpe(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
PICTURES = {"image_processor_type": "ViTImageProcessor", "do_resize": True, "size": {"height": 16, "width": 16}, "resample": 2, "do_rescale": True,
            "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.5, 0.25, 0.2]}
BERT, WIDE = {36: 12, 44: 12, 61: 36, 24: 12}, {36: 36, 44: 36, 61: 36, 24: 12}
CASES = {  # golden folder, sizes, settings, type, files beside it
    "gpt2-f32": ("gpt2/tied-f16", {48: 12, 144: 36, 192: 12, 131: 264, 256: 20}, {"n_inner": 12}, "f32", {"tokenizer.json": GPT2}),
    "gpt2-q8": ("gpt2/untied-gelu", {67: 40, 256: 12, 40: 36}, {}, "q8", {}),
    "bert-text-q4": ("encoders/bert-text", WIDE, {}, "q4", {"tokenizer.json": wordpiece()}),
    "bert-tokens-f16": ("encoders/bert-tokens", BERT, {}, "f16", {"tokenizer.json": wordpiece()}),
    "bert-next-f16": ("encoders/bert-next-sentence", BERT, {}, "f16", {"tokenizer.json": wordpiece()}),
    "bert-masked-f32": ("encoders/bert-masked", BERT, {}, "f32", {"tokenizer.json": wordpiece()}),
    "roberta-answer-f32": ("encoders/roberta-answer", {36: 12, 44: 12, 61: 266, 22: 14}, {}, "f32", {"tokenizer.json": ROBERTA}),
    "sentence-f32": ("encoders/sentence", {**BERT, 20: 8}, {}, "f32", {"tokenizer.json": wordpiece()}),
    "vit-f16": ("vit/vit-image", {34: 24, 28: 20, 17: 17}, {"image_size": 16, "patch_size": 4}, "f16", {"preprocessor_config.json": PICTURES}),
    "deit-q4": ("vit/deit-teacher", {20: 36, 28: 36}, {}, "q4", {}),
}


def numbers(shape, seed):
    n = int(np.prod(shape))
    x = np.random.Generator(np.random.PCG64(seed)).random(n, np.float32) * 2 - 1
    return (x * 0.5 if len(shape) > 1 else x * 0.25 + 1).reshape(shape)


def shrink_weights(path, out, sizes, settings):
    b = open(path, "rb").read()
    n, = struct.unpack_from("<Q", b)
    header, data, patch = {}, b"", settings.get("patch_size")
    for seed, (name, t) in enumerate(sorted(json.loads(b[8:8 + n]).items())):
        if name == "__metadata__" or any(f"{of}.1." in name for of in ("h", "layer")):
            continue
        shape = [sizes.get(s, s) for s in t["shape"]]
        if len(shape) == 4 and patch:
            shape[2:] = patch, patch
        x = numbers(shape, seed)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + x.nbytes]}
        data += x.tobytes()
    head = json.dumps(header).encode()
    open(out, "wb").write(struct.pack("<Q", len(head)) + head + data)


def shrink(folder, out, sizes, settings):
    shutil.copytree(folder, out)
    for path in glob.glob(f"{out}/**/*.safetensors", recursive=True):
        shrink_weights(path, path, sizes, settings)
    for path in glob.glob(f"{out}/**/config.json", recursive=True):
        c = {k: sizes.get(v, v) if type(v) is int and k != "image_size" else v for k, v in json.load(open(path)).items()}
        c |= {k: 1 for k in ("n_layer", "num_hidden_layers") if k in c} | (settings if "model_type" in c else {})
        json.dump(c, open(path, "w"))


def main():
    linnet, *names = sys.argv[1:]
    for name in names:
        source, sizes, settings, kind, files = CASES[name]
        out = f"{HERE}/{name}.lnt"
        if os.path.exists(out):
            sys.exit(f"make.py: {out} is there, and is never made again")
        with tempfile.TemporaryDirectory() as t:
            folder = f"{t}/{name}"
            shrink(f"{HERE}/../{source}", folder, sizes, settings)
            for file, content in files.items():
                json.dump(content, open(f"{folder}/{file}", "w"))
            subprocess.run([linnet, "convert", folder, "-o", out, "--type", kind], check=True)
        print(f"{name}: {os.path.getsize(out)} bytes")


if __name__ == "__main__":
    main()
