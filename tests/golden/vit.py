"""Makes tests/golden/vit/: small random ViT and DeiT checkpoints, and what transformers computes of images.

    python3 tests/golden/vit.py tests/golden/vit [--cifar CHECKPOINT test_batch.bin] [NAME ...]

Each folder is a checkpoint as its writer would leave it, with beside it (little-endian float32, C order)
    logits.f32, embedding.f32, pooled.f32   a row for each of IMAGES images; missing: no such output
    hidden.f32      [layers + 1][tokens][width] of the first image, the last behind the last norm
    attention.f32   [layers][heads][tokens][tokens] of the first image
    sizes.i32       heights and widths of other images, for which position embeddings are interpolated
    sized.f32       of one image of each of these sizes: the first hidden state [tokens][width], then its logits, or without
                    these its embedding
Image i has the pixel values of pixels(i, ...). All computed in float32 from the weights as they were stored. With --cifar,
cifar10/logits.f32 has the logits of the first 64 images of CIFAR-10's test batch, pixels divided by 255.
"""
import json, os, shutil, sys

os.environ["TQDM_DISABLE"] = os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import torch
import transformers
from safetensors.torch import save_file

IMAGES = 3
BASE = dict(hidden_size=20, num_hidden_layers=2, num_attention_heads=2, intermediate_size=28)
LABELS = lambda *names: dict(id2label=dict(enumerate(names)), label2id={n: i for i, n in enumerate(names)})
MANY = LABELS(*(f"label {i}" for i in range(40)))

# name: (class, settings, how it is saved, sizes)
CASES = {
    "vit-model": ("ViTModel", dict(BASE, hidden_size=36, num_attention_heads=3, intermediate_size=44, image_size=16, patch_size=4, pooler_output_size=12, pooler_act="relu"), "", [(16, 20), (25, 17)]),
    "vit-bare": ("ViTModel", dict(BASE, num_hidden_layers=1, image_size=[6, 8], patch_size=2, num_channels=2), "no pooler", []),
    "vit-image": ("ViTForImageClassification", dict(BASE, **LABELS("cat", "dog", "gut \u00fc"), hidden_size=34, num_hidden_layers=1, image_size=13, patch_size=3, qkv_bias=False, hidden_act="gelu_new"),
                  "", [(13, 13), (9, 30), (21, 16)]),
    "vit-odd": ("ViTForImageClassification", dict(BASE, hidden_size=27, num_hidden_layers=1, num_attention_heads=3, image_size=[17, 23], patch_size=5, hidden_act="relu", layer_norm_eps=1e-3,
                                                  problem_type="multi_label_classification"), "", []),
    "vit-grey": ("ViTForImageClassification", dict(BASE, **LABELS("score"), num_hidden_layers=1, num_attention_heads=5, image_size=[8, 16], patch_size=[2, 4], num_channels=1,
                                                   problem_type="regression"), "f32", []),
    "vit-many": ("ViTForImageClassification", dict(BASE, **MANY, hidden_size=34, num_hidden_layers=1, image_size=14, patch_size=7, num_channels=4), "bin", []),
    "deit-model": ("DeiTModel", dict(BASE, num_hidden_layers=1, image_size=12, patch_size=4), "", [(16, 12)]),
    "deit-image": ("DeiTForImageClassification", dict(BASE, **LABELS("a", "b"), image_size=[8, 12], patch_size=4, num_hidden_layers=1), "", []),
    "deit-teacher": ("DeiTForImageClassificationWithTeacher", dict(BASE, **LABELS("a", "b", "c"), num_hidden_layers=1, image_size=12, patch_size=3), "", [(9, 21), (18, 18)]),
    "deit-teacher-many": ("DeiTForImageClassificationWithTeacher", dict(BASE, **MANY, hidden_size=36, num_attention_heads=3, image_size=8, patch_size=4, num_hidden_layers=1), "", []),
}


def pixels(i, channels, height, width):
    """Multiples of 1/1024 from -2 to 2."""
    out, seed = np.empty(channels * height * width, np.float32), i + 1
    for k in range(out.size):
        seed = (seed * 1664525 + 1013904223) & 0xffffffff
        out[k] = (seed >> 12 & 4095) / 1024 - 2
    return torch.tensor(out.reshape(1, channels, height, width))


