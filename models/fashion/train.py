"""Trains the small ViT that ships with Linnet, on Fashion-MNIST.

usage: train.py --data /usr/share/datasets/fashion-mnist --out DIR --minutes 61 [--threads 2] [--resume]

The last 5,000 training pictures are held out. The learning rate follows the clock, so that training ends decayed when
the time is up, on a fast machine as on a slow one. DIR/best is the average of the weights that knows the held-out
pictures best, as they are (light on black) and inverted (dark on white), as transformers saves it. The test pictures
choose nothing: they are counted once, at the end, with what was saved.
"""
import argparse, copy, gzip, json, math, os, shutil, time
from concurrent.futures import ThreadPoolExecutor
import numpy, torch
import torch.nn.functional as F
from transformers import ViTConfig, ViTForImageClassification

NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
SIZE, PATCH, HELD_OUT, MEAN, STD = 28, 4, 5000, 0.5, 0.5


def read_idx(path):
    """A file of the MNIST kind: two zero bytes, the type (8: bytes), the number of dimensions, each of them, the data."""
    raw = gzip.open(path).read()
    shape = numpy.frombuffer(raw, ">u4", raw[3], 4)
    return torch.from_numpy(numpy.frombuffer(raw, numpy.uint8, offset=4 + 4 * raw[3]).reshape(tuple(shape)).copy())


def read_set(folder, name):
    return read_idx(f"{folder}/{name}-images-idx3-ubyte.gz"), read_idx(f"{folder}/{name}-labels-idx1-ubyte.gz").long()


def normalised(x):
    """[n][28][28] in 0 to 1 to pixel values [n][3][28][28]."""
    return ((x - MEAN) / STD)[:, None].expand(-1, 3, -1, -1)


def augmented(x):
    """Bytes [n][28][28] to pixel values: mirrored, moved, some made smaller, coloured, inverted."""
    n = len(x)
    x = x.float() / 255
    x = torch.where(torch.rand(n, 1, 1) < 0.5, x.flip(2), x)
    dy, dx = torch.randint(0, 5, (2, n, 1, 1))
    at = torch.arange(SIZE)
    x = F.pad(x, (2, 2, 2, 2))[torch.arange(n)[:, None, None], dy + at[:, None], dx + at]
    k = n // 4
    theta = torch.zeros(k, 2, 3)
    theta[:, [0, 1], [0, 1]] = torch.empty(k, 1).uniform_(0.95, 1.4) * torch.empty(k, 2).uniform_(0.95, 1.05)
    grid = F.affine_grid(theta, (k, 1, SIZE, SIZE), align_corners=False)
    x[:k] = F.grid_sample(x[:k, None], grid, align_corners=False)[:, 0]
    gain = torch.where(torch.rand(n, 1) < 0.4, torch.empty(n, 3).uniform_(0.4, 1.0), torch.ones(n, 3))
    x = x[:, None] * gain[:, :, None, None]
    x = torch.where(torch.rand(n, 1, 1, 1) < 0.45, 1 - x, x)
    return (x - MEAN) / STD


