#include "cli/prompt.h"
#include "cli/cli.h"
#include "cli/profile.h"
#include <stdlib.h>
#include <string.h>

int prompt_source_check(const prompt_source *source) {
    int given = (source->text != NULL) + (source->ids != NULL) + (source->file != NULL);
    if (given == 1) return 0;
    if (given == 0) return cli_usage("no text: -p TEXT, --ids IDS, a FILE or - (standard input) is needed");
    return cli_usage("only one of -p TEXT, --ids IDS and FILE can be given");
}

static bool separates(char c) {
    return c == ' ' || c == ',' || (c >= '\t' && c <= '\r');
}

int prompt_parse_ids(const char *text, size_t n, const char *shown, const lnt_model *model, int32_t **ids,
                     size_t *n_ids, lnt_error *err) {
    lnt_info info;
    lnt_model_info(model, &info);
    *ids = NULL;
    *n_ids = 0;
    int32_t *list = malloc((n / 2 + 1) * sizeof *list);
    if (!list) return cli_error(err, "%s: out of memory", shown);
    size_t count = 0;
    for (size_t i = 0; i < n;) {
        if (separates(text[i])) {
            i++;
            continue;
        }
        size_t begin = i;
        uint64_t id = 0;
        bool digits = true;
        for (; i < n && !separates(text[i]); i++) {
            digits = digits && text[i] >= '0' && text[i] <= '9';
            if (digits && id <= UINT32_MAX) id = id * 10 + (uint64_t)(text[i] - '0');
        }
        int length = i - begin < 40 ? (int)(i - begin) : 40;
        if (!digits || id >= info.vocab_size) {
            free(list);
            if (!digits)
                return cli_error(err, "%s: \"%.*s\" is not an id, expected decimal numbers", shown, length,
                                 text + begin);
            return cli_error(err, "%s: id %.*s is outside the vocabulary, expected 0 to %u", shown, length,
                             text + begin, info.vocab_size - 1);
        }
        list[count++] = (int32_t)id;
    }
    *ids = list;
    *n_ids = count;
    return 0;
}

int prompt_from_bytes(prompt *out, const char *bytes, size_t n, const char *shown, const lnt_model *model,
                      lnt_tokenizer *tokenizer, lnt_error *err) {
    if (!tokenizer) {
        if (prompt_parse_ids(bytes, n, shown, model, &out->ids, &out->n_ids, err) != 0) return -1;
    } else {
        const int32_t *ids;
        double began = cli_seconds();
        if (lnt_tokenize(tokenizer, bytes, n, 0, &ids, &out->n_ids, err) != 0) return -1;
        profile_add_entry((lnt_profile_entry){.name = "tokenize", .rows = 1, .values = out->n_ids, .bytes = n}, began);
        out->ids = malloc((out->n_ids ? out->n_ids : 1) * sizeof *out->ids);
        if (!out->ids) return cli_error(err, "%s: out of memory for %zu ids", shown, out->n_ids);
        if (out->n_ids) memcpy(out->ids, ids, out->n_ids * sizeof *ids);
    }
    if (out->n_ids == 0) return cli_error(err, "%s: empty, expected at least one token", shown);
    return 0;
}

int prompt_read(prompt *out, const prompt_source *source, const lnt_model *model, lnt_tokenizer *tokenizer,
                lnt_error *err) {
    *out = (prompt){0};
    if (source->ids) return prompt_from_bytes(out, source->ids, strlen(source->ids), "--ids", model, NULL, err);
    const char *shown = "-p";
    if (source->file) {
        shown = strcmp(source->file, "-") == 0 ? "standard input" : source->file;
        if (io_read(source->file, &out->text, err) != 0) return -1;
    } else if (io_append(&out->text, source->text, strlen(source->text)) != 0) {
        return cli_error(err, "%s: out of memory", shown);
    }
    return prompt_from_bytes(out, out->text.data, out->text.n, shown, model, tokenizer, err);
}

void prompt_free(prompt *p) {
    free(p->ids);
    io_bytes_free(&p->text);
    *p = (prompt){0};
}

void prompt_print_ids(const int32_t *ids, size_t n, bool json) {
    if (json) putchar('[');
    for (size_t i = 0; i < n; i++) {
        if (i) fputs(json ? ", " : " ", stdout);
        io_put_int(ids[i]);
    }
    if (json) putchar(']');
}
