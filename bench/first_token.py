"""Time to the first token of a mapped file in a warm cache, and what the process holds.

    python3 bench/first_token.py build/linnet MODEL.lnt [--threads 2] [--rounds 15]

Each round is a process of its own: load, one token of prompt, one token of text; then one that generates 100 tokens.
"""
import argparse, os, re, statistics, subprocess


def run(o, n, ids="0"):
    r = subprocess.Popen([o.linnet, "complete", o.model, "--ids", ids, "-n", str(n), "--greedy", "--ignore-eos", "--stats", "--threads", str(o.threads)],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    text = r.stderr.read()
    _, status, usage = os.wait4(r.pid, 0)
    assert status == 0, text
    number = lambda pattern: float(re.search(pattern, text)[1])
    return number(r"load +([\d.]+)"), number(r"first token +([\d.]+)"), number(r"after the first, ([\d.]+)") if n > 1 else 0, usage.ru_maxrss / 1024


def main():
    a = argparse.ArgumentParser()
    a.add_argument("linnet")
    a.add_argument("model")
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--rounds", type=int, default=15)
    o = a.parse_args()
    run(o, 1)
    firsts = [run(o, 1) for _ in range(o.rounds)]
    later = [run(o, 100) for _ in range(5)]
    median = lambda rows, i: statistics.median(r[i] for r in rows)
    print(f"load {median(firsts, 0):.1f} ms; first token {median(firsts, 1):.1f} ms after the start, load included; "
          f"a later token {1000 / median(later, 2):.1f} ms")
    print(f"file {os.path.getsize(o.model) / 2**20:.1f} MiB; resident after 100 tokens {median(later, 3):.1f} MiB")


main()
