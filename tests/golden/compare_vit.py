"""ViT and DeiT in transformers (float32) and in Linnet, from random pixel values: largest differences.

    python3 tests/golden/compare_vit.py build/linnet [CHECKPOINT_FOLDER ...]

Without folders, models with random weights of the sizes that are common, and of odd ones (MODELS). A size behind the
model's own is that of an image for which position embeddings are interpolated.
"""
import os, subprocess, sys, tempfile

os.environ["TQDM_DISABLE"] = os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import torch
import transformers

BASE = dict(hidden_size=768, num_attention_heads=12, intermediate_size=3072)
SMALL = dict(hidden_size=384, num_attention_heads=6, intermediate_size=1536)
TINY = dict(hidden_size=192, num_attention_heads=3, intermediate_size=768)
THOUSAND = dict(num_labels=1000)
MODELS = {
    "ViT-B/16 224": ("ViTForImageClassification", dict(**BASE, **THOUSAND, image_size=224, patch_size=16), [(384, 224)]),
    "ViT-Tiny/16 224": ("ViTForImageClassification", dict(**TINY, **THOUSAND, image_size=224, patch_size=16), [(160, 320)]),
    "ViT-S/14 224": ("ViTForImageClassification", dict(**SMALL, **THOUSAND, image_size=224, patch_size=14), [(518, 518)]),
    "ViT-S/32 384": ("ViTForImageClassification", dict(**SMALL, **THOUSAND, image_size=384, patch_size=32), []),
    "ViT-Tiny/16 250x190": ("ViTForImageClassification", dict(**TINY, **THOUSAND, image_size=[250, 190], patch_size=16), []),
    "ViT-Tiny/9x13 250x190, no bias, one channel": ("ViTForImageClassification", dict(**TINY, image_size=[250, 190], patch_size=[9, 13], num_channels=1, qkv_bias=False), []),
    "DeiT-Tiny/16 224, with teacher": ("DeiTForImageClassificationWithTeacher", dict(**TINY, **THOUSAND, image_size=224, patch_size=16), [(224, 288)]),
}


def random_checkpoint(cls, settings, folder):
    """Weights as spread as trained ones, so that values in the network are too."""
    cls = getattr(transformers, cls)
    model = cls(cls.config_class(**settings)).eval()
    for key, p in model.named_parameters():
        wide = 1 / p[0].numel() ** 0.5 if p.dim() in (2, 4) else 0.3
        p.data = torch.randn_like(p) * wide + (1 if "norm" in key and key.endswith("weight") else 0)
    model.save_pretrained(folder)


def pair(size):
    return tuple(size) if isinstance(size, (list, tuple)) else (size, size)


@torch.no_grad()
def compare(linnet, folder, name, sizes):
    run = lambda *a: subprocess.run([linnet, *a], check=True, stdout=subprocess.DEVNULL)
    auto = transformers.AutoConfig.from_pretrained(folder)
    model = getattr(transformers, auto.architectures[0]).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    inner = getattr(model, model.base_model_prefix, model)
    run("convert", folder, "-o", f"{folder}/m.lnt", "--type", "f32")
    for size in [pair(auto.image_size), *sizes]:
        other = size != pair(auto.image_size)
        x = torch.randn(1, auto.num_channels, *size)
        np.save(f"{folder}/x.npy", x[0].numpy())
        extra = dict(interpolate_pos_encoding=True) if other else {}
        r = model(x, output_hidden_states=True, output_attentions=True, **extra)
        hidden = torch.stack([*r.hidden_states[:-1], inner(x, **extra).last_hidden_state])[:, 0]
        wanted = {"hidden": hidden, "attention": torch.stack(r.attentions)[:, 0]}
        if hasattr(r, "logits"):
            wanted["logits"] = r.logits
        found = []
        for want, expected in wanted.items():
            run("output", f"{folder}/m.lnt", f"{folder}/x.npy", "--want", want, "-o", f"{folder}/y.npy", *(["--image-size", f"{size[0]}x{size[1]}"] if other else []))
            y = np.load(f"{folder}/y.npy").reshape(expected.shape)
            found.append(f"{want} {np.abs(y - expected.numpy()).max():.1e} of {np.abs(expected.numpy()).max():.3g}")
        print(f"{name}, image {size[0]}x{size[1]}: max |difference|", ", ".join(found), flush=True)


linnet, *folders = sys.argv[1:]
torch.manual_seed(1)
for folder in folders:
    with tempfile.TemporaryDirectory() as copy:
        for f in os.listdir(folder):
            os.symlink(os.path.abspath(f"{folder}/{f}"), f"{copy}/{f}")
        compare(linnet, copy, os.path.basename(os.path.normpath(folder)), [])
for name, (cls, settings, sizes) in MODELS.items() if not folders else ():
    with tempfile.TemporaryDirectory() as folder:
        random_checkpoint(cls, settings, folder)
        compare(linnet, folder, name, sizes)
