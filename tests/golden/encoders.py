"""Makes tests/golden/encoders/: small random encoders of every head and what transformers and sentence-transformers
compute of them.

    python3 tests/golden/encoders.py tests/golden/encoders [--trained FOLDER] [NAME ...]

Each folder is a checkpoint as its writer would leave it, without a tokenizer, with beside it (little-endian, C order)
    lengths.i32        of the sequences, which stand packed in all that follows
    ids.i32
    segments.u8        missing: all 0
    hidden.f32         [layers + 1][tokens][width] of the first sequence
    attention.f32      [layers][heads][tokens][tokens] of the first sequence
    logits.f32, pooled.f32, next_sentence.f32, embedding.f32    a row for each token or each sequence; missing: no such output
    embedding-POOLING.f32   by other poolings than the model's own
All computed in float32 from the weights as they were stored, sequence by sequence. With --trained, a folder that holds
the checkpoints of TRAINED, what these give for a few texts is written too, without the checkpoints.
"""
import json, os, shutil, sys

os.environ["TQDM_DISABLE"] = os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling

LENGTHS = [9, 1, 14, 5]
BERT = dict(vocab_size=61, hidden_size=36, num_hidden_layers=2, num_attention_heads=3, intermediate_size=44, max_position_embeddings=24)
DISTIL = dict(vocab_size=53, dim=40, n_layers=2, n_heads=5, hidden_dim=36, max_position_embeddings=20)
ROBERTA = {**BERT, "type_vocab_size": 1, "max_position_embeddings": 22, "layer_norm_eps": 1e-5}
LABELS = lambda *names: dict(id2label=dict(enumerate(names)), label2id={n: i for i, n in enumerate(names)})
POOLINGS = {"first": "cls", "last": "lasttoken", "mean": "mean", "max": "max", "mean_sqrt": "mean_sqrt_len_tokens", "weighted_mean": "weightedmean"}

# name: (class, settings, how it is saved)
CASES = {
    "bert-model": ("BertModel", dict(**BERT), "bare"),
    "bert-masked": ("BertForMaskedLM", dict(**BERT, hidden_act="gelu_new", type_vocab_size=1), ""),
    "bert-masked-untied": ("BertForMaskedLM", dict(**BERT, hidden_act="relu", tie_word_embeddings=False), "f32"),
    "bert-pretraining-old": ("BertForPreTraining", dict(**BERT), "old"),
    "bert-next-sentence": ("BertForNextSentencePrediction", dict(**BERT), ""),
    "bert-text": ("BertForSequenceClassification", dict(**BERT, **LABELS("bad", "so so", "gut \u00fc"), type_vocab_size=3), ""),
    "bert-text-many": ("BertForSequenceClassification", dict(**BERT, hidden_act="relu", problem_type="multi_label_classification"), "bf16"),
    "bert-text-one": ("BertForSequenceClassification", dict(**BERT, **LABELS("score"), problem_type="regression"), ""),
    "bert-tokens": ("BertForTokenClassification", dict(**BERT, **LABELS("O", "B-PER", "I-PER", "B-LOC", "I-LOC"), hidden_act="silu", layer_norm_eps=1e-3), ""),
    "bert-answer": ("BertForQuestionAnswering", dict(**BERT), ""),
    "distilbert-model": ("DistilBertModel", dict(**DISTIL, sinusoidal_pos_embds=True), "bare"),
    "distilbert-masked": ("DistilBertForMaskedLM", dict(**DISTIL, activation="relu"), ""),
    "distilbert-masked-untied": ("DistilBertForMaskedLM", dict(**DISTIL, tie_word_embeddings=False), ""),
    "distilbert-text": ("DistilBertForSequenceClassification", dict(**DISTIL, **LABELS("NEGATIVE", "POSITIVE")), ""),
    "distilbert-tokens": ("DistilBertForTokenClassification", dict(**DISTIL, **LABELS("O", "X", "Y")), ""),
    "distilbert-answer": ("DistilBertForQuestionAnswering", dict(**DISTIL), ""),
    "roberta-model": ("RobertaModel", dict(**ROBERTA), ""),
    "roberta-masked": ("RobertaForMaskedLM", dict(**ROBERTA, hidden_act="relu"), ""),
    "roberta-masked-untied": ("RobertaForMaskedLM", dict(**ROBERTA, tie_word_embeddings=False), ""),
    "roberta-text": ("RobertaForSequenceClassification", dict(**ROBERTA, **LABELS("no", "yes", "perhaps")), ""),
    "roberta-tokens": ("RobertaForTokenClassification", dict(**ROBERTA, **LABELS("O", "B", "I")), ""),
    "roberta-answer": ("RobertaForQuestionAnswering", dict(**ROBERTA), ""),
    "xlm-roberta-masked": ("XLMRobertaForMaskedLM", dict(**{**ROBERTA, "max_position_embeddings": 25, "pad_token_id": 4}), ""),
    "camembert-text": ("CamembertForSequenceClassification", dict(**ROBERTA, **LABELS("non", "oui")), ""),
    "sentence": ("BertModel", dict(**BERT), "sentence"),
    "sentence-old": ("DistilBertModel", dict(**DISTIL), "sentence-old"),
    "cross-encoder": ("BertForSequenceClassification", dict(**BERT, **LABELS("LABEL_0")), "cross-encoder"),
}
TRAINED = {"all-MiniLM-L6-v2": ("BertModel", "embedding"), "bert-tiny-toxicity": ("BertForSequenceClassification", "logits")}
TEXTS = ["A man is playing a guitar.", "You are all idiots!", "", "Ein Satz, \u00fcber den niemand spricht: 42 \u4e2d\u6587.",
         "The planner lays out one arena from the lifetimes of all values, so that nothing allocates while a model runs. " * 4,
         ("How do I open a file?", "Files are opened with fopen, which gives a stream.")]


