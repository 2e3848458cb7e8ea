/* BERT (Devlin et al. 2019), as transformers' BertModel and its heads save it. */
#include "convert/encoder.h"

static const encoder_form BERT = {
    .classes = (const char *const[]){"Bert", NULL},
    .prefix = "bert.",
    /* Dropout; settings that the first TensorFlow code wrote and nothing reads. */
    .ignored = (const char *const[]){"hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "directionality", "pooler_*", NULL},
    .keys = {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act", "layer_norm_eps", "type_vocab_size"},
    .layer = "encoder.layer",
    .query = "attention.self.query",
    .key = "attention.self.key",
    .value = "attention.self.value",
    .attention = "attention.output.dense",
    .attention_norm = "attention.output.LayerNorm",
    .up = "intermediate.dense",
    .down = "output.dense",
    .norm = "output.LayerNorm",
    .words_dense = "/cls.predictions.transform.dense",
    .words_norm = "/cls.predictions.transform.LayerNorm",
    .words_decoder = "/cls.predictions.decoder",
    .words_bias = "/cls.predictions.bias",
    .text_out = "/classifier",
    .next_sentence = "/cls.seq_relationship",
};

int source_from_bert(source *s, const char *folder, lnt_error *err) { return encoder_convert(s, folder, &BERT, err); }
