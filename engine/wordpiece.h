/* WordPiece (Wu et al. 2016) as BERT has it, with the results of Hugging Face's tokenizers: a text is normalized and cut
   into words (bert_text.h), and each word into the longest token that it begins with, the longest that goes on from
   there, and so on; a word for which that fails is unknown as a whole. */
#ifndef LNT_ENGINE_WORDPIECE_H
#define LNT_ENGINE_WORDPIECE_H
#include "engine/bert_text.h"
#include "formats/kv.h"

enum { WORDPIECE_MOST_CHARS = 1000 }; /* bounds the time that a byte can take */

typedef struct wordpiece_model {
    bert_rules rules;
    const char *prefix; /* of tokens that go on, "##" */
    size_t n_prefix;
    uint32_t unknown;   /* id */
    uint64_t max_chars; /* a longer word is unknown */
} wordpiece_model;

extern const struct tokenizer_kind wordpiece_kind;
#endif
