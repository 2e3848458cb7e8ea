/* RoBERTa (Liu et al. 2019) and what transformers builds like it, XLM-RoBERTa and CamemBERT: BERT whose positions begin
   behind that of padding, with heads of its own. */
#include "convert/encoder.h"
#include "simd/kernels.h"

static const encoder_form ROBERTA = {
    .classes = (const char *const[]){"Roberta", "XLMRoberta", "Camembert", NULL},
    .prefix = "roberta.",
    /* Dropout. */
    .ignored = (const char *const[]){"hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", NULL},
    .keys = {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act", "layer_norm_eps", "type_vocab_size"},
    .padded_positions = true,
    .layer = "encoder.layer",
    .query = "attention.self.query",
    .key = "attention.self.key",
    .value = "attention.self.value",
    .attention = "attention.output.dense",
    .attention_norm = "attention.output.LayerNorm",
    .up = "intermediate.dense",
    .down = "output.dense",
    .norm = "output.LayerNorm",
    .words_dense = "/lm_head.dense",
    .words_norm = "/lm_head.layer_norm",
    .words_decoder = "/lm_head.decoder",
    .words_bias = "/lm_head.bias",
    .words_gelu = true,
    .text_dense = "/classifier.dense",
    .text_activation = ACT_TANH,
    .text_out = "/classifier.out_proj",
};

int source_from_roberta(source *s, const char *folder, lnt_error *err) { return encoder_convert(s, folder, &ROBERTA, err); }
