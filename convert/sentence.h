/* sentence-transformers' folders: which modules follow the transformer (modules.json), prompts, limits, and what a
   cross-encoder makes of its logits. A folder without any of these is read as sentence-transformers does: the mean of
   the hidden states. */
#ifndef LNT_CONVERT_SENTENCE_H
#define LNT_CONVERT_SENTENCE_H
#include "convert/family.h"

/* The folder of config.json, weights and tokenizer: that of modules.json's first module, or folder itself.
   *modules: there is a modules.json. */
int sentence_folder(const char *folder, char inside[4000], bool *modules, lnt_error *err);
/* Adds pooling and the modules behind it, and the tap "embedding". hidden: the last hidden state. */
void sentence_embedding(family *f, int32_t hidden);
/* Adds max_tokens, prompts and the name of the default one. Behind family_tokenizer. */
void sentence_metadata(family *f, uint64_t n_ctx, const tokenizer_facts *facts);
/* *scores ("identity", "sigmoid") stays as it is if no activation is named. */
void sentence_scores(family *f, const char **scores);
#endif
