#include "cli/session.h"
#include "cli/cli.h"
#include <errno.h>
#include <string.h>

enum { HASH_AT = 48, HASH_BYTES = 16 }; /* docs/format.md, "Header" */

int session_open(session *s, const char *path, const char *task, bool with_text, lnt_error *err) {
    *s = (session){.path = path};
    s->model = lnt_open(path, err);
    if (!s->model) return -1;
    lnt_model_info(s->model, &s->info);
    if (task && !*s->info.task) return cli_error(err, "%s: is a model without a task, expected one for '%s'", path, task);
    if (task && strcmp(task, s->info.task) != 0)
        return cli_error(err, "%s: is a '%s' model, expected one for '%s'", path, s->info.task, task);
    if (with_text && !s->info.has_tokenizer)
        return cli_error(err, "%s: holds no tokenizer, expected ids (--ids) or a model that reads text", path);
    if (!s->info.has_tokenizer) return 0;
    s->tokenizer = lnt_tokenizer_new(s->model, err);
    return s->tokenizer ? 0 : -1;
}

int session_context(session *s, const lnt_context_options *options, lnt_error *err) {
    s->ctx = lnt_context_new(s->model, options, err);
    return s->ctx ? 0 : -1;
}

void session_close(session *s) {
    lnt_context_free(s->ctx);
    lnt_tokenizer_free(s->tokenizer);
    lnt_close(s->model);
    *s = (session){0};
}

int session_hash(const session *s, char out[33], lnt_error *err) {
    unsigned char header[HASH_AT + HASH_BYTES];
    FILE *file = fopen(s->path, "rb");
    size_t n = file ? fread(header, 1, sizeof header, file) : 0;
    if (file) fclose(file);
    if (n != sizeof header) return cli_error(err, "%s: cannot be read: %s, expected a model file", s->path, strerror(errno));
    for (size_t i = 0; i < HASH_BYTES; i++) snprintf(out + 2 * i, 3, "%02x", header[HASH_AT + i]);
    return 0;
}
