"""Checkpoints in each peer's own format, made once: what is there already is kept.

    python3 bench/peers/prepare.py MODELS --minilm all-MiniLM-L6-v2 --gpt2-tokenizer FOLDER [--llama LLAMA_CPP] [--only minilm,vit-b16,...]

MODELS gets the folders minilm (a copy of that sentence-transformers folder), and bert-base, vit-b16, gpt2-124m: random weights in the real
shapes, for speed alone, unless a checkpoint is there already. Beside the weights: model.onnx and model.int8.onnx (onnxruntime's
quantize_dynamic), ov.xml and ov.int8.xml (OpenVINO, nncf), ct2-int8 (CTranslate2), and f16.gguf, Q8_0.gguf, Q4_0.gguf, if LLAMA_CPP,
its source folder with programs in build/bin, is given.
The tokenizer's folder holds GPT-2's encoder.json and vocab.bpe; BERT takes MiniLM's.

llama.cpp of the version that was measured; LLAMA_CPP is then S/llama_cpp_python-0.3.36/vendor/llama.cpp:

    pip download --no-deps --no-binary :all: -d S llama-cpp-python==0.3.36 && tar xf S/*.tar.gz -C S
    cd S/llama_cpp_python-0.3.36/vendor/llama.cpp && cmake -B build -DCMAKE_BUILD_TYPE=Release -DLLAMA_CURL=OFF
    cmake --build build --target llama-bench llama-quantize
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

ENCODERS, GGUFS = ("minilm", "bert-base"), ("Q8_0", "Q4_0")


def gpt2_tokenizer(source, folder):
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    for name, theirs in (("vocab.json", "encoder.json"), ("merges.txt", "vocab.bpe")):
        shutil.copy(f"{source}/{theirs}", f"{folder}/{name}")
    t = Tokenizer(models.BPE.from_file(f"{folder}/vocab.json", f"{folder}/merges.txt"))
    t.pre_tokenizer, t.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    t.add_special_tokens([AddedToken("<|endoftext|>", normalized=True)])
    t.save(f"{folder}/tokenizer.json")
    end = {name: "<|endoftext|>" for name in ("bos_token", "eos_token", "unk_token")}
    with open(f"{folder}/tokenizer_config.json", "w") as f:
        json.dump({"tokenizer_class": "GPT2Tokenizer", "model_max_length": 1024, **end}, f)


def set_config(folder, **values):
    path = f"{folder}/config.json"
    config = json.load(open(path))
    with open(path, "w") as f:
        json.dump({**config, **values}, f, indent=1)


def checkpoint(o, name):
    """Random weights in the shape of the name, or MiniLM's copy."""
    folder = f"{o.models}/{name}"
    if os.path.exists(f"{folder}/config.json"):
        return
    if name == "minilm":
        shutil.copytree(o.minilm, folder)
        return
    import torch
    import transformers as tf
    torch.manual_seed(1)
    make = {"bert-base": lambda: tf.BertModel(tf.BertConfig()),
            "vit-b16": lambda: tf.ViTForImageClassification(tf.ViTConfig(num_labels=1000)),
            "gpt2-124m": lambda: tf.GPT2LMHeadModel(tf.GPT2Config(bos_token_id=50256, eos_token_id=50256))}
    make[name]().eval().save_pretrained(folder)
    if name == "bert-base":
        for file in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
            shutil.copy(f"{o.minilm}/{file}", folder)
        set_config(folder, position_embedding_type="absolute")
    if name == "gpt2-124m":
        gpt2_tokenizer(o.gpt2_tokenizer, folder)
        set_config(folder, n_ctx=1024)


def export_encoder(folder):
    import torch
    from transformers import AutoModel

    class Encoder(torch.nn.Module):
        """Takes a mask of 0 and 1, and hands on one that is added to scores: the library's own way to make it cannot be traced."""

        def __init__(self):
            super().__init__()
            self.model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()

        def forward(self, input_ids, attention_mask):
            added = (attention_mask[:, None, None, :].float() - 1) * 1e9
            added = added.expand(-1, 1, attention_mask.shape[1], -1)
            return self.model(input_ids=input_ids, attention_mask=added, token_type_ids=torch.zeros_like(input_ids)).last_hidden_state

    ones, axes = torch.ones(2, 16, dtype=torch.long), {0: "texts", 1: "tokens"}
    torch.onnx.export(Encoder(), (ones, ones), f"{folder}/model.onnx", input_names=["input_ids", "attention_mask"], output_names=["hidden"],
                      dynamic_axes={"input_ids": axes, "attention_mask": axes, "hidden": axes}, opset_version=17, dynamo=False)


