"""Makes tests/golden/resize.sums: what Pillow makes of several thousand pictures that are drawn by rule.

    python3 tests/golden/resize.py tests/golden/resize.sums

Case i of the file, a little-endian uint64, is the sum (sum_of below) of the bytes of one resized picture. tests/test_resize.c
draws the same cases by the same rules, and tests/pictures.h has the same sum.

    python3 tests/golden/resize.py --speed

prints processor time, the best of twelve, to set beside that of build/tests/test_resize speed.
"""
import sys, time

import numpy as np
from PIL import Image

CASES = 6000
M = (1 << 64) - 1
MODES = {1: "L", 3: "RGB", 4: "CMYK"}


def mix(x):
    """splitmix64's output for states x: an int or an array of uint64."""
    z = (x + 0x9E3779B97F4A7C15) & M if isinstance(x, int) else x + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        if isinstance(x, int):
            z = (z ^ (z >> shift)) * factor & M
        else:
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    return z ^ (z >> 31 if isinstance(x, int) else z >> np.uint64(31))


WEIGHTS = mix(np.arange(1 << 23, dtype=np.uint64)) | np.uint64(1)


def sum_of(data):
    """Modulo 2^64 of (byte + 1) times an odd random number for each place."""
    b = np.frombuffer(data, np.uint8).astype(np.uint64) + np.uint64(1)
    return int((b * WEIGHTS[: b.size]).sum(dtype=np.uint64))


class Draw:
    def __init__(self, case):
        self.state = case << 32

    def below(self, n):
        self.state += 1
        return (mix(self.state) >> 11) % n

    def size(self, most):
        return 1 + self.below(most)


def sizes(d):
    """(width, height, out_width, out_height)"""
    kind = d.below(16)
    if kind < 10:
        return [d.size(200) for _ in range(4)]
    if kind == 10:
        return [d.size(700), d.size(500), d.size(300), d.size(300)]
    if kind == 11:
        return [d.size(100), d.size(100), d.size(700), d.size(500)]
    if kind == 12:  # long and thin, and the other way round
        return [d.size(3), d.size(2000), d.size(500), d.size(3)]
    if kind == 13:
        return [d.size(2000), d.size(3), d.size(3), d.size(500)]
    w, h = d.size(200), d.size(200)
    if kind == 14:  # a side stays, or both
        other = d.size(200)
        return [[w, h, w, other], [w, h, other, h], [w, h, w, h]][d.below(3)]
    return [w, h, max(1, w + d.below(5) - 2), max(1, h + d.below(5) - 2)]


def pixels(d, case, w, h, c):
    style, n = d.below(3), w * h * c
    if style == 2:
        a, b, k = d.below(16), d.below(16), d.below(256)
        y, x, z = np.mgrid[0:h, 0:w, 0:c]
        return ((x * a + y * b + z * k) & 255).astype(np.uint8)
    noise = (mix(np.arange(n, dtype=np.uint64) + np.uint64((case << 32) + (1 << 31))) >> np.uint64(56)).astype(np.uint8)
    return (noise if style == 0 else (noise >> 7) * np.uint8(255)).reshape(h, w, c)


def case_sum(case):
    d = Draw(case)
    channels, resample = (1, 3, 4)[d.below(3)], d.below(6)
    w, h, ow, oh = sizes(d)
    a = pixels(d, case, w, h, channels)
    image = Image.frombytes(MODES[channels], (w, h), a.tobytes())
    return sum_of(image.resize((ow, oh), resample).tobytes())


def print_speed(w, h, ow, oh):
    image = Image.frombytes("RGB", (w, h), (mix(np.arange(w * h * 3, dtype=np.uint64)) >> np.uint64(56)).astype(np.uint8).tobytes())
    for resample in range(6):
        times = []
        for _ in range(12):
            start = time.process_time()
            image.resize((ow, oh), resample)
            times.append(time.process_time() - start)
        print(f"{w}x{h} to {ow}x{oh}, {Image.Resampling(resample).name.lower()}: {min(times) * 1e3:.1f} ms")


if __name__ == "__main__":
    if sys.argv[1] == "--speed":
        print_speed(4000, 3000, 224, 224)
        print_speed(224, 224, 1000, 1000)
        sys.exit()
    np.array([case_sum(i) for i in range(CASES)], "<u8").tofile(sys.argv[1])
