/* A model and what a verb needs of it, opened and closed alike by all. */
#ifndef LNT_CLI_SESSION_H
#define LNT_CLI_SESSION_H
#include "cli/options.h"
#include "linnet.h"

typedef struct session {
    const char *path;
    lnt_model *model;
    lnt_info info;
    lnt_tokenizer *tokenizer; /* NULL: not opened, or the file holds none */
    lnt_context *ctx;         /* NULL until session_context */
} session;

typedef enum session_needs {
    SESSION_TOKENIZER = 1, /* a model that takes texts must have one */
    SESSION_PICTURES = 2,  /* it may take pictures instead; else one that does is an error */
} session_needs;

/* Opens the model. tasks: what its logits must be for, one of the words between "|"; NULL: anything. needs: of
   session_needs. 0, or -1 with err; session_close must follow either way. */
int session_open(session *s, const char *path, const char *tasks, unsigned needs, lnt_error *err);
bool session_takes_pictures(const session *s);
/* CLI_OK, or CLI_USAGE with the message printed: an option was given that is for texts and the model takes pictures, or
   the other way round. */
int session_check_options(const session *s, const opt_spec *specs, const void *settings, const void *defaults);
/* A context, or a batcher that is the caller's, which --profile measures. 0, or -1 with err. */
int session_context(session *s, const lnt_context_options *options, lnt_error *err);
int session_batcher(const session *s, const lnt_batcher_options *options, lnt_batcher **batcher, lnt_error *err);
void session_close(session *s);
/* The model file's hash in hexadecimal: of its header, which holds the hashes of all the rest. */
int session_hash(const session *s, char out[33], lnt_error *err);
#endif
