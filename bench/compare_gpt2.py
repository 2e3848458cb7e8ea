"""GPT-2 decoding and prompt processing beside llama.cpp, in turns, in one run.

    python3 bench/compare_gpt2.py build/linnet LLAMA_BENCH FOLDER [--threads 2] [--rounds 5]

FOLDER holds f16.lnt, q8.lnt, q4.lnt and f16.gguf, Q8_0.gguf, Q4_0.gguf of the same model. Decoding: 128 tokens after one.
Prompt: 512 tokens at once. Every figure is tokens per second, the median of the rounds (and the best).
"""
import argparse, json, random, re, statistics, subprocess

PAIRS = [("f16", "f16"), ("q8", "Q8_0"), ("q4", "Q4_0")]


def linnet(o, name, ids, n, what):
    r = subprocess.run([o.linnet, "complete", f"{o.folder}/{name}.lnt", "--ids", ids, "-n", str(n), "--greedy", "--ignore-eos", "--stats", "--threads", str(o.threads)],
                       capture_output=True, text=True, check=True)
    return float(re.search(what, r.stderr)[1])


def llama(o, name, prompt, n):
    r = subprocess.run([o.llama_bench, "-m", f"{o.folder}/{name}.gguf", "-t", str(o.threads), "-p", str(prompt), "-n", str(n), "-r", "1", "-o", "json"],
                       capture_output=True, text=True, check=True)
    return json.loads(r.stdout)[0]["avg_ts"]


def main():
    a = argparse.ArgumentParser()
    a.add_argument("linnet")
    a.add_argument("llama_bench")
    a.add_argument("folder")
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--rounds", type=int, default=5)
    o = a.parse_args()
    random.seed(1)
    ids = " ".join(str(random.randrange(50257)) for _ in range(512))
    for ours, theirs in PAIRS:
        runs = {"decode": ([], []), "prompt": ([], [])}
        for _ in range(o.rounds):
            runs["decode"][0].append(linnet(o, ours, "50256", 129, r"after the first, ([\d.]+)"))
            runs["decode"][1].append(llama(o, theirs, 0, 128))
            runs["prompt"][0].append(linnet(o, ours, ids, 1, r"prompt +512 tokens in [\d.]+ ms, ([\d.]+)"))
            runs["prompt"][1].append(llama(o, theirs, 512, 0))
        for what, (x, y) in runs.items():
            mx, my = statistics.median(x), statistics.median(y)
            print(f"{what:7} linnet {ours:4} {mx:7.1f} ({max(x):7.1f})   llama.cpp {theirs:5} {my:7.1f} ({max(y):7.1f})   ratio {mx / my:5.2f}", flush=True)


main()
