"""Time to the first token of a mapped file in a warm cache, and what the process holds.

    python3 bench/peers/first_token.py build/linnet MODEL.lnt [--threads 2] [--rounds 15] [--json FILE]

Each round is a process of its own: load, one token of prompt, one token of text; then one that generates 100 tokens.
"""
import os
import re
import statistics
import subprocess

import turns

p = turns.options(__doc__, rounds=15)
p.add_argument("linnet")
p.add_argument("model")
o = p.parse_args()


def run(n):
    command = [o.linnet, "complete", o.model, "--ids", "0", "-n", n, "--greedy", "--ignore-eos", "--stats", "--threads", o.threads]
    r = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    text = r.stderr.read()
    _, status, usage = os.wait4(r.pid, 0)
    if status:
        raise SystemExit(text.strip())
    number = lambda pattern: float(re.search(pattern, text)[1])
    later = 1000 / number(r"after the first, ([\d.]+)") if n > 1 else None
    return {"load": number(r"load +([\d.]+)"), "first token": number(r"first token +([\d.]+)"), "later token": later,
            "resident": usage.ru_maxrss / 1024}


run(1)
firsts = [run(1) for _ in range(o.rounds)]
later = [run(100) for _ in range(5)]
values = {what: [r[what] for r in rows] for what, rows in (("load", firsts), ("first token", firsts), ("later token", later))}
load, first, token = (statistics.median(v) for v in values.values())
print(f"load {load:.1f} ms; first token {first:.1f} ms after the start, load included; a later token {token:.1f} ms")
resident = statistics.median(r["resident"] for r in later)
print(f"file {os.path.getsize(o.model) / 2**20:.1f} MiB; resident after 100 tokens {resident:.1f} MiB")
turns.write(o.json, [turns.result("first token", "ms", o, values)])
