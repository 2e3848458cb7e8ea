"""Who takes part: functions that make contenders (see turns.py) for one kind of work. `passes` is how often a turn does it."""
import json
import os
import re
import sys
import tempfile

from turns import Missing, output

CHILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "child.py")


def exists(*paths):
    for path in paths:
        if not os.path.exists(path):
            raise Missing(path)


def level(name):
    """The environment that caps Linnet's instruction set."""
    return {"LINNET_CPU": name} if name else None


def peer(task, kind, path, threads, **settings):
    """A Python package's turn, in child.py."""
    def turn():
        exists(path, settings.get("texts", path))
        spec = {"task": task, "kind": kind, "path": path, "threads": threads, **settings}
        return json.loads(output([sys.executable, CHILD, json.dumps(spec)], threads).splitlines()[-1])
    return turn


def linnet_texts(linnet, model, texts, threads, max_tokens, passes=1, cap=None):
    """Texts a second of `linnet embed`, tokenizing included, loading not."""
    def turn():
        exists(model, texts)
        values = []
        for _ in range(passes):
            with tempfile.TemporaryDirectory() as folder:
                command = [linnet, "embed", model, texts, "-o", f"{folder}/v.npy", "--threads", threads, "--max-tokens", max_tokens,
                           "--json"]
                r = json.loads(output(command, threads, level(cap)))
            values.append(r["count"] / r["seconds"])
        return values
    return turn


def linnet_images(bench, model, batch, threads, seconds):
    """Images a second, pixel values given: the median of a turn."""
    def turn():
        exists(model)
        return [float(output([bench, model, batch, threads, seconds], threads).split()[0])]
    return turn


def complete(linnet, model, ids, n, pattern, threads, passes, cap):
    def turn():
        exists(model)
        command = [linnet, "complete", model, "--ids", ids, "-n", n, "--greedy", "--ignore-eos", "--stats", "--threads", threads]
        return [float(re.search(pattern, output(command, threads, level(cap), errors=True))[1]) for _ in range(passes)]
    return turn


def linnet_decode(linnet, model, n, threads, passes=1, cap=None):
    """Tokens a second of n tokens behind a first one."""
    return complete(linnet, model, "0", n + 1, r"after the first, ([\d.]+)", threads, passes, cap)


def linnet_prompt(linnet, model, ids, threads, passes=1, cap=None):
    """Tokens a second of a prompt, computed at once."""
    return complete(linnet, model, " ".join(map(str, ids)), 1, r"prompt +\d+ tokens in [\d.]+ ms, ([\d.]+)", threads, passes, cap)


def llama(bench, model, prompt, n, threads, passes=1):
    """Tokens a second of llama-bench: a prompt, or n tokens (the other one is 0)."""
    def turn():
        exists(model)
        command = [bench, "-m", model, "-t", threads, "-p", prompt, "-n", n, "-r", passes, "-o", "json"]
        return json.loads(output(command, threads))[0]["samples_ts"]
    return turn
