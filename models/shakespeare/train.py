"""Trains the small GPT-2 that ships with Linnet.

usage: train.py --main tinyshakespeare.txt --extra kjv.txt --out DIR --minutes 50 [--threads 1] [--resume]

The last 5 % of --main are held out. The learning rate and the mixture follow the clock, so that training ends decayed
when the time is up, on a fast machine as on a slow one. DIR/best is the checkpoint with the lowest held-out loss, as
transformers saves it, with tokenizer.json, vocab.json and merges.txt.
"""
import argparse, json, math, os, re, shutil, time
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import GPT2Config, GPT2LMHeadModel

END = "<|endoftext|>"
BLOCK = 512


def read_extra(path):
    """The King James Bible as `bible -f` prints it, a verse a line behind its reference, into chapters of plain lines."""
    chapters, last = [], None
    for line in open(path, encoding="utf-8", errors="replace"):
        m = re.match(r"(\w+?\d+):\d+ (.*)", line)
        if not m:
            continue
        if m[1] != last:
            chapters.append([])
            last = m[1]
        chapters[-1].append(m[2].strip())
    return END.join("\n".join(c) + "\n" for c in chapters)


def make_tokenizer(texts, size):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=size, special_tokens=[AddedToken(END, normalized=True)],
                                                     initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return t


def blocks(ids, n):
    at = torch.randint(len(ids) - BLOCK - 1, (n,))
    return torch.stack([ids[i:i + BLOCK] for i in at])


@torch.no_grad()
def held_out_loss(model, ids):
    """Nats per token over consecutive blocks; the first token of each block has no context and is not counted."""
    model.eval()
    total = count = 0
    for i in range(0, len(ids) - 1, BLOCK):
        x = ids[i:i + BLOCK][None]
        if x.shape[1] > 1:
            total += model(x, labels=x).loss.item() * (x.shape[1] - 1)
            count += x.shape[1] - 1
    model.train()
    return total / count


def save_best(model, tokenizer, out):
    new, best = f"{out}/best.new", f"{out}/best"
    shutil.rmtree(new, ignore_errors=True)
    model.save_pretrained(new)
    tokenizer.save(f"{new}/tokenizer.json")
    tokenizer.model.save(new)
    shutil.rmtree(best, ignore_errors=True)
    os.rename(new, best)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--main", required=True)
    a.add_argument("--extra", required=True)
    a.add_argument("--out", required=True)
    a.add_argument("--minutes", type=float, default=50)
    a.add_argument("--threads", type=int, default=1)
    a.add_argument("--batch", type=int, default=6)
    a.add_argument("--resume", action="store_true")
    o = a.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(1)
    os.makedirs(o.out, exist_ok=True)
    text = open(o.main, encoding="utf-8").read()
    cut = int(len(text) * 0.95)
    train_text, held_text, extra_text = text[:cut], text[cut:], read_extra(o.extra)
    open(f"{o.out}/heldout.txt", "w", encoding="utf-8").write(held_text)
    if o.resume:
        tokenizer = Tokenizer.from_file(f"{o.out}/tokenizer.json")
    else:
        tokenizer = make_tokenizer([train_text, train_text, extra_text], 4096)
        tokenizer.save(f"{o.out}/tokenizer.json")
    ids_of = lambda s: torch.tensor(tokenizer.encode(s).ids)
    main_ids, held, extra = ids_of(train_text), ids_of(held_text), ids_of(extra_text)
    end = tokenizer.token_to_id(END)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=tokenizer.get_vocab_size(), n_positions=BLOCK, n_embd=256, n_layer=5, n_head=8, resid_pdrop=0.1,
                                       embd_pdrop=0.1, attn_pdrop=0.0, bos_token_id=end, eos_token_id=end))
    groups = [{"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": 0.1},
              {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98))
    step, spent, best = 0, 0.0, math.inf
    state_path = f"{o.out}/state.pt"
    if o.resume:
        s = torch.load(state_path)
        model.load_state_dict(s["model"])
        optimizer.load_state_dict(s["optimizer"])
        step, spent, best = s["step"], s["spent"], s["best"]
    print(f"{sum(p.numel() for p in model.parameters())} parameters; tokens: main {len(main_ids)}, extra {len(extra)}, held out {len(held)} "
          f"({len(held_text.encode())} bytes)", flush=True)
    began, saved = time.time() - spent, time.time()
    model.train()
    while (done := (time.time() - began) / (60 * o.minutes)) < 1:
        lr = 1.5e-3 * min(1, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        for g in optimizer.param_groups:
            g["lr"] = lr
        share = 0.5 if done < 0.6 else 0.85  # of Shakespeare
        n_main = int(torch.rand(o.batch).lt(share).sum())
        x = torch.cat([blocks(ids, n) for ids, n in ((main_ids, n_main), (extra, o.batch - n_main)) if n])
        loss = model(x, labels=x).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 100 == 0 or done > 0.995:
            h = held_out_loss(model, held)
            print(f"step {step} {100 * done:.1f} % tokens {step * o.batch * BLOCK} lr {lr:.2e} loss {loss.item():.3f} held out {h:.4f}", flush=True)
            if h < best:
                best = h
                save_best(model, tokenizer, o.out)
        if time.time() - saved > 300:
            saved = time.time()
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "spent": saved - began, "best": best}, state_path + ".new")
            os.rename(state_path + ".new", state_path)
    print(f"best held-out loss {best:.4f} nats per token, {best * (len(held) - 1) / len(held_text.encode()):.4f} per byte, perplexity {math.exp(best):.2f}")


main()
