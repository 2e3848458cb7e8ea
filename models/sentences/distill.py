"""Distils a small sentence encoder from a larger one.

usage: distill.py tokenizer --texts sentences.txt --out DIR [--size 16000]
       distill.py embed     --texts sentences.txt --teacher DIR --out DIR [--threads 1] [--part 0/1]
       distill.py train     --texts sentences.txt --teacher DIR --out DIR --minutes 80 --dev sts-dev.csv [--threads 1] [--resume]
       distill.py evaluate  --model DIR [--teacher DIR --texts heldout.txt] --sts sts-test.csv

DIR of --out is the same for all: tokenizer.json, shards of the teacher's embeddings (teacher-NNN.npy, one for each 10,000 lines),
state.pt, and best/, the student with the best dev correlation as a sentence-transformers folder.
"""
import argparse, copy, glob, json, math, os, shutil, time
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from scipy.stats import pearsonr, spearmanr
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModel, BertConfig, BertModel
from wordfreq import top_n_list, word_frequency

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SHARD, WIDTH, POSITIONS = 10000, 256, 256


def read_lines(path):
    return open(path, encoding="utf-8").read().splitlines()


def make_tokenizer(texts, size):
    """A lower-case WordPiece vocabulary from the texts and, twice as heavy, from how frequent words are in English at large."""
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece(prefix="##")
    letters = sum(len(s.split()) for s in texts)

    def frequent():
        for w in top_n_list("en", 60000):
            n = max(1, round(2 * letters * word_frequency(w, "en")))
            for _ in range(0, n, 1000):
                yield " ".join([w] * min(n, 1000))

    def both():
        yield from texts
        yield from frequent()

    t.train_from_iterator(both(), trainers.WordPieceTrainer(vocab_size=size, special_tokens=SPECIAL, min_frequency=3,
                                                            limit_alphabet=180, show_progress=False))
    cls, sep = t.token_to_id("[CLS]"), t.token_to_id("[SEP]")
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                     special_tokens=[("[CLS]", cls), ("[SEP]", sep)])
    return t


def pad(rows):
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for i, r in enumerate(rows):
        ids[i, :len(r)] = torch.tensor(r)
    mask = torch.arange(ids.shape[1])[None] < torch.tensor([len(r) for r in rows])[:, None]
    return ids, mask


def mean_of(hidden, mask):
    m = mask[..., None].to(hidden.dtype)
    return (hidden * m).sum(1) / m.sum(1)


class Teacher:
    """A BERT with mean pooling and unit length, as all-MiniLM-L6-v2 is."""

    def __init__(self, folder):
        self.model = AutoModel.from_pretrained(folder).eval()
        self.tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(256)

    @torch.inference_mode()
    def embed(self, texts, batch=32):
        rows = [e.ids for e in self.tokenizer.encode_batch(texts)]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        out = np.empty((len(rows), self.model.config.hidden_size), np.float32)
        for i in range(0, len(order), batch):
            at = order[i:i + batch]
            ids, mask = pad([rows[j] for j in at])
            hidden = self.model(input_ids=ids, attention_mask=mask.long()).last_hidden_state
            out[at] = F.normalize(mean_of(hidden, mask), dim=1).numpy()
        return out


def embed(o):
    texts, teacher = read_lines(o.texts), Teacher(o.teacher)
    part, parts = map(int, o.part.split("/"))
    for n in range(part, math.ceil(len(texts) / SHARD), parts):
        path = f"{o.out}/teacher-{n:03}.npy"
        if not os.path.exists(path):
            began = time.time()
            part_texts = texts[n * SHARD:(n + 1) * SHARD]
            np.save(path + ".new.npy", teacher.embed(part_texts).astype(np.float16))
            os.rename(path + ".new.npy", path)
            print(f"{path} {len(part_texts) / (time.time() - began):.0f} texts/s", flush=True)


