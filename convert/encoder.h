/* Post-norm encoders: BERT (Devlin et al. 2019) and those that differ from it in the names of tensors and settings, in
   positions and in heads. A family is a form, filled in; the graph is made here.

       embed (tokens, positions, segments) -> norm -> layers of attention and a feed-forward part, each
       x = norm(x + part(x)) -> head

   Taps: "hidden" 0 (the first norm) .. n_layers, "attention" i, "embedding" (sentence.h), "pooled" if there is a pooler,
   and by the head "logits", "next_sentence". */
#ifndef LNT_CONVERT_ENCODER_H
#define LNT_CONVERT_ENCODER_H
#include "convert/layers.h"

typedef struct encoder_form {
    const char *const *classes; /* how config.json's architectures begin, before "Model", "ForMaskedLM", ...; NULL at the end */
    const char *prefix;         /* of the tensors, in a checkpoint with a head */
    const char *const *ignored; /* settings that do not matter to the result; NULL at the end */
    struct {                    /* settings; eps NULL: 1e-12; segments NULL: there are none */
        const char *width, *layers, *heads, *inner, *activation, *eps, *segments;
    } keys;
    bool padded_positions; /* positions begin behind pad_token_id */
    /* Tensors, without ".weight" and ".bias"; those of a layer behind "LAYER.i." */
    const char *layer;
    const char *query, *key, *value, *attention, *attention_norm, *up, *down, *norm;
    /* The head for masked words: norm(act(dense(x))) -> decoder + bias. */
    const char *words_dense, *words_norm, *words_decoder, *words_bias;
    bool words_gelu; /* its activation is gelu_erf, whatever the layers' is */
    /* The head for texts: out(act(dense(first token))); dense NULL: the pooler's output instead. */
    const char *text_dense, *text_out;
    int text_activation;
    const char *next_sentence; /* NULL: no such head */
} encoder_form;

typedef struct encoder {
    family f;
    const encoder_form *form;
    int64_t vocab_size, n_positions, n_segments, width, layers, heads, inner, position_offset;
    double eps;
    int activation;
    bool tied;
    uint32_t n_labels;
    int32_t tokens, hidden, pooled; /* the token table; values: the last hidden state; the pooler's output, or GRAPH_NONE */
    const char *task, *scores;      /* metadata; NULL: none */
} encoder;

int encoder_convert(source *s, const char *folder, const encoder_form *form, lnt_error *err);

/* ---- for encoder.c and encoder_head.c ---- */

/* Checks config.json's architectures and labels, adds the head's ops and taps, and its metadata. */
void encoder_head(encoder *e);
#endif
