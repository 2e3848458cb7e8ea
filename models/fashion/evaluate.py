"""The accuracy of `linnet classify` on Fashion-MNIST's test pictures, written as PNG files into a temporary folder.

usage: evaluate.py LINNET MODEL.lnt --data /usr/share/datasets/fashion-mnist [--inverted] [--checkpoint DIR] [--pictures N]

--inverted  dark on white, instead of as they are (light on black)
--checkpoint  what transformers says of the same files with the model in DIR, and how often both agree
"""
import argparse, json, os, subprocess, tempfile
from PIL import Image, ImageOps
from train import NAMES, read_set


def write_pictures(folder, images, inverted):
    paths = []
    for i, pixels in enumerate(images):
        paths.append(f"{folder}/{i:05}.png")
        picture = Image.fromarray(pixels.numpy())
        (ImageOps.invert(picture) if inverted else picture).save(paths[-1], compress_level=1)
    return paths


def linnet_labels(linnet, model, folder):
    """{path: (label, score)}, of the best label."""
    done = subprocess.run([linnet, "classify", model, folder, "--json"], stdout=subprocess.PIPE, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {os.path.basename(a["input"]): (a["labels"][0]["label"], a["labels"][0]["score"]) for a in answers}


def transformers_labels(checkpoint, paths):
    import torch
    from transformers import ViTForImageClassification, ViTImageProcessorPil
    processor = ViTImageProcessorPil.from_pretrained(checkpoint)
    model = ViTForImageClassification.from_pretrained(checkpoint).eval()
    labels = {}
    with torch.no_grad():
        for i in range(0, len(paths), 250):
            batch = processor([Image.open(p).convert("RGB") for p in paths[i:i + 250]], return_tensors="pt")
            best = model(**batch).logits.softmax(1).max(1)
            for p, score, k in zip(paths[i:i + 250], best.values.tolist(), best.indices.tolist()):
                labels[os.path.basename(p)] = model.config.id2label[k], score
    return labels


def main():
    a = argparse.ArgumentParser()
    a.add_argument("linnet")
    a.add_argument("model")
    a.add_argument("--data", required=True)
    a.add_argument("--inverted", action="store_true")
    a.add_argument("--checkpoint")
    a.add_argument("--pictures", type=int, default=10000)
    o = a.parse_args()
    images, gold = read_set(o.data, "t10k")
    images, gold = images[:o.pictures], [NAMES[k] for k in gold[:o.pictures]]
    with tempfile.TemporaryDirectory() as folder:
        paths = write_pictures(folder, images, o.inverted)
        names = [os.path.basename(p) for p in paths]
        ours = linnet_labels(o.linnet, o.model, folder)
        theirs = transformers_labels(o.checkpoint, paths) if o.checkpoint else None
    if set(ours) != set(names):
        raise SystemExit(f"{len(ours)} answers to {len(names)} pictures")
    right = [ours[n][0] == g for n, g in zip(names, gold)]
    for label in NAMES:
        of = [r for r, g in zip(right, gold) if g == label]
        print(f"{label:12} {sum(of) / max(1, len(of)):.4f}")
    print(f"linnet       {sum(right) / len(right):.4f}, {sum(right)} of {len(right)}")
    if theirs:
        same = sum(ours[n][0] == theirs[n][0] for n in names)
        off = max((abs(ours[n][1] - theirs[n][1]) for n in names if ours[n][0] == theirs[n][0]), default=0)
        right = sum(theirs[n][0] == g for n, g in zip(names, gold))
        print(f"transformers {right / len(gold):.4f}, {right} of {len(gold)}; the same label {same} times, scores differ by up to {off:.1e} then")


main()
