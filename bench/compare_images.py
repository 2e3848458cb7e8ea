"""Images a second by Linnet and by its peers in turns, each in a process of its own, on pixel values that are there already: median and best over the rounds.

    python3 bench/compare_images.py build/linnet-bench-images CHECKPOINT M.lnt [M.lnt ...] [--ort MODEL.onnx ...] [--openvino MODEL.xml ...] [--torch]
                                    [--batch 1 --batch 4] [--threads 2] [--rounds 5] [--seconds 3]

CHECKPOINT is the folder of a ViTForImageClassification; .onnx and .xml files are exports of it with the input pixel_values (onnxruntime.quantization and
nncf make int8 ones). Needs numpy, transformers' config.json of the folder, and what is asked for: onnxruntime, openvino, torch with transformers.
"""
import argparse, json, os, statistics, subprocess, sys, time

p = argparse.ArgumentParser()
p.add_argument("bench")
p.add_argument("checkpoint")
p.add_argument("models", nargs="+")
p.add_argument("--ort", action="append", default=[])
p.add_argument("--openvino", action="append", default=[])
p.add_argument("--torch", action="store_true")
p.add_argument("--batch", action="append", type=int, default=[])
p.add_argument("--threads", type=int, default=2)
p.add_argument("--rounds", type=int, default=5)
p.add_argument("--seconds", type=float, default=3)
p.add_argument("--child", nargs=3, default=None)
o = p.parse_args()
os.environ["OMP_NUM_THREADS"] = str(o.threads)


def runner(kind, path):
    """A function from pixel values to logits."""
    if kind == "torch":
        import torch
        from transformers import ViTForImageClassification
        torch.set_num_threads(o.threads)
        m = ViTForImageClassification.from_pretrained(o.checkpoint).eval()
        def evaluate(x):
            with torch.inference_mode():
                return m(torch.from_numpy(x)).logits.numpy()
        return evaluate
    if kind == "ort":
        import onnxruntime
        s = onnxruntime.SessionOptions()
        s.intra_op_num_threads = o.threads
        session = onnxruntime.InferenceSession(path, s, providers=["CPUExecutionProvider"])
        return lambda x: session.run(None, {"pixel_values": x})[0]
    import openvino
    request = openvino.Core().compile_model(path, "CPU", {"INFERENCE_NUM_THREADS": o.threads}).create_infer_request()
    return lambda x: list(request.infer({"pixel_values": x}).values())[0].copy()


def child(kind, path, batch):
    import numpy as np
    c = json.load(open(f"{o.checkpoint}/config.json"))
    side = c["image_size"] if isinstance(c["image_size"], list) else [c["image_size"]] * 2
    x = np.random.default_rng(0).uniform(-2, 2, (batch, c.get("num_channels", 3), *side)).astype(np.float32)
    evaluate, times = runner(kind, path), []
    evaluate(x)
    begin = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < o.seconds:
        at = time.perf_counter()
        evaluate(x)
        times.append(time.perf_counter() - at)
    print(batch / statistics.median(times), batch / min(times))


if o.child:
    child(o.child[0], o.child[1], int(o.child[2]))
    sys.exit()


def measure(kind, path, batch):
    command = [o.bench, path, str(batch), str(o.threads), str(o.seconds)] if kind == "Linnet" else [sys.executable, __file__, *sys.argv[1:], "--child", kind, path, str(batch)]
    return [float(x) for x in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1].split()]


jobs = [("Linnet", m) for m in o.models] + [("ort", m) for m in o.ort] + [("openvino", m) for m in o.openvino] + [("torch", o.checkpoint)] * o.torch
for batch in o.batch or [1, 4]:
    rates = {job: [] for job in jobs}
    for _ in range(o.rounds):
        for job in jobs:
            rates[job].append(measure(*job, batch))
    print(f"batch {batch}, {o.threads} threads, {o.rounds} rounds: images/s, median (best)")
    for (kind, path), r in sorted(rates.items(), key=lambda x: -statistics.median(m for m, _ in x[1])):
        print(f"  {statistics.median(m for m, _ in r):8.2f} ({max(b for _, b in r):8.2f})  {kind} {path}", flush=True)
