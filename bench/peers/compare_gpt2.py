"""GPT-2 decoding and prompt processing beside llama.cpp, in turns.

    python3 bench/peers/compare_gpt2.py build/linnet LLAMA_BENCH FOLDER [--threads 2] [--rounds 5] [--json FILE]

FOLDER holds f16.lnt, q8.lnt, q4.lnt and f16.gguf, Q8_0.gguf, Q4_0.gguf of the same model. Decoding: 128 tokens after one.
Prompt: 512 tokens at once. Every figure is tokens per second.
"""
import random

import contenders
import turns

p = turns.options(__doc__)
p.add_argument("linnet")
p.add_argument("llama_bench")
p.add_argument("folder")
o = p.parse_args()

ids = random.Random(1).choices(range(50257), k=512)
results = []
for ours, theirs in (("f16", "f16"), ("q8", "Q8_0"), ("q4", "Q4_0")):
    model, gguf = f"{o.folder}/{ours}.lnt", f"{o.folder}/{theirs}.gguf"
    decode = {f"Linnet {ours}": contenders.linnet_decode(o.linnet, model, 128, o.threads),
              f"llama.cpp {theirs}": contenders.llama(o.llama_bench, gguf, 0, 128, o.threads)}
    prompt = {f"Linnet {ours}": contenders.linnet_prompt(o.linnet, model, ids, o.threads),
              f"llama.cpp {theirs}": contenders.llama(o.llama_bench, gguf, 512, 0, o.threads)}
    for what, jobs in (("decoding", decode), ("prompt of 512", prompt)):
        results.append(turns.measure(f"{what}, {ours}", "tokens/s", jobs, o, o.linnet))
        turns.table(results[-1])
turns.write(o.json, results)