def places(side, width):
    """[side * side][width]: sines and cosines of the row in one half, of the column in the other."""
    rates = 100.0 ** -(torch.arange(width // 4) * 4 / width)
    y, x = torch.meshgrid(torch.arange(float(side)), torch.arange(float(side)), indexing="ij")
    waves = [f(t.reshape(-1, 1) * rates) for t in (y, x) for f in (torch.sin, torch.cos)]
    return torch.cat(waves, 1)


def new_model(width, layers):
    model = ViTForImageClassification(ViTConfig(
        image_size=SIZE, patch_size=PATCH, num_channels=3, hidden_size=width, num_hidden_layers=layers,
        num_attention_heads=width // 32, intermediate_size=2 * width, qkv_bias=True, hidden_act="gelu",
        layer_norm_eps=1e-6, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        id2label=dict(enumerate(NAMES)), label2id={n: i for i, n in enumerate(NAMES)}))
    with torch.no_grad():
        model.vit.embeddings.patch_embeddings.projection.weight.normal_(std=0.05)
        model.vit.embeddings.position_embeddings[0, 1:] = 0.3 * places(SIZE // PATCH, width)
    return model


def kept_logits(model, pixels, kept):
    """The model's logits of as many of each picture's patches, drawn by chance; the last layer is computed for CLS alone."""
    x = model.vit.embeddings(pixels)
    n, tokens, width = x.shape
    if kept < tokens - 1:
        at = 1 + torch.rand(n, tokens - 1).argsort(1)[:, :kept, None]
        x = torch.cat([x[:, :1], x.gather(1, at.expand(-1, -1, width))], 1)
    *layers, last = model.vit.encoder.layer
    for layer in layers:
        x = layer(x)
    a, y, cls = last.attention.attention, last.layernorm_before(x), x[:, :1]
    heads = lambda t: t.view(n, -1, a.num_attention_heads, a.attention_head_size).transpose(1, 2)
    found = F.scaled_dot_product_attention(heads(a.query(y[:, :1])), heads(a.key(y)), heads(a.value(y)))
    cls = cls + last.attention.output(found.transpose(1, 2).reshape(n, 1, width), cls)
    cls = last.output(last.intermediate(last.layernorm_after(cls)), cls)
    return model.classifier(model.vit.layernorm(cls)[:, 0])


class Muon:
    """Momentum whose step is made orthogonal, for the layers' matrices (Keller Jordan, https://kellerjordan.github.io/posts/muon)."""

    def __init__(self, parameters, momentum=0.95):
        self.groups = {}
        for p in parameters:
            self.groups.setdefault(tuple(sorted(p.shape)), []).append(p)
        self.state = [torch.zeros(len(group), *shape) for shape, group in self.groups.items()]
        self.momentum = momentum

    @torch.no_grad()
    def step(self, rate, decay):
        for group, state in zip(self.groups.values(), self.state):
            wide = lambda m: m.T if m.shape[0] > m.shape[1] else m
            g = torch.stack([wide(p.grad) for p in group])
            state.lerp_(g, 1 - self.momentum)
            x = g.lerp(state, self.momentum)
            x /= x.norm(dim=(1, 2), keepdim=True) + 1e-7
            for _ in range(5):
                a = x @ x.mT
                x = 3.4445 * x + (2.0315 * a @ a - 4.7750 * a) @ x
            for p, u in zip(group, x):
                tall = p.shape[0] > p.shape[1]
                p.mul_(1 - rate * decay).sub_((u.T if tall else u) * (rate * max(1, p.shape[0] / p.shape[1]) ** 0.5))


def accuracy(pool, model, images, labels, inverted):
    model.eval()

    @torch.no_grad()
    def right(i):
        x = images[i:i + 250].float() / 255
        return (model(normalised(1 - x if inverted else x)).logits.argmax(1) == labels[i:i + 250]).sum().item()

    return sum(pool.map(right, range(0, len(images), 250))) / len(images)


def save_best(model, out):
    new, best = f"{out}/best.new", f"{out}/best"
    shutil.rmtree(new, ignore_errors=True)
    model.save_pretrained(new)
    processor = {"image_processor_type": "ViTImageProcessor", "do_convert_rgb": True, "do_resize": True,
                 "size": {"height": SIZE, "width": SIZE}, "resample": 3, "do_rescale": True, "rescale_factor": 1 / 255,
                 "do_normalize": True, "image_mean": [MEAN] * 3, "image_std": [STD] * 3}
    json.dump(processor, open(f"{new}/preprocessor_config.json", "w"), indent=2)
    shutil.rmtree(best, ignore_errors=True)
    os.rename(new, best)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--data", required=True)
    a.add_argument("--out", required=True)
    a.add_argument("--minutes", type=float, default=61)
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--batch", type=int, default=128)
    a.add_argument("--width", type=int, default=128)
    a.add_argument("--layers", type=int, default=5)
    a.add_argument("--resume", action="store_true")
    o = a.parse_args()
    torch.set_num_threads(1)  # each thread takes its part of a batch, and waits for the others only at a step's end
    torch.manual_seed(1)
    os.makedirs(o.out, exist_ok=True)
    images, labels = read_set(o.data, "train")
    held, held_labels = images[-HELD_OUT:], labels[-HELD_OUT:]
    images, labels = images[:-HELD_OUT], labels[:-HELD_OUT]
    model = new_model(o.width, o.layers)
    average, replicas = copy.deepcopy(model), [copy.deepcopy(model) for _ in range(o.threads)]
    for r in replicas:
        r.train()
        for p, q in zip(r.parameters(), model.parameters()):
            p.data = q.data  # the weights are shared, the gradients are not
    matrices = [p for n, p in model.named_parameters() if p.dim() == 2 and ".layer." in n]
    own = {id(p) for p in matrices}
    muon = Muon(matrices)
    adam = torch.optim.AdamW([p for p in model.parameters() if id(p) not in own], betas=(0.9, 0.98), weight_decay=0.0)
    step, spent, best = 0, 0.0, 0.0
    state_path = f"{o.out}/state.pt"
    if o.resume:
        s = torch.load(state_path)
        model.load_state_dict(s["model"])
        average.load_state_dict(s["average"])
        adam.load_state_dict(s["adam"])
        muon.state = s["muon"]
        step, spent, best = s["step"], s["spent"], s["best"]
        torch.manual_seed(step)
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(matrices)} matrices by Muon", flush=True)
    pool = ThreadPoolExecutor(o.threads, initializer=torch.set_num_threads, initargs=(1,))
    began, per_pass = time.time() - spent, len(images) / o.batch
    saved, next_look, losses, order = time.time(), max(0.1, spent / (60 * o.minutes) + 0.2), [], []

    def backward(replica, chosen, kept):
        replica.zero_grad()
        logits = kept_logits(replica, augmented(images[chosen]), kept)
        loss = F.cross_entropy(logits, labels[chosen], label_smoothing=0.05)
        loss.backward()
        return loss.item()

    def look(done):
        nonlocal best, losses
        right = [accuracy(pool, average, held, held_labels, inverted) for inverted in (False, True)]
        print(f"step {step} pass {step / per_pass:.2f} {100 * done:.1f} % {time.time() - began:.0f} s loss {sum(losses) / max(1, len(losses)):.4f} "
              f"held out {right[0]:.4f} inverted {right[1]:.4f}", flush=True)
        losses = []
        if sum(right) > best:
            best = sum(right)
            save_best(average, o.out)

    while (done := (time.time() - began) / (60 * o.minutes)) < 1:
        rate = min(1, (step + 1) / 100) * (0.005 + 0.995 * 0.5 * (1 + math.cos(math.pi * done)))
        if len(order) < o.batch:
            order = torch.randperm(len(images))
        chosen, order = order[:o.batch], order[o.batch:]
        kept = 24 if done < 0.5 else 36 if done < 0.85 else 49
        parts = list(pool.map(backward, replicas, chosen.chunk(o.threads), [kept] * o.threads))
        losses.append(sum(parts) / o.threads)
        for p, *q in zip(model.parameters(), *(r.parameters() for r in replicas)):
            p.grad = sum(r.grad for r in q) / o.threads
        torch.nn.utils.clip_grad_norm_(adam.param_groups[0]["params"], 1.0)
        for g in adam.param_groups:
            g["lr"] = 1.5e-3 * rate
        adam.step()
        muon.step(0.02 * rate, 0.02)
        step += 1
        with torch.no_grad():
            for mean, p in zip(average.parameters(), model.parameters()):
                mean.lerp_(p, max(0.002, 1 / (step + 1)))
        if step in (20, 50, 100, 200, 400):
            print(f"step {step} {time.time() - began:.1f} s loss {sum(losses[-50:]) / len(losses[-50:]):.4f}", flush=True)
        if done >= next_look:
            next_look = done + (0.3 if done < 0.4 else 0.2 if done < 0.85 else 0.05)
            look(done)
        if time.time() - saved > 240:
            saved = time.time()
            torch.save({"model": model.state_dict(), "average": average.state_dict(), "adam": adam.state_dict(), "muon": muon.state,
                        "step": step, "spent": saved - began, "best": best}, state_path + ".new")
            os.rename(state_path + ".new", state_path)
    look(1.0)
    model = ViTForImageClassification.from_pretrained(f"{o.out}/best")
    images, labels = read_set(o.data, "t10k")
    print(f"held out, mean of both {best / 2:.4f}; test {accuracy(pool, model, images, labels, False):.4f}, "
          f"inverted {accuracy(pool, model, images, labels, True):.4f}; {step} steps, {step / per_pass:.2f} passes", flush=True)


if __name__ == "__main__":
    main()
