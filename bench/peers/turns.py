"""What the comparisons share: contenders that take turns, the machine around them, tables and JSON files.

A contender is a function without arguments that does one turn and returns its values, rates of which more is better. It runs its work in
a process of its own (thread pools spin on after a call, and would slow the next), and raises Missing if what it needs is not there.
"""
import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import time

NOT_THERE = 3  # how child.py exits for Missing


class Missing(Exception):
    pass


def options(description, rounds=5, **more):
    p = argparse.ArgumentParser(description=description.split("\n")[0], **more)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=rounds)
    p.add_argument("--json", metavar="FILE", help="also write the result there")
    return p


def output(command, threads, env=None, errors=False):
    """What a command prints on standard output (or, with errors, on standard error)."""
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    limits["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
    try:
        r = subprocess.run([str(c) for c in command], capture_output=True, text=True, env={**os.environ, **limits, **(env or {})})
    except OSError as e:
        raise Missing(f"{command[0]}: {e.strerror}") from None
    last = (r.stderr.strip().splitlines() or ["no message"])[-1]
    if r.returncode == NOT_THERE:
        raise Missing(last)
    if r.returncode:
        raise RuntimeError(f"exit status {r.returncode}: {last}")
    return r.stderr if errors else r.stdout


def take(contenders, rounds):
    """All values of each contender: in a round everybody has a turn, and each round begins with another one. Who is missing or fails is
    named and left out."""
    values, names = {name: [] for name in contenders}, list(contenders)
    for r in range(rounds):
        for name in names[r % len(names):] + names[:r % len(names)]:
            if name not in values:
                continue
            try:
                values[name] += [round(v, 4) if isinstance(v, float) else v for v in contenders[name]()]
            except Exception as e:  # whatever a peer does, the others go on
                print(f"  {name}: {'not there' if isinstance(e, Missing) else 'failed'}: {e}", flush=True)
                del values[name]
    return values


def cpu():
    """The processor's name and how many cores of it there are."""
    names = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.lower().startswith(("model name", "cpu part"))]
    name = names[0] if names else "unknown"
    return f"{name}, {len(os.sched_getaffinity(0))} cores"


def roof(linnet, threads):
    """What `linnet bench` finds to be this machine's limits for so many threads; None: it could not say."""
    try:
        report = json.loads(output([linnet, "bench", "--json", "--seconds", 0.02, "--threads", threads], threads))
    except (Missing, RuntimeError, ValueError):
        return None
    found = next((r for r in report["roofs"] if r["threads"] == threads), {})
    return {kind: round(value, 1) for kind, value in found.items() if isinstance(value, float)} or None


def others_seconds():
    """Processor time that went, so far, to others than this process and those it has waited for."""
    user, nice, system, _, _, irq, softirq, steal = map(int, open("/proc/stat").readline().split()[1:9])
    own = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK") - sum(u.ru_utime + u.ru_stime for u in own)


def result(workload, unit, o, values, roof=None):
    return {"workload": workload, "unit": unit, "threads": o.threads, "rounds": o.rounds, "cpu": cpu(), "contenders": values, "roof": roof}


def measure(workload, unit, contenders, o, linnet=None):
    """The result of all turns, with the part of the machine that others took meanwhile, and, if the command is given, the roof before
    and after them."""
    before = roof(linnet, o.threads) if linnet else None
    began, others = time.perf_counter(), others_seconds()
    values = take(contenders, o.rounds)
    seconds = time.perf_counter() - began
    others = max(0, others_seconds() - others) / seconds / os.cpu_count()
    after = roof(linnet, o.threads) if linnet else None
    roofs = [before, after] if before and after else None
    return result(workload, unit, o, values, roofs) | {"others": round(others, 3), "seconds": round(seconds, 1)}


def table(result):
    print(f"{result['workload']}: {result['unit']}, {result['threads']} threads, {result['rounds']} rounds, median (best); "
          f"{result['seconds']:.0f} s, others took {result['others']:.0%} of the machine")
    for name, v in sorted(result["contenders"].items(), key=lambda x: -statistics.median(x[1])):
        print(f"  {statistics.median(v):9.2f} ({max(v):9.2f})  {name}")
    sys.stdout.flush()


def write(path, results, **more):
    if not path:
        return
    text = json.dumps({**more, "results": results}, indent=1, ensure_ascii=False)
    with open(path, "w", encoding="utf-8") as f:
        f.write(re.sub(r"\[\s+([^][{}]*?)\s+\]", lambda m: "[" + " ".join(m[1].split()) + "]", text) + "\n")
