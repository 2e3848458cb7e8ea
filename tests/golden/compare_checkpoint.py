"""A GPT-2 checkpoint in transformers (float32) and in Linnet: logits, hidden states, greedy text, perplexity.

    python3 tests/golden/compare_checkpoint.py build/linnet CHECKPOINT_FOLDER TEXT_FILE
"""
import json, math, os, subprocess, sys, tempfile

import numpy as np
import torch
from transformers import GPT2LMHeadModel


def main(linnet, folder, path):
    out = tempfile.mkdtemp()
    run = lambda *a: subprocess.run([linnet, *a], capture_output=True, text=True, check=True).stdout
    run("convert", folder, "-o", f"{out}/m.lnt", "--type", "f32")
    model = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    n_ctx = model.config.n_positions
    ids = [int(i) for i in run("tokenize", f"{out}/m.lnt", path, "--whole").split()]
    text = " ".join(map(str, ids[:n_ctx]))
    x = torch.tensor([ids[:n_ctx]])
    with torch.no_grad():
        r = model(x, output_hidden_states=True)
        for want, expected in (("logits", r.logits[0]), ("hidden", torch.stack(r.hidden_states)[:, 0])):
            run("output", f"{out}/m.lnt", "--want", want, "--ids", text, "-o", f"{out}/{want}.npy")
            d = np.abs(np.load(f"{out}/{want}.npy") - expected.numpy())
            print(f"{want}: max |difference| {d.max():.2e}, mean {d.mean():.2e}, over {d.shape}")
        nll = torch.nn.functional.cross_entropy(r.logits[0, :-1].double(), x[0, 1:]).item()
        ours = json.loads(run("score", f"{out}/m.lnt", "--ids", text, "--json"))["perplexity"]
        print(f"perplexity of {x.shape[1]} tokens: linnet {ours:.6f}, transformers {math.exp(nll):.6f}")
        for start in (0, 1000, 2000):
            prompt = ids[start:start + 16]
            expected = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, 16), max_new_tokens=200, min_new_tokens=200, do_sample=False,
                                      pad_token_id=0)[0, 16:].tolist()
            got = json.loads(run("complete", f"{out}/m.lnt", "--ids", " ".join(map(str, prompt)), "-n", "200", "--greedy", "--ignore-eos", "--json"))["ids"]
            same = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), 200)
            print(f"greedy from token {start}: the first {same} of 200 are identical")


main(*sys.argv[1:])
