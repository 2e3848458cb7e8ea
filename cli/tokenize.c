#include "cli/cli.h"
#include "cli/profile.h"
#include "cli/prompt.h"
#include "cli/session.h"
#include "cli/text.h"
#include <stdlib.h>
#include <string.h>

typedef struct settings {
    const char *text, *pair;
    bool whole, decode, no_special, json, profile;
} settings;

static const settings defaults = {0};

#define AT(field) .offset = offsetof(settings, field)
static const opt_spec options[] = {
    {.name = "prompt", .letter = 'p', .kind = OPT_TEXT, .argument = "TEXT", AT(text), .help = "this text (or ids)"},
    {.name = "pair", .kind = OPT_TEXT, .argument = "TEXT", AT(pair), .help = "the second text of a pair, behind each text"},
    {.name = "whole", .kind = OPT_FLAG, AT(whole), .help = "the file is one text, newlines and all"},
    {.name = "decode", .kind = OPT_FLAG, AT(decode), .help = "from ids, between spaces, back to text"},
    {.name = "no-special", .kind = OPT_FLAG, AT(no_special), .help = "the name of a special token is ordinary text"},
    PROFILE_OPTION(settings, profile),
    {.name = "json", .kind = OPT_FLAG, AT(json),
     .help = "an object a text: ids, tokens, segments (with --decode: ids and text)"},
    {0},
};

typedef struct job {
    const settings *s;
    session m;
    lnt_error err;
} job;

static void print_tokens(const job *j, const int32_t *ids, size_t n) {
    fputs(", \"tokens\": [", stdout);
    for (size_t i = 0; i < n; i++) {
        size_t length = 0;
        const char *bytes = lnt_token_bytes(j->m.model, ids[i], &length);
        if (i) fputs(", ", stdout);
        text_json(bytes, bytes ? length : 0);
    }
    putchar(']');
}

static void print_segments(const lnt_encoding *e) {
    fputs(", \"segments\": [", stdout);
    for (size_t i = 0; i < e->n; i++) {
        if (i) fputs(", ", stdout);
        io_put_int(e->segments[i]);
    }
    putchar(']');
}

static int encode(job *j, const char *text, size_t n) {
    const char *pair = j->s->pair;
    lnt_encoding e;
    double began = cli_seconds();
    unsigned flags = j->s->no_special ? LNT_NO_SPECIAL : 0;
    if (lnt_encode(j->m.tokenizer, n ? text : "", n, pair, pair ? strlen(pair) : 0, 0, flags, &e, &j->err) != 0) return -1;
    profile_add_entry((lnt_profile_entry){.name = "tokenize", .rows = 1, .values = e.n, .bytes = n}, began);
    began = cli_seconds();
    if (j->s->json) fputs("{\"ids\": ", stdout);
    prompt_print_ids(e.ids, e.n, j->s->json);
    if (j->s->json) {
        print_tokens(j, e.ids, e.n);
        if (j->m.info.n_segments > 1) print_segments(&e);
        putchar('}');
    }
    putchar('\n');
    profile_add("write results", began, 1);
    return 0;
}

static int decode(job *j, const char *line, size_t n, const char *shown) {
    int32_t *ids;
    size_t n_ids, length;
    const char *text;
    double began = cli_seconds();
    if (prompt_parse_ids(line, n, shown, j->m.model, &ids, &n_ids, &j->err) != 0) return -1;
    int result = lnt_detokenize(j->m.tokenizer, ids, n_ids, &text, &length, &j->err);
    profile_add_entry((lnt_profile_entry){.name = "read ids", .rows = 1, .values = n_ids, .bytes = n}, began);
    if (result == 0 && j->s->json) {
        fputs("{\"ids\": ", stdout);
        prompt_print_ids(ids, n_ids, true);
        fputs(", \"text\": ", stdout);
        text_json(text, length);
        fputs("}\n", stdout);
    } else if (result == 0) {
        text_print(text, length);
        if (!j->s->whole) putchar('\n');
    }
    free(ids);
    return result;
}

static int one(job *j, const char *text, size_t n, const char *shown) {
    return j->s->decode ? decode(j, text, n, shown) : encode(j, text, n);
}

static int every_line(job *j, const char *path) {
    io_lines lines;
    if (io_lines_open(&lines, path, &j->err) != 0) return -1;
    int more;
    while ((more = io_lines_next(&lines, &j->err)) > 0) {
        char shown[300];
        snprintf(shown, sizeof shown, "%.250s: line %zu", lines.path, lines.number);
        if (one(j, lines.line.data, lines.line.n, shown) != 0) more = -1;
        if (more < 0 || ferror(stdout)) break;
    }
    io_lines_close(&lines);
    return more < 0 ? -1 : 0;
}

static int whole_file(job *j, const char *path) {
    io_bytes text = {0};
    int result = io_read(path, &text, &j->err);
    if (result == 0) result = one(j, text.data, text.n, path);
    io_bytes_free(&text);
    return result;
}

static int run(const void *given, const char *const *operands, size_t n_operands) {
    const settings *s = given;
    if (s->text && n_operands > 1) return cli_usage("only one of -p TEXT and FILE can be given");
    if (s->pair && s->decode) return cli_usage("--pair goes with texts, not with --decode");
    const char *path = n_operands > 1 ? operands[1] : "-";
    job j = {.s = s};
    int result = session_open(&j.m, operands[0], NULL, SESSION_TOKENIZER, &j.err);
    if (result == 0 && s->text) result = one(&j, s->text, strlen(s->text), "-p");
    else if (result == 0) result = s->whole ? whole_file(&j, path) : every_line(&j, path);
    session_close(&j.m);
    return result == 0 ? CLI_OK : cli_fail(&j.err);
}

const cli_verb verb_tokenize = {
    .name = "tokenize",
    .summary = "turn text into ids, or ids into text",
    .operands = "MODEL [FILE | -]",
    .notes = "Without FILE and -p, standard input is read. Every line is a text of its own and gives a line of ids: what the model\n"
             "sees, with the special tokens that it wants around a text. From ids of words and their pieces (##ing) comes\n"
             "text with a space between words, whatever was there.\n",
    .examples = "linnet tokenize gpt2.lnt -p \"Hello world\"\n"
                "linnet tokenize bert.lnt -p \"How old is he?\" --pair \"He is ten.\" --json\n"
                "linnet tokenize gpt2.lnt book.txt --whole | linnet tokenize gpt2.lnt --whole --decode\n",
    .min_operands = 1,
    .max_operands = 2,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
