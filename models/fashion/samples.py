"""Makes the sample pictures out of Fashion-MNIST's test pictures.

usage: samples.py --data /usr/share/datasets/fashion-mnist --out DIR

boot.png: picture 0 as it is, 28x28, grey, light on black. bag.jpg: picture 30 as a shop's photograph would have it: 256x256, brown on white,
enlarged by bicubic interpolation, with a margin.
"""
import argparse
from PIL import Image, ImageOps
from train import read_set

BROWN = 0.55, 0.75, 0.95  # what the darkest point takes from red, green and blue


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--data", required=True)
    a.add_argument("--out", required=True)
    o = a.parse_args()
    images, _ = read_set(o.data, "t10k")
    Image.fromarray(images[0].numpy()).save(f"{o.out}/boot.png", optimize=True)
    dark = Image.fromarray(images[30].numpy()).resize((224, 224), Image.Resampling.BICUBIC)
    photo = Image.merge("RGB", [dark.point(lambda v, g=g: round(255 - g * v)) for g in BROWN])
    ImageOps.expand(photo, 16, "white").save(f"{o.out}/bag.jpg", quality=85)


main()
