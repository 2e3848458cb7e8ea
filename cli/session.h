/* A model and what a verb needs of it, opened and closed alike by all. */
#ifndef LNT_CLI_SESSION_H
#define LNT_CLI_SESSION_H
#include "linnet.h"

typedef struct session {
    const char *path;
    lnt_model *model;
    lnt_info info;
    lnt_tokenizer *tokenizer; /* NULL: not opened, or the file holds none */
    lnt_context *ctx;         /* NULL until session_context */
} session;

/* Opens the model. task: what its logits must be for ("token-classification"), NULL: anything. with_text: a file
   without a tokenizer is an error. 0, or -1 with err; session_close must follow either way. */
int session_open(session *s, const char *path, const char *task, bool with_text, lnt_error *err);
int session_context(session *s, const lnt_context_options *options, lnt_error *err);
void session_close(session *s);
/* The model file's hash in hexadecimal: of its header, which holds the hashes of all the rest. */
int session_hash(const session *s, char out[33], lnt_error *err);
#endif
