"""The rows that run.py measures: each one kind of work, who does it, and the ratios that Linnet is meant to reach."""
import contextlib
import csv
import dataclasses
import json
import os
import random
import subprocess
import sys

from contenders import linnet_decode, linnet_images, linnet_prompt, linnet_texts, llama, peer
from turns import output

ORT, OPENVINO, CT2, ST = "ONNX Runtime int8", "OpenVINO int8", "CTranslate2 int8", "sentence-transformers"
GGUF = {"q8": "Q8_0", "q4": "Q4_0", "f16": "f16"}
SHIPPED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../models/shakespeare/shakespeare.lnt")


@dataclasses.dataclass
class Row:
    title: str
    unit: str
    ours: str           # the contender that targets are for
    contenders: dict
    targets: list
    models: tuple = ()  # (checkpoint, type), to be converted before
    cost: tuple = None  # the kind of roof; billions of bytes or operations that a unit takes, or a function; the share to reach
    chart: bool = False


def target(against, at_least, aim=None, factor=1):
    """Our rate over the best one of those that are named, times the factor."""
    return {"against": against, "at_least": at_least, "aim": aim, "factor": factor}


def sentences(stsb):
    """1,000 sentences of STS-B, about 11 tokens each."""
    rows = list(csv.reader(open(stsb, encoding="utf-8"), delimiter="\t", quoting=csv.QUOTE_NONE))
    return [text for r in rows for text in r[5:7]][:1000]


def paragraphs(wiki):
    lines = (line.strip() for line in open(wiki, encoding="utf-8"))
    return [line for line in lines if len(line) > 40 and not line.startswith("=")]


@contextlib.contextmanager
def busy():
    """A process on every core that does nothing but count."""
    loop = "import os\nos.sched_setaffinity(0, {%d})\nwhile True: pass"
    spinning = [subprocess.Popen([sys.executable, "-c", loop % core]) for core in sorted(os.sched_getaffinity(0))]
    try:
        yield
    finally:
        for s in spinning:
            s.kill()
            s.wait()


def beside_others(turn):
    def run():
        with busy():
            return turn()
    return run


def encoder_cost(layers, width, tokens):
    """Billions of operations of one text or image: the linear layers and attention."""
    return (2 * layers * tokens * 12 * width ** 2 + 4 * layers * tokens ** 2 * width) * 1e-9


