"""Embedding a file of texts, one a line, by Linnet and by its peers in turns, each in a process of its own: texts per second, tokenizing
included, loading not. Median and best over the rounds.

    python3 bench/compare_encoders.py build/linnet CHECKPOINT TEXTS M.lnt [M.lnt ...] [--ort MODEL.onnx ...] [--openvino MODEL.xml ...] [--torch]
                                      [--threads 2] [--rounds 5] [--max-tokens 256]

CHECKPOINT is the sentence-transformers folder (tokenizer.json and weights); .onnx and .xml files are exports of its transformer with the inputs input_ids and
attention_mask (onnxruntime.quantization.quantize_dynamic and nncf.compress_weights or nncf.quantize make int8 ones). Peers sort texts by length into batches of
32. Needs numpy, tokenizers and what is asked for: onnxruntime, openvino, sentence-transformers.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time

p = argparse.ArgumentParser()
p.add_argument("linnet")
p.add_argument("checkpoint")
p.add_argument("texts")
p.add_argument("models", nargs="+")
p.add_argument("--ort", action="append", default=[])
p.add_argument("--openvino", action="append", default=[])
p.add_argument("--torch", action="store_true")
p.add_argument("--threads", type=int, default=2)
p.add_argument("--rounds", type=int, default=5)
p.add_argument("--max-tokens", type=int, default=256)
p.add_argument("--child", nargs=2, default=None)
o = p.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = str(o.threads)
os.environ["TOKENIZERS_PARALLELISM"] = "false"


def runner(kind, path):
    """A function from texts to embeddings."""
    import numpy as np
    if kind == "torch":
        import torch
        from sentence_transformers import SentenceTransformer
        torch.set_num_threads(o.threads)
        m = SentenceTransformer(o.checkpoint, device="cpu")
        m.max_seq_length = o.max_tokens
        return lambda texts: m.encode(texts, batch_size=32, normalize_embeddings=True)
    if kind == "ort":
        import onnxruntime
        s = onnxruntime.SessionOptions()
        s.intra_op_num_threads = o.threads
        session = onnxruntime.InferenceSession(path, s, providers=["CPUExecutionProvider"])
        evaluate = lambda x, m: session.run(None, {"input_ids": x, "attention_mask": m})[0]
    else:
        import openvino
        request = openvino.Core().compile_model(path, "CPU", {"INFERENCE_NUM_THREADS": o.threads}).create_infer_request()
        evaluate = lambda x, m: list(request.infer({"input_ids": x, "attention_mask": m}).values())[0]
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(f"{o.checkpoint}/tokenizer.json")
    tokenizer.enable_truncation(o.max_tokens)
    tokenizer.no_padding()

    def embed(texts):
        ids = [e.ids for e in tokenizer.encode_batch(texts)]
        order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
        out = [None] * len(ids)
        for at in range(0, len(order), 32):
            part = order[at:at + 32]
            x = np.zeros((len(part), len(ids[part[0]])), np.int64)
            mask = np.zeros_like(x)
            for r, i in enumerate(part):
                x[r, :len(ids[i])], mask[r, :len(ids[i])] = ids[i], 1
            h, w = evaluate(x, mask), mask[:, :, None].astype(np.float32)
            v = (h * w).sum(1) / w.sum(1)
            for r, i in enumerate(part):
                out[i] = v[r] / np.linalg.norm(v[r])
        return out
    return embed


texts = open(o.texts).read().splitlines()
if o.child:
    embed = runner(*o.child)
    embed(texts[:64])
    begin = time.perf_counter()
    embed(texts)
    print(time.perf_counter() - begin)
    sys.exit()


def linnet(model):
    with tempfile.TemporaryDirectory() as folder:
        out = subprocess.run([o.linnet, "embed", model, o.texts, "-o", f"{folder}/v.npy", "--threads", str(o.threads), "--max-tokens", str(o.max_tokens), "--json"],
                             capture_output=True, text=True, check=True).stdout
    return json.loads(out)["seconds"]


def peer(kind, path):
    out = subprocess.run([sys.executable, __file__, *sys.argv[1:], "--child", kind, path], capture_output=True, text=True, check=True).stdout
    return float(out.splitlines()[-1])


jobs = {f"Linnet {m}": lambda m=m: linnet(m) for m in o.models}
jobs |= {f"{kind} {path}": lambda k=kind, f=path: peer(k, f) for kind, files in (("ort", o.ort), ("openvino", o.openvino)) for path in files}
if o.torch:
    jobs["sentence-transformers"] = lambda: peer("torch", "-")
seconds = {name: [] for name in jobs}
for _ in range(o.rounds):
    for name, job in jobs.items():
        seconds[name].append(job())
print(f"{len(texts)} texts, {o.threads} threads, {o.rounds} rounds: texts/s, median (best)")
for name, s in sorted(seconds.items(), key=lambda x: statistics.median(x[1])):
    print(f"  {len(texts) / statistics.median(s):8.1f} ({len(texts) / min(s):8.1f})  {name}")