def make(name, settings, dtype, more):
    torch.manual_seed(sum(str((name, settings)).encode()))
    cls = getattr(transformers, name)
    model = cls(cls.config_class(**settings, attn_implementation="eager"), **more).eval()
    for key, p in model.named_parameters():
        x = torch.randn_like(p) * (0.25 if p.dim() > 1 else 0.1) + (1 if p.dim() == 1 and "norm" in key and "weight" in key else 0)
        p.data = x.to(dtype).float()
    return model


def save(model, dtype, form, folder):
    config = {k: v for k, v in model.config.to_dict().items() if not k.startswith("_") and v is not None}
    config["architectures"] = [type(model).__name__]
    config["id2label"] = {str(k): v for k, v in config["id2label"].items()}
    json.dump(config, open(f"{folder}/config.json", "w"), indent=1, sort_keys=True)
    state = {k: v.to(dtype).contiguous() for k, v in model.state_dict().items()}
    if form == "bin":
        torch.save(state, f"{folder}/pytorch_model.bin")
    else:
        save_file(state, f"{folder}/model.safetensors", metadata={"format": "pt"})


def pair(size):
    return size if isinstance(size, (list, tuple)) else (size, size)


@torch.no_grad()
def cifar(out, checkpoint, batch):
    model = transformers.ViTForImageClassification.from_pretrained(checkpoint).eval()
    rows = np.fromfile(batch, np.uint8, 64 * 3073).reshape(64, 3073)[:, 1:]
    logits = model(torch.tensor(rows.reshape(64, 3, 32, 32).astype(np.float32) / 255)).logits
    os.makedirs(f"{out}/cifar10", exist_ok=True)
    np.asarray(logits, "<f4").tofile(f"{out}/cifar10/logits.f32")


@torch.no_grad()
def main(out, only):
    for name, (cls, settings, form, sizes) in CASES.items():
        if only and name not in only:
            continue
        folder = f"{out}/{name}"
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        dtype = torch.float32 if form == "f32" else torch.float16
        model = make(cls, settings, dtype, dict(add_pooling_layer=False, use_mask_token=True) if form == "no pooler" else {})
        save(model, dtype, form, folder)
        c = model.config
        inner = model if cls.endswith("Model") else getattr(model, model.base_model_prefix)
        put = lambda file, x, t="<f4": np.asarray(x, dtype=t).tofile(f"{folder}/{file}")
        rows = {}
        for i in range(IMAGES):
            x = pixels(i, c.num_channels, *pair(c.image_size))
            r, base = model(x, output_hidden_states=True, output_attentions=True), inner(x)
            if not i:
                put("hidden.f32", torch.stack([*r.hidden_states[:-1], base.last_hidden_state])[:, 0])
                put("attention.f32", torch.stack(r.attentions)[:, 0])
            add = lambda key, value: rows.setdefault(key, []).append(value[0])
            add("embedding", base.last_hidden_state[:, 0])
            if base.pooler_output is not None:
                add("pooled", base.pooler_output)
            if not cls.endswith("Model"):
                add("logits", r.logits)
        for key, parts in rows.items():
            put(f"{key}.f32", torch.stack(parts))
        sized = []
        for i, size in enumerate(sizes):
            x = pixels(i, c.num_channels, *size)
            r = model(x, interpolate_pos_encoding=True, output_hidden_states=True)
            sized += [r.hidden_states[0].flatten(), (r.last_hidden_state[:, 0] if cls.endswith("Model") else r.logits).flatten()]
        if sizes:
            put("sizes.i32", sizes, "<i4")
            put("sized.f32", torch.cat(sized))
        print(name, {k: len(v) for k, v in rows.items()}, sum(os.path.getsize(f"{folder}/{f}") for f in os.listdir(folder)))


out, *names = sys.argv[1:]
if names[:1] == ["--cifar"]:
    cifar(out, *names[1:3])
    names = names[3:]
main(out, names)
