/* DistilBERT (Sanh et al. 2019), as transformers' DistilBertModel and its heads save it: BERT without segments and pooler,
   with other names. */
#include "convert/encoder.h"
#include "simd/kernels.h"

static const encoder_form DISTILBERT = {
    .classes = (const char *const[]){"DistilBert", NULL},
    .prefix = "distilbert.",
    /* Dropout; how the position table began (it is in the checkpoint); an old name of tie_word_embeddings. */
    .ignored = (const char *const[]){"dropout", "attention_dropout", "qa_dropout", "seq_classif_dropout", "sinusoidal_pos_embds", "tie_weights_", NULL},
    .keys = {"dim", "n_layers", "n_heads", "hidden_dim", "activation", NULL, NULL},
    .layer = "transformer.layer",
    .query = "attention.q_lin",
    .key = "attention.k_lin",
    .value = "attention.v_lin",
    .attention = "attention.out_lin",
    .attention_norm = "sa_layer_norm",
    .up = "ffn.lin1",
    .down = "ffn.lin2",
    .norm = "output_layer_norm",
    .words_dense = "/vocab_transform",
    .words_norm = "/vocab_layer_norm",
    .words_decoder = "/vocab_projector",
    .words_bias = "/vocab_projector.bias",
    .text_dense = "/pre_classifier",
    .text_activation = ACT_RELU,
    .text_out = "/classifier",
};

int source_from_distilbert(source *s, const char *folder, lnt_error *err) { return encoder_convert(s, folder, &DISTILBERT, err); }
