"""Makes tests/golden/images/: small pictures of every kind, and what Pillow and transformers make of them.

    python3 tests/golden/images.py tests/golden/images

expected.txt says of each picture "NAME WIDTH HEIGHT SUM": sum_of (resize.py) of the RGB bytes that
ImageOps.exif_transpose(Image.open(f)).convert("RGB") gives. Of grey with more than 8 bits, which Pillow cuts off at 255
there, it is the sum of what docs/images.md says instead.

preprocess.txt says "PICTURE CHANNELS RESIZE SIZE SIZE FILTER CROP CROP SCALE NORM HEIGHT WIDTH SUM" (0 or -: not): the sum of
the float32 bytes [channels][height][width] that transformers' PIL image processor gives for these settings.
"""
import io, os, struct, sys, warnings, zlib

import numpy as np
import transformers
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from resize import mix, sum_of

warnings.simplefilter("ignore")
W, H = 21, 13
FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}


def noise(n, seed):
    return (mix(np.arange(n, dtype=np.uint64) + np.uint64(seed << 20)) >> np.uint64(56)).astype(np.uint8)


def picture(w=W, h=H, channels=3):
    """Ramps that differ per channel, so that no turn of it is another, with some noise."""
    y, x, c = np.mgrid[0:h, 0:w, 0:channels]
    v = (x * 255 // max(w - 1, 1)) * (c + 1) // 3 + y * 90 // max(h - 1, 1) * (3 - c) // 2 + c * 20
    return np.clip(v + noise(h * w * channels, 1).reshape(h, w, channels) // 8, 0, 255).astype(np.uint8)


def encoded(image, kind, **options):
    f = io.BytesIO()
    image.save(f, kind, **options)
    return f.getvalue()


def jpegs():
    rgb = Image.fromarray(picture())
    jpeg = lambda image, **o: encoded(image, "JPEG", **{"quality": 60, **o})
    yield "grey.jpg", jpeg(rgb.convert("L"))
    yield "444.jpg", jpeg(rgb, subsampling=0)
    yield "422.jpg", jpeg(rgb, subsampling=1)
    yield "420.jpg", jpeg(rgb, subsampling=2, quality=90)
    yield "rgb.jpg", jpeg(rgb, keep_rgb=True)
    yield "restarts.jpg", jpeg(rgb, restart_marker_blocks=1)
    yield "progressive-420.jpg", jpeg(rgb, progressive=True)
    yield "progressive-grey.jpg", jpeg(rgb.convert("L"), progressive=True)
    yield "one.jpg", jpeg(Image.new("RGB", (1, 1), (10, 200, 30)))
    cmyk = jpeg(Image.frombytes("CMYK", (W, H), picture(channels=4).tobytes()), quality=90)
    adobe = cmyk.index(b"Adobe")
    yield "cmyk.jpg", cmyk
    yield "ycck.jpg", cmyk[: adobe + 11] + b"\2" + cmyk[adobe + 12 :]
    yield "cmyk-no-adobe.jpg", cmyk[: adobe - 4] + cmyk[adobe + 12 :]
    yield "garbage-behind.jpg", jpeg(rgb) + b"garbage"
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x010F], exif[0x0112] = "somebody", orientation
        data = jpeg(rgb, exif=exif)
        yield f"exif-{orientation}.jpg", data
    yield "exif-big-endian.jpg", data.replace(*exif_block(data))
    yield "xmp-6.jpg", jpeg(rgb, xmp=b'<x tiff:Orientation="6"/>')
    yield "xmp-3.jpg", jpeg(rgb, xmp=b"<tiff:Orientation>3</tiff:Orientation>")
    exif[0x0112] = 5
    yield "exif-before-xmp.jpg", jpeg(rgb, exif=exif, xmp=b'<x tiff:Orientation="6"/>')
    exif[0x0112] = 9
    yield "exif-9.jpg", jpeg(rgb, exif=exif)


def exif_block(data):
    """A JPEG's EXIF data, and data of the same length in the other order of bytes that says 6."""
    at = data.index(b"Exif\0\0")
    (length,) = struct.unpack(">H", data[at - 2 : at])
    old = data[at : at + length - 2]
    new = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    return old, new.ljust(len(old), b"\0")


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(bits, colour, interlaced=False, extra=b"", w=W, h=H, palette=None):
    """A PNG of noise whose rows take all of the filters."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)] if interlaced else [(0, 0, 1, 1)]
    raw, used = b"", 0
    for x, y, dx, dy in passes:
        columns, rows = len(range(x, w, dx)), len(range(y, h, dy))
        for row in range(rows if columns else 0):
            n = (columns * channels * bits + 7) // 8
            raw += bytes([row % 5]) + noise(n, 7 + used).tobytes()
            used += 1
    plte = chunk(b"PLTE", palette or noise(3 << bits, 3).tobytes()) if colour == 3 else b""
    data = zlib.compress(raw, 9)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, bits, colour, 0, 0, interlaced))
    return b"\x89PNG\r\n\x1a\n" + head + plte + extra + chunk(b"IDAT", data[:40]) + chunk(b"IDAT", data[40:]) + chunk(b"IEND", b"")


def pngs():
    names = {0: "grey", 2: "rgb", 3: "palette", 4: "grey-alpha", 6: "rgba"}
    for colour, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))):
        for bits in depths:
            yield f"{names[colour]}{bits}.png", png(bits, colour, w=9 if bits == 16 else W)
            yield f"{names[colour]}{bits}-interlaced.png", png(bits, colour, True, w=9 if bits == 16 else W)
    yield "one.png", png(8, 2, w=1, h=1)
    yield "one-interlaced.png", png(8, 2, True, w=1, h=1)
    yield "palette-alpha.png", png(2, 3, extra=chunk(b"tRNS", b"\0\x80\xff"))
    yield "palette-short.png", png(4, 3, palette=noise(15, 9).tobytes())
    yield "rgb-transparent.png", png(8, 2, extra=chunk(b"tRNS", b"\0\1\0\2\0\3"))
    yield "gamma.png", png(8, 2, extra=chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"sBIT", b"\5\5\5") + chunk(b"bKGD", b"\0\1\0\2\0\3"))
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "exif-6.png", encoded(Image.fromarray(picture()), "PNG", exif=exif)
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="8"/>')
    yield "xmp-8.png", encoded(Image.fromarray(picture()), "PNG", pnginfo=text)


def pnms():
    bits = (picture()[:, :, 0] > 128).astype(np.uint8)
    yield "plain.pbm", b"P1\n# a comment\n21 13\n" + b"\n".join(b"".join(b"%d" % v for v in row) for row in bits) + b"\n"
    yield "raw.pbm", b"P4 21 13 " + np.packbits(bits, axis=1).tobytes()
    for most in (1, 100, 255, 1000, 65535):
        for kind, channels in ((2, 1), (3, 3)):
            v = picture(channels=3)[:, :, :channels].astype(np.uint32) * most // 255
            name = {2: "pgm", 3: "ppm"}[kind]
            yield f"plain-{most}.{name}", b"P%d\n21 #c\n13\n%d\n" % (kind, most) + b" ".join(b"%d" % x for x in v.flat)
            yield f"raw-{most}.{name}", b"P%d\n21 13\n%d\n" % (kind + 3, most) + v.astype(">u2" if most > 255 else "u1").tobytes()


def deep_grey(name, data):
    """Grey with more than 8 bits, by hand."""
    im = Image.open(io.BytesIO(data))
    if im.mode not in ("I", "I;16"):
        return None
    v = np.array(im).astype(np.int64)
    v = v >> 8 if name.endswith("png") else np.rint(v / 65535 * 255).astype(np.int64)
    return np.repeat(v.astype(np.uint8)[:, :, None], 3, 2)


def decoded(name, data):
    deep = deep_grey(name, data)
    return deep if deep is not None else np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


NORMS = {"-": None, "half": ([0.5] * 3, [0.5] * 3), "imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])}

# channels, resize, two sizes, filter, crop, scale, norm, the size that comes out
SETTINGS = [
    (3, "exact", 16, 16, "bilinear", 0, 0, 1 / 255, "half", 16, 16),
    (3, "exact", 40, 9, "bicubic", 0, 0, 1 / 255, "imagenet", 40, 9),
    (3, "exact", 16, 16, "lanczos", 0, 0, 1 / 255, "-", 16, 16),
    (3, "exact", 16, 16, "nearest", 0, 0, 0, "imagenet", 16, 16),
    (3, "exact", 20, 20, "hamming", 15, 11, 0.00784313725490196, "half", 15, 11),
    (3, "exact", 10, 12, "box", 15, 17, 1 / 255, "imagenet", 15, 17),
    (3, "shortest", 18, 0, "bicubic", 16, 16, 1 / 255, "imagenet", 16, 16),
    (3, "shortest", 8, 0, "bilinear", 16, 14, 1 / 255, "imagenet", 16, 14),
    (3, "shortest", 18, 24, "bilinear", 16, 16, 1 / 255, "imagenet", 16, 16),
    (3, "shortest", 7, 300, "bilinear", 16, 16, 1 / 255, "imagenet", 16, 16),
    (3, "-", 0, 0, "-", 9, 40, 1 / 255, "imagenet", 9, 40),
    (1, "exact", 28, 28, "bilinear", 0, 0, 1 / 255, "half", 28, 28),
    (1, "shortest", 28, 0, "lanczos", 28, 28, 1 / 255, "-", 28, 28),
]
PICTURES = ["420.jpg", "exif-6.jpg", "palette8.png", "raw-255.pgm", "one.png"]


def processed(image, channels, resize, a, b, resample, ch, cw, scale, norm, height, width):
    size = {"exact": {"height": a, "width": b}, "shortest": {"shortest_edge": a, **({"longest_edge": b} if b else {})}, "-": None}[resize]
    mean, std = NORMS[norm] or (None, None)
    p = ViTImageProcessorPil(do_resize=resize != "-", size=size or {"height": 1, "width": 1}, resample=FILTERS.get(resample), do_rescale=bool(scale),
                             rescale_factor=scale or 1, do_normalize=norm != "-", image_mean=mean and mean[:channels], image_std=std and std[:channels],
                             do_center_crop=bool(ch), crop_size={"height": ch, "width": cw} if ch else None, do_convert_rgb=False)
    out = p(image, return_tensors="np")["pixel_values"][0]
    assert out.shape == (channels, height, width), (out.shape, resize, a, b)
    return np.ascontiguousarray(out.astype("<f4"))


def main(folder):
    os.makedirs(folder, exist_ok=True)
    files = dict([*jpegs(), *pngs(), *pnms()])
    with open(os.path.join(folder, "expected.txt"), "w") as f:
        for name, data in files.items():
            open(os.path.join(folder, name), "wb").write(data)
            rgb = decoded(name, data)
            print(name, rgb.shape[1], rgb.shape[0], f"{sum_of(rgb.tobytes()):016x}", file=f)
    with open(os.path.join(folder, "preprocess.txt"), "w") as f:
        for name in PICTURES:
            for s in SETTINGS:
                image = Image.fromarray(decoded(name, files[name]))
                out = processed(image.convert("L") if s[0] == 1 else image, *s)
                print(name, *s, f"{sum_of(out.tobytes()):016x}", file=f)


if __name__ == "__main__":
    main(sys.argv[1])
