#include "cli/session.h"
#include "cli/cli.h"
#include "cli/profile.h"
#include "formats/file.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { HASH_AT = 48, HASH_BYTES = 16 }; /* docs/format.md, "Header" */

/* task is one of the words; *shown becomes them as a sentence has them. */
static bool is_one_of(const char *task, const char *words, char *shown, size_t size) {
    bool found = false;
    for (size_t n, at = 0; *words; words += n + (words[n] == '|')) {
        n = strcspn(words, "|");
        found = found || (strlen(task) == n && memcmp(task, words, n) == 0);
        if (at < size) at += (size_t)snprintf(shown + at, size - at, "%s'%.*s'", at ? " or " : "", (int)n, words);
    }
    return found;
}

static int check_task(const session *s, const char *tasks, lnt_error *err) {
    char expected[120];
    if (is_one_of(s->info.task, tasks, expected, sizeof expected)) return 0;
    if (!*s->info.task) return cli_error(err, "%s: is a model without a task, expected one for %s", s->path, expected);
    return cli_error(err, "%s: is a '%s' model, expected one for %s", s->path, s->info.task, expected);
}

static int open_model(session *s, const char *path, const char *tasks, unsigned needs, lnt_error *err) {
    s->model = lnt_open(path, err);
    if (!s->model) return -1;
    lnt_model_info(s->model, &s->info);
    if (session_takes_pictures(s) && !(needs & SESSION_PICTURES))
        return cli_error(err, "%s: takes pictures, expected a model that reads text", path);
    if (tasks && check_task(s, tasks, err) != 0) return -1;
    if (session_takes_pictures(s)) return 0;
    if ((needs & SESSION_TOKENIZER) && !s->info.has_tokenizer)
        return cli_error(err, "%s: holds no tokenizer, expected ids (--ids) or a model that reads text", path);
    if (!s->info.has_tokenizer) return 0;
    s->tokenizer = lnt_tokenizer_new(s->model, err);
    return s->tokenizer ? 0 : -1;
}

int session_open(session *s, const char *path, const char *tasks, unsigned needs, lnt_error *err) {
    double began = cli_seconds();
    *s = (session){.path = path};
    if (open_model(s, path, tasks, needs, err) != 0) return -1;
    profile_add("open", began, 0);
    return 0;
}

bool session_takes_pictures(const session *s) {
    return s->info.n_channels > 0;
}

int session_check_options(const session *s, const opt_spec *specs, const void *settings, const void *defaults) {
    bool pictures = session_takes_pictures(s);
    const opt_spec *other = opt_given(specs, settings, defaults, pictures ? OPT_TEXTS : OPT_PICTURES);
    if (!other) return CLI_OK;
    const char *dashes = other->letter ? "-" : "--", *name = other->letter ? (char[]){other->letter, 0} : other->name;
    return cli_usage("%s%s is for %s, %s takes %s", dashes, name, pictures ? "texts" : "pictures", s->path,
                     pictures ? "pictures" : "texts");
}

int session_context(session *s, const lnt_context_options *options, lnt_error *err) {
    double began = cli_seconds();
    lnt_context_options o = *options;
    o.profile = profile_sums();
    s->ctx = lnt_context_new(s->model, &o, err);
    if (!s->ctx) return -1;
    profile_add("open", began, 0);
    return 0;
}

int session_batcher(const session *s, const lnt_batcher_options *options, lnt_batcher **batcher, lnt_error *err) {
    double began = cli_seconds();
    lnt_batcher_options o = *options;
    o.profile = profile_sums();
    *batcher = lnt_batcher_new(s->model, &o, err);
    if (!*batcher) return -1;
    profile_add("open", began, 0);
    return 0;
}

void session_close(session *s) {
    double began = cli_seconds();
    bool opened = s->model != NULL;
    lnt_context_free(s->ctx);
    lnt_tokenizer_free(s->tokenizer);
    lnt_close(s->model);
    if (opened) profile_add("close", began, 0);
    *s = (session){0};
}

int session_hash(const session *s, char out[33], lnt_error *err) {
    unsigned char header[HASH_AT + HASH_BYTES];
    int fd = file_open(s->path, O_RDONLY);
    ssize_t n = fd >= 0 ? file_read(fd, header, sizeof header, 0) : -1;
    if (fd >= 0) close(fd);
    if (n != (ssize_t)sizeof header) return cli_error(err, "%s: cannot be read: %s, expected a model file", s->path, strerror(errno));
    for (size_t i = 0; i < HASH_BYTES; i++) snprintf(out + 2 * i, 3, "%02x", header[HASH_AT + i]);
    return 0;
}
