"""Images a second by Linnet and by its peers in turns, on pixel values that are there already.

    python3 bench/peers/compare_images.py build/linnet CHECKPOINT M.lnt [M.lnt ...] [--ort MODEL.onnx ...] [--openvino MODEL.xml ...]
                                          [--torch] [--batch 1 --batch 4] [--threads 2] [--rounds 5] [--seconds 3] [--json FILE]

build holds linnet-bench-images too. CHECKPOINT is the folder of a ViTForImageClassification; .onnx and .xml files are exports of it with
the input pixel_values, as prepare.py makes them. A turn's value is the median of its calls.
"""
import os

import contenders
import turns

p = turns.options(__doc__)
p.add_argument("linnet")
p.add_argument("checkpoint")
p.add_argument("models", nargs="+")
p.add_argument("--ort", action="append", default=[])
p.add_argument("--openvino", action="append", default=[])
p.add_argument("--torch", action="store_true")
p.add_argument("--batch", action="append", type=int, default=[])
p.add_argument("--seconds", type=float, default=3)
o = p.parse_args()

bench = os.path.join(os.path.dirname(o.linnet), "linnet-bench-images")
peers = {"ort": o.ort, "openvino": o.openvino, "torch": [o.checkpoint] * o.torch}
results = []
for batch in o.batch or [1, 4]:
    jobs = {f"Linnet {m}": contenders.linnet_images(bench, m, batch, o.threads, o.seconds) for m in o.models}
    how = {"checkpoint": o.checkpoint, "batch": batch, "seconds": o.seconds}
    jobs |= {f"{kind} {path}": contenders.peer("images", kind, path, o.threads, **how) for kind, paths in peers.items() for path in paths}
    results.append(turns.measure(f"batch {batch}", "images/s", jobs, o, o.linnet))
    turns.table(results[-1])
turns.write(o.json, results)
