"""What the task scripts share: the base cut to its first layers, training with a resumable state, batches by length."""
import argparse, json, os, shutil, time
import torch
from tokenizers import Tokenizer

LONGEST = 256


def arguments(description, layers, epochs, rate):
    a = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", required=True, help="folder of the data set")
    a.add_argument("--base", help="BertModel checkpoint to start from; needed for training")
    a.add_argument("--out", required=True, help="folder of the trained model")
    a.add_argument("--evaluate", action="store_true", help="measure the model in --out and write its predictions.jsonl")
    a.add_argument("--layers", type=int, default=layers)
    a.add_argument("--epochs", type=float, default=epochs)
    a.add_argument("--rate", type=float, default=rate)
    a.add_argument("--batch", type=int, default=32)
    a.add_argument("--threads", type=int, default=1)
    o = a.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(1)
    return o


def open_tokenizer(folder):
    t = Tokenizer.from_file(f"{folder}/tokenizer.json")
    t.no_padding()
    t.enable_truncation(LONGEST)
    return t


def start(kind, o, **config):
    """A `kind` model with the base's first layers and a new head."""
    return kind.from_pretrained(o.base, num_hidden_layers=o.layers, **config)


def pad(encodings):
    """Token ids, attention mask and segment ids of one batch."""
    shape = len(encodings), max(len(e.ids) for e in encodings)
    out = {k: torch.zeros(shape, dtype=torch.long) for k in ("input_ids", "attention_mask", "token_type_ids")}
    for i, e in enumerate(encodings):
        out["input_ids"][i, :len(e.ids)] = torch.tensor(e.ids)
        out["attention_mask"][i, :len(e.ids)] = 1
        out["token_type_ids"][i, :len(e.ids)] = torch.tensor(e.type_ids)
    return out


def batches(encodings, size, seed):
    """Indices in batches of like length: shuffled, then sorted in windows of 50 batches, the batches shuffled again."""
    g = torch.Generator().manual_seed(seed)
    order, cut = torch.randperm(len(encodings), generator=g).tolist(), []
    for w in range(0, len(order), 50 * size):
        window = sorted(order[w:w + 50 * size], key=lambda i: len(encodings[i].ids))
        cut += [window[i:i + size] for i in range(0, len(window), size)]
    return [cut[i] for i in torch.randperm(len(cut), generator=g).tolist()]


def train(model, encodings, loss_of, o):
    """AdamW, linear warm-up and decay; loss_of(logits, indices) gives a batch's loss. A killed run goes on from OUT/state.pt."""
    os.makedirs(o.out, exist_ok=True)
    state = f"{o.out}/state.pt"
    steps = int(o.epochs * -(-len(encodings) // o.batch))
    optimizer = torch.optim.AdamW(model.parameters(), lr=o.rate, weight_decay=0.01)
    step, saved = 0, time.time()
    if os.path.exists(state):
        s = torch.load(state)
        model.load_state_dict(s["model"])
        optimizer.load_state_dict(s["optimizer"])
        step = s["step"]
    model.train()
    epoch, plan = None, None
    while step < steps:
        per_epoch = -(-len(encodings) // o.batch)
        if epoch != step // per_epoch:
            epoch = step // per_epoch
            plan = batches(encodings, o.batch, epoch)
        at = plan[step % per_epoch]
        for g in optimizer.param_groups:
            g["lr"] = o.rate * min((step + 1) / (0.1 * steps), (steps - step) / (0.9 * steps))
        loss = loss_of(model(**pad([encodings[i] for i in at])).logits, at)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 100 == 0 or step == steps:
            print(f"step {step} of {steps} loss {loss.item():.4f}", flush=True)
        if time.time() - saved > 120:
            saved = time.time()
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, state + ".new")
            os.rename(state + ".new", state)
    save(model, o)
    if os.path.exists(state):
        os.remove(state)


def save(model, o):
    model.save_pretrained(o.out)
    t = Tokenizer.from_file(f"{o.base}/tokenizer.json")
    t.no_padding()
    t.no_truncation()
    t.save(f"{o.out}/tokenizer.json")
    shutil.copy(f"{o.base}/vocab.txt", f"{o.out}/vocab.txt")
    c = json.load(open(f"{o.base}/tokenizer_config.json"))
    c.pop("name_or_path", None)
    c["model_max_length"] = LONGEST
    json.dump(c, open(f"{o.out}/tokenizer_config.json", "w"), indent=1)


@torch.inference_mode()
def logits_of(model, encodings, size=32):
    """The model's logits, a tensor for each encoding (a row for each token if the head is one over tokens)."""
    model.eval()
    out = [None] * len(encodings)
    order = sorted(range(len(encodings)), key=lambda i: len(encodings[i].ids))
    for k in range(0, len(order), size):
        at = order[k:k + size]
        for i, l in zip(at, model(**pad([encodings[i] for i in at])).logits):
            out[i] = l[:len(encodings[i].ids)] if l.dim() == 2 else l
    return out


def write_predictions(o, rows):
    with open(f"{o.out}/predictions.jsonl", "w", encoding="utf-8") as f:
        for r in rows:
            f.write(json.dumps(r, ensure_ascii=False) + "\n")