def export_images(folder):
    import torch
    from transformers import ViTForImageClassification

    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = ViTForImageClassification.from_pretrained(folder, attn_implementation="eager").eval()

        def forward(self, pixel_values):
            return self.model(pixel_values).logits

    module = Classifier()
    pixels = torch.randn(2, *image_shape(folder))
    torch.onnx.export(module, (pixels,), f"{folder}/model.onnx", input_names=["pixel_values"], output_names=["logits"],
                      dynamic_axes={"pixel_values": {0: "images"}, "logits": {0: "images"}}, opset_version=17, dynamo=False)


def image_shape(folder):
    c = json.load(open(f"{folder}/config.json"))
    return c["num_channels"], c["image_size"], c["image_size"]


def onnx(folder, images):
    if not os.path.exists(f"{folder}/model.onnx"):
        export_images(folder) if images else export_encoder(folder)
    if not os.path.exists(f"{folder}/model.int8.onnx"):
        from onnxruntime.quantization import QuantType, quantize_dynamic
        quantize_dynamic(f"{folder}/model.onnx", f"{folder}/model.int8.onnx", weight_type=QuantType.QInt8,
                         op_types_to_quantize=["MatMul", "Gemm"])


def calibration(folder, images):
    import numpy as np
    random = np.random.default_rng(0)
    if images:
        return [random.standard_normal((1, *image_shape(folder))).astype(np.float32) for _ in range(8)]
    words = json.load(open(f"{folder}/config.json"))["vocab_size"]
    return [{"input_ids": random.integers(words // 30, words * 2 // 3, (4, 64)), "attention_mask": np.ones((4, 64), np.int64)}
            for _ in range(32)]


def openvino(folder, images):
    if os.path.exists(f"{folder}/ov.int8.xml"):
        return
    import nncf
    import openvino as ov
    model = ov.convert_model(f"{folder}/model.onnx")
    ov.save_model(model, f"{folder}/ov.xml", compress_to_fp16=False)
    data = calibration(folder, images)
    smaller = nncf.quantize(model, nncf.Dataset(data), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(data))
    ov.save_model(smaller, f"{folder}/ov.int8.xml", compress_to_fp16=False)


def ctranslate2(folder):
    if not os.path.exists(f"{folder}/ct2-int8"):
        from ctranslate2.converters import TransformersConverter
        TransformersConverter(folder).convert(f"{folder}/ct2-int8", quantization="int8")


def gguf(folder, llama):
    f16 = f"{folder}/f16.gguf"
    if not os.path.exists(f16):
        subprocess.run([sys.executable, f"{llama}/convert_hf_to_gguf.py", folder, "--outtype", "f16", "--outfile", f16], check=True)
    for kind in GGUFS:
        if not os.path.exists(f"{folder}/{kind}.gguf"):
            subprocess.run([f"{llama}/build/bin/llama-quantize", f16, f"{folder}/{kind}.gguf", kind], check=True)


def steps(o, name):
    folder = f"{o.models}/{name}"
    yield "checkpoint", lambda: checkpoint(o, name)
    if name != "gpt2-124m":
        yield "ONNX", lambda: onnx(folder, name == "vit-b16")
        yield "OpenVINO", lambda: openvino(folder, name == "vit-b16")
    if name != "vit-b16":
        yield "CTranslate2", lambda: ctranslate2(folder)
    if name == "gpt2-124m" and o.llama:
        yield "GGUF", lambda: gguf(folder, o.llama)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("models")
    p.add_argument("--minilm", help="the folder of all-MiniLM-L6-v2")
    p.add_argument("--gpt2-tokenizer", help="a folder with encoder.json and vocab.bpe")
    p.add_argument("--llama", help="llama.cpp's source folder, built")
    p.add_argument("--only", help="these of minilm, bert-base, vit-b16, gpt2-124m")
    o = p.parse_args()
    os.makedirs(o.models, exist_ok=True)
    failed = 0
    for name in o.only.split(",") if o.only else (*ENCODERS, "vit-b16", "gpt2-124m"):
        for what, step in steps(o, name):
            try:
                step()
                print(f"{name}: {what}", flush=True)
            except Exception as e:  # a peer's converter may fail in its own way; the others go on
                print(f"{name}: {what} failed: {type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}", flush=True)
                failed = 1
    sys.exit(failed)


main()