def make(name, settings, dtype):
    torch.manual_seed(sum(name.encode()) + len(settings))
    cls = getattr(transformers, name)
    model = cls(cls.config_class(**settings, attn_implementation="eager")).eval()
    for key, p in model.named_parameters():
        fixed = settings.get("sinusoidal_pos_embds") and "position_embeddings" in key
        x = p if fixed else torch.randn_like(p) * (0.25 if p.dim() > 1 else 0.1) + (1 if p.dim() == 1 and "orm" in key and "weight" in key else 0)
        p.data = x.to(dtype).float()
    return model


def put_json(value, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    json.dump(value, open(path, "w"), indent=1, sort_keys=True)


def save(model, dtype, form, folder):
    inner = f"{folder}/0_Transformer" if form == "sentence-old" else folder
    config = {k: v for k, v in model.config.to_dict().items() if not k.startswith("_") and v is not None}
    config["architectures"] = [type(model).__name__]
    if "id2label" in config:
        config["id2label"] = {str(k): v for k, v in config["id2label"].items()}
    if form == "cross-encoder":  # before version 4 of sentence-transformers
        config["sbert_ce_default_activation_function"] = "torch.nn.modules.linear.Identity"
    put_json(config, f"{inner}/config.json")
    state = {k: v.to(dtype).contiguous() for k, v in model.state_dict().items()}
    for copy, of in (getattr(model, "_tied_weights_keys", None) or {}).items():
        if model.config.tie_word_embeddings and form != "old":
            state.pop(copy)
    if form == "old":  # as transformers 2 wrote it, from a checkpoint of TensorFlow
        state = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v for k, v in state.items()}
        state["bert.embeddings.position_ids"] = torch.arange(model.config.max_position_embeddings)[None]
        torch.save(state, f"{inner}/pytorch_model.bin")
    else:
        save_file(state, f"{inner}/model.safetensors", metadata={"format": "pt"})