class Student(torch.nn.Module):
    """BertModel, mean over the tokens, a linear map to the teacher's width, unit length."""

    def __init__(self, vocabulary, layers, teacher_width):
        super().__init__()
        config = BertConfig(vocab_size=vocabulary, hidden_size=WIDTH, num_hidden_layers=layers, num_attention_heads=8,
                            intermediate_size=4 * WIDTH, max_position_embeddings=POSITIONS, hidden_dropout_prob=0.0,
                            attention_probs_dropout_prob=0.0)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.dense = torch.nn.Linear(WIDTH, teacher_width)
        torch.nn.init.zeros_(self.bert.embeddings.position_embeddings.weight)
        torch.nn.init.zeros_(self.bert.embeddings.token_type_embeddings.weight)

    def start_from_words(self, embeddings):
        """Token embeddings = the teacher's sentence embeddings of the vocabulary's words, in their first principal directions."""
        x = torch.tensor(embeddings)
        mean = x.mean(0)
        _, _, v = torch.linalg.svd(x - mean, full_matrices=False)
        with torch.no_grad():
            e = (x - mean) @ v[:WIDTH].T
            scale = e.std()
            self.bert.embeddings.word_embeddings.weight.copy_(e / scale)
            self.dense.weight.copy_(v[:WIDTH].T * scale)
            self.dense.bias.copy_(mean)

    def forward(self, ids, mask):
        if self.bert.config.num_hidden_layers == 0:
            hidden = self.bert.embeddings(input_ids=ids)
        else:
            hidden = self.bert(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        return F.normalize(self.dense(mean_of(hidden, mask)), dim=1)

    def save(self, folder, tokenizer):
        """A sentence-transformers folder."""
        new = folder + ".new"
        shutil.rmtree(new, ignore_errors=True)
        self.bert.save_pretrained(new)
        tokenizer.save(f"{new}/tokenizer.json")
        words = sorted(tokenizer.get_vocab().items(), key=lambda x: x[1])
        open(f"{new}/vocab.txt", "w", encoding="utf-8").write("".join(w + "\n" for w, _ in words))
        kinds = ["Transformer", "Pooling", "Dense", "Normalize"]
        paths = ["", "1_Pooling", "2_Dense", "3_Normalize"]
        for p in paths[1:]:
            os.makedirs(f"{new}/{p}")
        save_file({"linear.weight": self.dense.weight.detach().contiguous(), "linear.bias": self.dense.bias.detach()},
                  f"{new}/2_Dense/model.safetensors")
        pooling = {"word_embedding_dimension": WIDTH, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
                   "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False}
        dense = {"in_features": WIDTH, "out_features": self.dense.out_features, "bias": True,
                 "activation_function": "torch.nn.modules.linear.Identity"}
        words_config = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "strip_accents": None,
                        "tokenize_chinese_chars": True, "model_max_length": POSITIONS, "unk_token": "[UNK]", "sep_token": "[SEP]",
                        "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"}
        for path, value in {
            "modules.json": [{"idx": i, "name": str(i), "path": p, "type": "sentence_transformers.models." + k}
                             for i, (p, k) in enumerate(zip(paths, kinds))],
            "1_Pooling/config.json": pooling,
            "2_Dense/config.json": dense,
            "sentence_bert_config.json": {"max_seq_length": POSITIONS, "do_lower_case": False},
            "config_sentence_transformers.json": {"prompts": {}, "default_prompt_name": None, "similarity_fn_name": "cosine"},
            "tokenizer_config.json": words_config,
        }.items():
            json.dump(value, open(f"{new}/{path}", "w"), indent=1)
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(new, folder)

    @classmethod
    def load(cls, folder):
        config = json.load(open(f"{folder}/config.json"))
        dense = load_file(f"{folder}/2_Dense/model.safetensors")
        student = cls(config["vocab_size"], config["num_hidden_layers"], len(dense["linear.bias"]))
        student.bert = BertModel.from_pretrained(folder, add_pooling_layer=False)
        student.dense.load_state_dict({"weight": dense["linear.weight"], "bias": dense["linear.bias"]})
        return student.eval()


@torch.inference_mode()
def student_embed(student, rows, batch=64):
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    out = np.empty((len(rows), student.dense.out_features), np.float32)
    for i in range(0, len(order), batch):
        at = order[i:i + batch]
        out[at] = student(*pad([rows[j] for j in at])).numpy()
    return out


def read_sts(path):
    """STS-B's tab-separated lines: score in column 5, the two sentences behind it."""
    rows = [line.split("\t") for line in read_lines(path)]
    return np.array([float(r[4]) for r in rows]), [r[5] for r in rows] + [r[6] for r in rows]


def sts(student, tokenizer, path):
    """(Spearman, Pearson) of the cosine with the human score."""
    gold, texts = read_sts(path)
    e = student_embed(student, [x.ids for x in tokenizer.encode_batch(texts)])
    cosine = (e[:len(gold)] * e[len(gold):]).sum(1)
    return float(spearmanr(cosine, gold)[0]), float(pearsonr(cosine, gold)[0])


def batches(rows, ready, size, rng):
    """Shuffled batches of lines with a teacher embedding, of similar length within each: sorted in windows of 40 batches, and cut
    where a batch is full or comes to 40 tokens a line."""
    order = rng.permutation(ready)
    for w in range(0, len(order), 40 * size):
        window = sorted(order[w:w + 40 * size], key=lambda i: len(rows[i]))
        cut = [[]]
        for i in window:
            if len(cut[-1]) == size or (len(cut[-1]) + 1) * len(rows[i]) > 40 * size:
                cut.append([])
            cut[-1].append(i)
        rng.shuffle(cut)
        yield from (c for c in cut if len(c) > 8)


def load_teacher(o, have):
    """Adds the shards written since the last call to {shard number: embeddings}."""
    for path in sorted(glob.glob(f"{o.out}/teacher-[0-9][0-9][0-9].npy")):
        have.setdefault(int(path[-7:-4]), None)
        if have[int(path[-7:-4])] is None:
            have[int(path[-7:-4])] = np.load(path)
    return np.concatenate([n * SHARD + np.arange(len(e)) for n, e in sorted(have.items())])


def fit(student, o, tokenizer, rows, minutes, rate, size, name, state=None):
    """Trains by the clock; keeps a running average of the weights, and saves it whenever the dev correlation is the best so far."""
    average = copy.deepcopy(student).eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(student.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    step, seen, spent, best = 0, 0, 0.0, 0.0
    if state:
        student.load_state_dict(state["student"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step, seen, spent, best = state["step"], state["seen"], state["spent"], state["best"]
    began, saved, tested, sums = time.time() - spent, time.time(), time.time(), []
    rng, have = np.random.default_rng(step + 1), {}
    while time.time() - began < 60 * minutes:
        for at in batches(rows, load_teacher(o, have), size, rng):
            done = (time.time() - began) / (60 * minutes)
            if done >= 1:
                break
            for g in optimizer.param_groups:
                g["lr"] = rate * min(1, (step + 1) / 200) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
            target = torch.tensor(np.stack([have[i // SHARD][i % SHARD] for i in at])).float()
            out = student(*pad([rows[i] for i in at]))
            cosine = (out * target).sum(1).mean()
            alike = F.mse_loss(out @ out.T, target @ target.T)
            loss = 1 - cosine + 10 * alike
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimizer.step()
            step, seen = step + 1, seen + len(at)
            with torch.no_grad():
                keep = min(0.998, step / (step + 10))
                for a, p in zip(average.parameters(), student.parameters()):
                    a.lerp_(p, 1 - keep)
            sums.append((cosine.item(), alike.item()))
            if time.time() - tested > 60 * o.test_every:
                tested, (c, m) = time.time(), np.mean(sums, 0)
                rho = sts(average, tokenizer, o.dev)[0]
                print(f"{name} step {step} {100 * done:.1f} % texts {seen} (of {sum(map(len, have.values()))}) cosine {c:.4f} "
                      f"similarity error {m:.5f} dev {rho:.4f}", flush=True)
                sums = []
                if rho > best:
                    best = rho
                    average.save(f"{o.out}/{name}", tokenizer)
            if time.time() - saved > 180:
                saved = time.time()
                torch.save({"student": student.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict(),
                            "step": step, "seen": seen, "spent": saved - began, "best": best}, f"{o.out}/{name}.new")
                os.rename(f"{o.out}/{name}.new", f"{o.out}/{name}.pt")
    rho = sts(average, tokenizer, o.dev)[0]
    print(f"{name} ends: step {step} dev {rho:.4f}, best {max(rho, best):.4f}", flush=True)
    if rho >= best:
        average.save(f"{o.out}/{name}", tokenizer)


def train(o):
    """First the token embeddings alone, a model without layers; then with layers on top, which start out near the identity."""
    tokenizer = Tokenizer.from_file(f"{o.out}/tokenizer.json")
    tokenizer.enable_truncation(POSITIONS)
    rows = [e.ids for e in tokenizer.encode_batch(read_lines(o.texts))]
    size = tokenizer.get_vocab_size()
    state = f"{o.out}/best.pt"
    words_path = f"{o.out}/words.npy"
    if not os.path.exists(words_path):
        words = [w.removeprefix("##") for w, _ in sorted(tokenizer.get_vocab().items(), key=lambda x: x[1])]
        np.save(words_path, Teacher(o.teacher).embed(words))
    words = np.load(words_path)
    if not os.path.exists(f"{o.out}/flat"):
        flat = Student(size, 0, words.shape[1])
        flat.start_from_words(words)
        fit(flat, o, tokenizer, rows, o.flat_minutes, 2e-3, 512, "flat")
    flat = Student.load(f"{o.out}/flat")
    student = Student(size, o.layers, words.shape[1])
    student.bert.embeddings.load_state_dict(flat.bert.embeddings.state_dict())
    student.dense.load_state_dict(flat.dense.state_dict())
    print(f"{sum(p.numel() for p in student.parameters())} parameters", flush=True)
    fit(student, o, tokenizer, rows, o.minutes, o.rate, o.batch, "best", torch.load(state) if o.resume else None)


def evaluate(o):
    student, tokenizer = Student.load(o.model), Tokenizer.from_file(f"{o.model}/tokenizer.json")
    tokenizer.enable_truncation(POSITIONS)
    for path in o.sts.split(","):
        print("%s: Spearman %.4f, Pearson %.4f" % (path, *sts(student, tokenizer, path)))
    if o.teacher:
        texts = read_lines(o.texts)
        c = (student_embed(student, [x.ids for x in tokenizer.encode_batch(texts)]) * Teacher(o.teacher).embed(texts)).sum(1)
        print(f"cosine to the teacher over {len(texts)} texts: mean {c.mean():.4f}, 5th percentile {np.percentile(c, 5):.4f}, "
              f"least {c.min():.4f}")


def main():
    a = argparse.ArgumentParser()
    a.add_argument("what", choices=["tokenizer", "embed", "train", "evaluate"])
    for name in ("texts", "teacher", "out", "dev", "sts", "model"):
        a.add_argument("--" + name)
    a.add_argument("--size", type=int, default=16000)
    a.add_argument("--threads", type=int, default=1)
    a.add_argument("--part", default="0/1")
    a.add_argument("--minutes", type=float, default=80)
    a.add_argument("--flat-minutes", type=float, default=8)
    a.add_argument("--rate", type=float, default=8e-4)
    a.add_argument("--batch", type=int, default=128)
    a.add_argument("--layers", type=int, default=2)
    a.add_argument("--test-every", type=float, default=3, help="minutes between looks at the dev set")
    a.add_argument("--resume", action="store_true")
    o = a.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(1)
    if o.what == "tokenizer":
        os.makedirs(o.out, exist_ok=True)
        make_tokenizer(read_lines(o.texts), o.size).save(f"{o.out}/tokenizer.json")
    elif o.what == "embed":
        embed(o)
    elif o.what == "train":
        train(o)
    else:
        evaluate(o)


main()
