"""Makes tests/golden/gpt2/: small random GPT-2 checkpoints of several configurations and what transformers computes of them.

    python3 tests/golden/gpt2.py tests/golden/gpt2

Each folder is a checkpoint as its writer would leave it, with beside it (little-endian, C order)
    prompt.i32     token ids
    logits.f32     [tokens][vocabulary] of the prompt
    hidden.f32     [layers + 1][tokens][width] of the prompt, the last one after the final norm
    attention.f32  [layers][heads][tokens][tokens] of the prompt
    greedy.i32     the likeliest continuation, token by token, 200 long
    score.f64      perplexity of prompt + continuation, one window
All computed in float32 from the weights as they were stored.
"""
import json, os, shutil, sys

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel

PROMPT, LENGTH = 24, 200
BASE = dict(n_positions=256, n_layer=2, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0)
CASES = {
    "tied-f16": (dict(vocab_size=131, n_embd=48, n_head=2), torch.float16, "safetensors"),
    "untied-gelu": (dict(vocab_size=67, n_embd=36, n_head=3, n_inner=40, activation_function="gelu", layer_norm_epsilon=1e-3,
                         tie_word_embeddings=False), torch.float32, "safetensors"),
    "bare-bf16-relu": (dict(vocab_size=83, n_embd=40, n_head=2, activation_function="relu"), torch.bfloat16, "bare"),
    "sharded-silu": (dict(vocab_size=99, n_embd=72, n_head=3, activation_function="silu", scale_attn_weights=False,
                          scale_attn_by_inverse_layer_idx=True), torch.float16, "sharded"),
    "torch-tanh": (dict(vocab_size=50, n_embd=33, n_head=3, activation_function="gelu_pytorch_tanh"), torch.float32, "torch"),
}


def make(config, dtype, seed):
    torch.manual_seed(seed)
    model = GPT2LMHeadModel(GPT2Config(**{**BASE, **config}, attn_implementation="eager")).eval()
    for p in model.parameters():
        p.data = (torch.randn_like(p) * (0.25 if p.dim() > 1 else 0.1) + (1 if p.dim() == 1 and p.mean() > 0.5 else 0)).to(dtype).float()
    return model


@torch.no_grad()
def greedy(model, prompt):
    """The continuation and the smallest distance between the likeliest and the second token on its way."""
    ids, margin = list(prompt), float("inf")
    for _ in range(LENGTH):
        top = model(torch.tensor([ids])).logits[0, -1].topk(2)
        margin = min(margin, (top.values[0] - top.values[1]).item())
        ids.append(top.indices[0].item())
    return ids[len(prompt):], margin


def save(model, dtype, form, folder):
    state = {k: v.to(dtype).contiguous() for k, v in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        del state["lm_head.weight"]
    config = {k: v for k, v in model.config.to_dict().items() if not k.startswith("_")}
    json.dump(config, open(f"{folder}/config.json", "w"), indent=1, sort_keys=True)
    if form == "bare":
        state = {k.removeprefix("transformer."): v for k, v in state.items()}
    if form == "sharded":
        names = sorted(state)
        files = {f"model-0000{i + 1}-of-00002.safetensors": names[i::2] for i in range(2)}
        for file, part in files.items():
            save_file({k: state[k] for k in part}, f"{folder}/{file}", metadata={"format": "pt"})
        index = {"metadata": {"total_size": 0}, "weight_map": {k: f for f, part in files.items() for k in part}}
        json.dump(index, open(f"{folder}/model.safetensors.index.json", "w"), indent=1, sort_keys=True)
    elif form == "torch":
        # As transformers 3 wrote it: with the causal masks, and the head sharing the embedding's storage.
        n = model.config.n_positions
        for i in range(model.config.n_layer):
            state[f"transformer.h.{i}.attn.bias"] = torch.tril(torch.ones(n, n, dtype=torch.uint8))[None, None]
            state[f"transformer.h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
        state["lm_head.weight"] = state["transformer.wte.weight"]
        torch.save(state, f"{folder}/pytorch_model.bin")
    else:
        save_file(state, f"{folder}/model.safetensors", metadata={"format": "pt"})


@torch.no_grad()
def main(out):
    for name, (config, dtype, form) in CASES.items():
        folder = f"{out}/{name}"
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for seed in range(1, 100):  # one whose continuation does not hang on the last bits
            model = make(config, dtype, seed)
            prompt = torch.randint(config["vocab_size"], (PROMPT,)).tolist()
            continuation, margin = greedy(model, prompt)
            if margin > 2e-3 and len(set(continuation)) > 10:
                break
        save(model, dtype, form, folder)
        put = lambda file, x, t: np.asarray(x, dtype=t).tofile(f"{folder}/{file}")
        r = model(torch.tensor([prompt]), output_hidden_states=True, output_attentions=True)
        put("prompt.i32", prompt, "<i4")
        put("logits.f32", r.logits[0], "<f4")
        put("hidden.f32", torch.stack(r.hidden_states)[:, 0], "<f4")
        put("attention.f32", torch.stack(r.attentions)[:, 0], "<f4")
        put("greedy.i32", continuation, "<i4")
        ids = torch.tensor([prompt + continuation])
        put("score.f64", [np.exp(torch.nn.functional.cross_entropy(model(ids).logits[0, :-1].double(), ids[0, 1:]).item())], "<f8")
        print(name, "seed", seed, "margin", margin, "distinct", len(set(continuation)))


main(sys.argv[1])