class Rows:
    """o: run.py's arguments."""

    def __init__(self, o):
        self.o, self.threads = o, o.threads
        self.bench_images = os.path.join(os.path.dirname(o.linnet), "linnet-bench-images")

    def all(self):
        return self.encoders() | self.images() | self.gpt2() | self.threads_and_neighbours()

    def lnt(self, name, kind):
        return f"{self.o.work}/{name}-{kind}.lnt"

    # ---- encoders ----

    def texts(self, name, kind, file, max_tokens=256, passes=1, cap=None, threads=None):
        model, file = self.lnt(name, kind), f"{self.o.work}/{file}"
        return linnet_texts(self.o.linnet, model, file, threads or self.threads, max_tokens, passes, cap)

    def peer_texts(self, name, kind, model, file, max_tokens=256, passes=1, **more):
        folder = f"{self.o.models}/{name}"
        how = {"checkpoint": folder, "texts": f"{self.o.work}/{file}", "max_tokens": max_tokens, "passes": passes, **more}
        return peer("texts", kind, f"{folder}/{model}", self.threads, **how)

    def int8(self, name, file, *named, **how):
        """Linnet's q8, the peers that are named, and with --more all of them."""
        peers = {ORT: ("ort", "model.int8.onnx"), CT2: ("ct2", "ct2-int8"), OPENVINO: ("openvino", "ov.int8.xml")}
        found = {"Linnet q8": self.texts(name, "q8", file, **how)}
        return found | {p: self.peer_texts(name, *peers[p], file, **how) for p in peers if p in named or self.o.more}

    def encoders(self):
        q8, f32 = ("minilm", "q8"), ("minilm", "f32")
        short = self.int8("minilm", "sentences.txt", ORT, passes=2)
        short[ST] = self.peer_texts("minilm", "torch", "", "sentences.txt", passes=2)
        floats = {"Linnet f32": self.texts("minilm", "f32", "paragraphs.txt"),
                  "OpenVINO f32": self.peer_texts("minilm", "openvino", "ov.xml", "paragraphs.txt", precision="f32")}
        own = {kind: self.texts("minilm", kind, "paragraphs.txt", cap="avx2") for kind in ("q8", "f32")}
        return {
            "sentences": Row("MiniLM-L6 q8, 1,000 sentences, with tokenizing", "texts/s", "Linnet q8", short,
                             [target([ORT], 1.3, 1.6), target([ST], 4.5, 6)], (q8,), chart=True),
            "paragraphs": Row("MiniLM-L6 q8, 400 paragraphs", "texts/s", "Linnet q8", self.int8("minilm", "paragraphs.txt", ORT),
                              [target([ORT], 1.7, 2.2)], (q8,), chart=True),
            "bert": Row("BERT-base q8, 128 tokens", "texts/s", "Linnet q8", self.int8("bert-base", "bert.txt", ORT, CT2, max_tokens=128),
                        [target([ORT, CT2], 1.15, 1.3)], (("bert-base", "q8"),), ("int8", encoder_cost(12, 768, 128), 0.85), chart=True),
            "f32": Row("MiniLM-L6 f32, 400 paragraphs", "texts/s", "Linnet f32", floats,
                       [target(["OpenVINO f32"], 1.05, 1.2)], (f32,), chart=True),
            "avx2": Row("MiniLM-L6, 400 paragraphs, LINNET_CPU=avx2", "texts/s", "q8", own, [target(["f32"], 1.5, 1.8)], (q8, f32)),
        }

    # ---- images ----

    def images(self):
        folder, rows = f"{self.o.models}/vit-b16", {}
        for batch, least, aim in ((1, 1.15, 1.3), (4, 1.0, 1.1)):
            how = {"checkpoint": folder, "batch": batch, "seconds": self.o.seconds}
            jobs = {"Linnet q8": linnet_images(self.bench_images, self.lnt("vit-b16", "q8"), batch, self.threads, self.o.seconds),
                    ORT: peer("images", "ort", f"{folder}/model.int8.onnx", self.threads, **how),
                    OPENVINO: peer("images", "openvino", f"{folder}/ov.int8.xml", self.threads, **how)}
            rows[f"vit-{batch}"] = Row(f"ViT-B/16 q8, batch {batch}", "images/s", "Linnet q8", jobs, [target([ORT, OPENVINO], least, aim)],
                                       (("vit-b16", "q8"),), ("int8", encoder_cost(12, 768, 197), None), chart=True)
        return rows

    # ---- GPT-2 ----

    def decode(self, kind, threads=None):
        return linnet_decode(self.o.linnet, self.lnt("gpt2-124m", kind), 128, threads or self.threads, passes=2)

    def llama(self, kind, prompt, n):
        return llama(self.o.llama, f"{self.o.models}/gpt2-124m/{GGUF[kind]}.gguf", prompt, n, self.threads, passes=2)

    def ct2_prompt(self, ids, **more):
        return peer("prompt", "ct2", f"{self.o.models}/gpt2-124m/ct2-int8", self.threads, ids=ids, passes=2, **more)

    def token_bytes(self, kind):
        """Billions of bytes that a token reads: all weights but the position embeddings, 1,024 rows of halves."""
        sections = json.loads(output([self.o.linnet, "inspect", self.lnt("gpt2-124m", kind), "--json"], 1))["sections"]
        return (sections["data"] - 1024 * 768 * 2) * 1e-9

    def gpt2(self):
        rows = {}
        for kind in GGUF:
            ours, theirs = f"Linnet {kind}", f"llama.cpp {GGUF[kind]}"
            jobs = {ours: self.decode(kind), theirs: self.llama(kind, 0, 128)}
            cost = ("memory", lambda kind=kind: self.token_bytes(kind), 0.85)
            rows[f"decode-{kind}"] = Row(f"GPT-2 124M {kind}, decoding", "tokens/s", ours, jobs, [target([theirs], 1.4)],
                                         (("gpt2-124m", kind),), cost, chart=True)
        ids = random.Random(1).choices(range(50257), k=512)
        jobs = {"Linnet q8": linnet_prompt(self.o.linnet, self.lnt("gpt2-124m", "q8"), ids, self.threads, passes=2),
                CT2: self.ct2_prompt(ids), f"{CT2}, all logits": self.ct2_prompt(ids, all_logits=True)}
        prompts = {f"llama.cpp {GGUF[kind]}": self.llama(kind, 512, 0) for kind in GGUF}
        rows["prefill"] = Row("GPT-2 124M q8, prompt of 512", "tokens/s", "Linnet q8", jobs | prompts, [target([CT2, *prompts], 1.8, 2.4)],
                              (("gpt2-124m", "q8"),), chart=True)
        return rows

    # ---- Linnet beside itself ----

    def threads_and_neighbours(self):
        gpt2, minilm = (("gpt2-124m", "q8"),), (("minilm", "q8"),)
        all_of_them, one = f"{self.threads} threads", "1 thread"
        counts = {all_of_them: self.threads, one: 1}
        scales, share = [target([one], 1.85, 1.95)], [target(["quiet"], 1.0, factor=2)]
        small = {name: linnet_decode(self.o.linnet, SHIPPED, 400, n, passes=5) for name, n in counts.items()}
        memory = {name: self.decode("q8", threads=n) for name, n in counts.items()}
        encoder = {name: self.texts("minilm", "q8", "paragraphs.txt", threads=n) for name, n in counts.items()}
        ours, theirs, texts = self.decode("q8"), self.llama("q8", 0, 128), self.texts("minilm", "q8", "paragraphs.txt")
        decode = {"quiet": ours, "busy": beside_others(ours), "llama.cpp Q8_0, quiet": theirs,
                  "llama.cpp Q8_0, busy": beside_others(theirs)}
        return {
            "scaling-decode": Row("The shipped GPT-2 (weights in the cache), decoding", "tokens/s", all_of_them, small, scales),
            "scaling-memory": Row("GPT-2 124M q8 (weights in memory), decoding", "tokens/s", all_of_them, memory,
                                  [target([one], None)], gpt2),
            "scaling-encoder": Row("MiniLM-L6 q8, 400 paragraphs", "texts/s", all_of_them, encoder, scales, minilm),
            "busy-decode": Row("GPT-2 124M q8, decoding, a busy process on every core", "tokens/s", "busy", decode, share, gpt2),
            "busy-encoder": Row("MiniLM-L6 q8, 400 paragraphs, a busy process on every core", "texts/s", "busy",
                                {"quiet": texts, "busy": beside_others(texts)}, share, minilm),
        }
