"""A turn of a peer that is a Python package: child.py SPEC, a JSON object with task, kind, path, threads and what the task needs.

Prints the rates. Every peer does its work once before it is timed, since some compile for each new shape.
"""
import importlib
import json
import statistics
import sys
import time

from turns import NOT_THERE


def ort(o):
    rt = importlib.import_module("onnxruntime")
    s = rt.SessionOptions()
    s.intra_op_num_threads = o["threads"]
    session = rt.InferenceSession(o["path"], s, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, inputs)[0]


def openvino(o):
    ov = importlib.import_module("openvino")
    settings = {"INFERENCE_NUM_THREADS": o["threads"], "PERFORMANCE_HINT": "LATENCY"}
    if o.get("precision"):
        settings["INFERENCE_PRECISION_HINT"] = o["precision"]
    request = ov.Core().compile_model(o["path"], "CPU", settings).create_infer_request()
    return lambda inputs: list(request.infer(inputs).values())[0].copy()


def padded(evaluate):
    """A function from texts to embeddings: tokenizers, batches of 32 sorted by length, evaluate(ids, mask), means over tokens, length 1."""
    def make(o):
        import numpy as np
        from tokenizers import Tokenizer
        tokenizer = Tokenizer.from_file(f"{o['checkpoint']}/tokenizer.json")
        tokenizer.enable_truncation(o["max_tokens"])
        tokenizer.no_padding()
        run = evaluate(o)

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
                h, w = run([ids[i] for i in part], x, mask), mask[:, :, None].astype(np.float32)
                v = (h * w).sum(1) / w.sum(1)
                v /= np.linalg.norm(v, axis=1, keepdims=True)
                for r, i in enumerate(part):
                    out[i] = v[r]
            return out
        return embed
    return make


def onnx_inputs(make):
    def evaluate(o):
        run = make(o)
        return lambda _, x, mask: run({"input_ids": x, "attention_mask": mask})
    return evaluate


def ct2_encoder(o):
    import numpy as np
    ct2 = importlib.import_module("ctranslate2")
    encoder = ct2.Encoder(o["path"], device="cpu", intra_threads=o["threads"], compute_type="int8")
    return lambda ids, *_: np.array(encoder.forward_batch(ids).last_hidden_state)


def sentence_transformers(o):
    torch, st = importlib.import_module("torch"), importlib.import_module("sentence_transformers")
    torch.set_num_threads(o["threads"])
    model = st.SentenceTransformer(o["path"], device="cpu")
    model.max_seq_length = o["max_tokens"]
    return lambda texts: model.encode(texts, batch_size=32, normalize_embeddings=True)


def torch_images(o):
    torch, transformers = importlib.import_module("torch"), importlib.import_module("transformers")
    torch.set_num_threads(o["threads"])
    model = transformers.ViTForImageClassification.from_pretrained(o["path"]).eval()

    def evaluate(inputs):
        with torch.inference_mode():
            return model(torch.from_numpy(inputs["pixel_values"])).logits.numpy()
    return evaluate


def ct2_prompt(o):
    ct2 = importlib.import_module("ctranslate2")
    generator = ct2.Generator(o["path"], device="cpu", intra_threads=o["threads"], compute_type="int8")
    words = json.load(open(f"{o['path']}/vocabulary.json", encoding="utf-8"))
    prompt = [[words[i] for i in o["ids"]]]
    if o.get("all_logits"):
        return lambda: generator.forward_batch(prompt)
    return lambda: generator.generate_batch(prompt, max_length=1, min_length=1, sampling_topk=1, include_prompt_in_result=False)


TEXTS = {"ort": padded(onnx_inputs(ort)), "openvino": padded(onnx_inputs(openvino)), "ct2": padded(ct2_encoder),
         "torch": sentence_transformers}
IMAGES = {"ort": ort, "openvino": openvino, "torch": torch_images}


def timed(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def texts(o):
    lines = open(o["texts"], encoding="utf-8").read().splitlines()
    embed = TEXTS[o["kind"]](o)
    embed(lines)
    return [len(lines) / timed(lambda: embed(lines)) for _ in range(o["passes"])]


def images(o):
    import numpy as np
    evaluate = IMAGES[o["kind"]](o)
    c = json.load(open(f"{o['checkpoint']}/config.json"))
    side = c["image_size"] if isinstance(c["image_size"], list) else [c["image_size"]] * 2
    x = {"pixel_values": np.random.default_rng(0).uniform(-2, 2, (o["batch"], c.get("num_channels", 3), *side)).astype(np.float32)}
    evaluate(x)
    times, begin = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < o["seconds"]:
        times.append(timed(lambda: evaluate(x)))
    return [o["batch"] / statistics.median(times)]


def prompt(o):
    run = ct2_prompt(o)
    run()
    return [len(o["ids"]) / timed(run) for _ in range(o["passes"])]


def main():
    o = json.loads(sys.argv[1])
    try:
        values = {"texts": texts, "images": images, "prompt": prompt}[o["task"]](o)
    except ModuleNotFoundError as e:
        print(e, file=sys.stderr)
        sys.exit(NOT_THERE)
    print(json.dumps(values))


main()