def save_sentence(folder, width):
    """As sentence-transformers 6 writes it."""
    package = "sentence_transformers.base.modules"
    types = [f"{package}.transformer.Transformer", "sentence_transformers.sentence_transformer.modules.pooling.Pooling", f"{package}.dense.Dense",
             f"{package}.normalize.Normalize"]
    modules = [Pooling(width, "cls"), Dense(width, 20), Normalize()]
    put_json([{"idx": i, "name": str(i), "path": f"{i}_{t.split('.')[-1]}" if i else "", "type": t} for i, t in enumerate(types)], f"{folder}/modules.json")
    put_json({"transformer_task": "feature-extraction", "module_output_name": "token_embeddings",
              "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}}, f"{folder}/sentence_bert_config.json")
    put_json({"__version__": {"sentence_transformers": "6.2.0"}, "model_type": "SentenceTransformer", "similarity_fn_name": "cosine",
              "prompts": {"query": "Frage: ", "document": ""}, "default_prompt_name": "query"}, f"{folder}/config_sentence_transformers.json")
    for i, m in enumerate(modules):
        os.makedirs(f"{folder}/{i + 1}_{type(m).__name__}")
        m.save(f"{folder}/{i + 1}_{type(m).__name__}")
    return modules


def save_sentence_old(folder, width):
    """As sentence-transformers 1 wrote it."""
    modules = [Pooling(width, "mean_sqrt_len_tokens"), Dense(width, 24, bias=False, activation_function=torch.nn.Identity()),
               Dense(24, 24, activation_function=torch.nn.ReLU())]
    put_json([{"idx": i, "name": str(i), "path": f"{i}_{t}", "type": f"sentence_transformers.models.{t}"}
              for i, t in enumerate(["Transformer", "Pooling", "Dense", "Dense"])], f"{folder}/modules.json")
    put_json({"max_seq_length": 12, "do_lower_case": False}, f"{folder}/0_Transformer/sentence_distilbert_config.json")
    put_json({"word_embedding_dimension": width, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": False, "pooling_mode_max_tokens": False,
              "pooling_mode_mean_sqrt_len_tokens": True}, f"{folder}/1_Pooling/config.json")
    for i, m in enumerate(modules[1:]):
        d = f"{folder}/{i + 2}_Dense"
        put_json({k: m.get_config_dict()[k] for k in ("in_features", "out_features", "bias", "activation_function")}, f"{d}/config.json")
        torch.save(m.state_dict(), f"{d}/pytorch_model.bin")
    return modules


def embed(modules, hidden):
    """hidden: [tokens][width]"""
    features = {"token_embeddings": hidden[None], "attention_mask": torch.ones(1, len(hidden), dtype=torch.long)}
    for m in modules:
        features = m(features)
    return features["sentence_embedding"][0]


@torch.no_grad()
def trained(out, source):
    for name, (cls, output) in TRAINED.items():
        model = getattr(transformers, cls).from_pretrained(f"{source}/{name}").eval()
        tokenizer = transformers.BertTokenizer(f"{source}/{name}/vocab.txt")
        inputs = [tokenizer(*([t] if isinstance(t, str) else t), return_tensors="pt") for t in TEXTS]
        os.makedirs(f"{out}/{name}", exist_ok=True)
        put = lambda file, x, t: np.asarray(x, dtype=t).tofile(f"{out}/{name}/{file}")
        put("lengths.i32", [x.input_ids.numel() for x in inputs], "<i4")
        put("ids.i32", torch.cat([x.input_ids[0] for x in inputs]), "<i4")
        put("segments.u8", torch.cat([x.token_type_ids[0] for x in inputs]), "u1")
        modules = [Pooling(model.config.hidden_size, "mean"), Normalize()]
        rows = [model(**x).logits[0] if output == "logits" else embed(modules, model(**x).last_hidden_state[0]) for x in inputs]
        put(f"{output}.f32", torch.cat(rows), "<f4")
        print(name, [len(x.input_ids[0]) for x in inputs])


@torch.no_grad()
def main(out, only):
    for name, (cls, settings, form) in CASES.items():
        if only and name not in only:
            continue
        folder = f"{out}/{name}"
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        dtype = {"f32": torch.float32, "bf16": torch.bfloat16}.get(form, torch.float16)
        model = make(cls, settings, dtype)
        save(model, dtype, form, folder)
        config = model.config
        modules = [Pooling(config.hidden_size, "mean")]
        if form == "sentence":
            modules = save_sentence(folder, config.hidden_size)
        if form == "sentence-old":
            modules = save_sentence_old(folder, config.hidden_size)
        put = lambda file, x, t="<f4": np.asarray(x, dtype=t).tofile(f"{folder}/{file}")
        ids = [torch.randint(5, config.vocab_size, (n,)) for n in LENGTHS]
        kinds = getattr(config, "type_vocab_size", 1)
        segments = [torch.arange(n) * kinds // n for n in LENGTHS]
        put("lengths.i32", LENGTHS, "<i4")
        put("ids.i32", torch.cat(ids), "<i4")
        if kinds > 1:
            put("segments.u8", torch.cat(segments), "u1")
        rows = {}
        for i, (x, s) in enumerate(zip(ids, segments)):
            extra = {} if cls.startswith("Distil") else {"token_type_ids": s[None]}
            r = model(x[None], output_hidden_states=True, output_attentions=True, **extra)
            base = model(x[None], **extra) if cls.endswith("Model") else None
            hidden = torch.stack(r.hidden_states)[:, 0]
            if not i:
                put("hidden.f32", hidden)
                put("attention.f32", torch.stack(r.attentions)[:, 0])
            add = lambda key, value: rows.setdefault(key, []).append(value.reshape(-1))
            if cls.endswith("QuestionAnswering"):
                add("logits", torch.stack([r.start_logits[0], r.end_logits[0]], 1))
            elif cls.endswith("PreTraining"):
                add("logits", r.prediction_logits)
                add("next_sentence", r.seq_relationship_logits)
            elif cls.endswith("NextSentencePrediction"):
                add("next_sentence", r.logits)
            elif not cls.endswith("Model"):
                add("logits", r.logits)
            inner = getattr(model, model.base_model_prefix, model)
            if getattr(inner, "pooler", None) is not None:
                add("pooled", inner.pooler(hidden[-1][None]))
            add("embedding", embed(modules, hidden[-1]))
            if name == "bert-model":
                for ours, theirs in POOLINGS.items():
                    add(f"embedding-{ours}", embed([Pooling(config.hidden_size, theirs)], hidden[-1]))
        for key, parts in rows.items():
            put(f"{key}.f32", torch.cat(parts))
        print(name, {k: sum(map(len, v)) for k, v in rows.items()})


out, *names = sys.argv[1:]
if names[:1] == ["--trained"]:
    trained(out, names[1])
    names = names[2:]
main(out, names)
