#include "cli/cli.h"
#include "cli/entities.h"
#include "cli/text.h"
#include "cli/texts.h"
#include <stdlib.h>
#include <string.h>

typedef struct settings {
    texts_settings texts;
    bool words, json;
} settings;

static const settings defaults = {0};

#define AT(field) .offset = offsetof(settings, field)
static const opt_spec options[] = {
    {.name = "words", .kind = OPT_FLAG, AT(words),
     .help = "every word with its label, a word a line; words are what stands between spaces"},
    TEXTS_OPTIONS,
    {.name = "json", .kind = OPT_FLAG, AT(json),
     .help = "an object a text: input, and entities with label, text, begin, end and score"},
    {0},
};

typedef struct job {
    const settings *s;
    session m;
    texts texts;
    piece_marks marks;
} job;

/* Characters before a byte of the text, counted on from the last one asked for. */
typedef struct cursor {
    const char *text;
    size_t byte, character;
} cursor;

static size_t character_at(cursor *c, size_t byte) {
    if (byte > c->byte) {
        c->character += text_length(c->text + c->byte, byte - c->byte);
        c->byte = byte;
    }
    return c->character;
}

static int render_entity(const job *j, const record *r, const entity *e, cursor *at, bool first, io_bytes *out) {
    size_t begin = character_at(at, e->begin), end = character_at(at, e->end), n = e->end - e->begin;
    const char *text = r->text + e->begin;
    if (!j->s->json)
        return text_append_line(out, e->label, strlen(e->label)) || io_append_text(out, "\t") ||
               text_append_line(out, text, n) ||
               io_appendf(out, "\t%zu\t%zu\t%.6f\n", begin, end, (double)e->score);
    return io_append_text(out, first ? "{\"label\": " : ", {\"label\": ") ||
           text_append_json(out, e->label, strlen(e->label)) || io_append_text(out, ", \"text\": ") ||
           text_append_json(out, text, n) || io_appendf(out, ", \"begin\": %zu, \"end\": %zu, \"score\": ", begin, end) ||
           text_append_number(out, e->score) || io_append_text(out, "}");
}

static int render_entities(const job *j, const record *r, const entity *found, size_t n, io_bytes *out) {
    cursor at = {.text = r->text};
    int failed = j->s->json ? record_begin_json(out, r, "entities") || io_append_text(out, "[") : 0;
    for (size_t i = 0; !failed && i < n; i++) failed = render_entity(j, r, &found[i], &at, i == 0, out);
    return failed || io_append_text(out, j->s->json ? "]}\n" : "\n");
}

/* The label of what begins in each word between spaces; "O" where nothing does. */
static int render_words(const record *r, const entity *pieces, size_t n, io_bytes *out) {
    size_t piece = 0;
    for (size_t i = 0, end; i < r->n_bytes; i = end) {
        while (i < r->n_bytes && text_is_space(r->text[i])) i++;
        for (end = i; end < r->n_bytes && !text_is_space(r->text[end]);) end++;
        if (end == i) break;
        while (piece < n && pieces[piece].begin < i) piece++;
        const char *label = piece < n && pieces[piece].begin < end ? pieces[piece].label : "O";
        if (text_append_line(out, r->text + i, end - i) || io_append_text(out, "\t") ||
            text_append_line(out, label, strlen(label)) || io_append_text(out, "\n"))
            return -1;
    }
    return io_append_text(out, "\n");
}

static int render(void *user, const record *r, const lnt_text_result *result, io_bytes *out) {
    const job *j = user;
    entity *words = malloc((result->n_rows + 1) * sizeof *words);
    if (!words) return -1;
    size_t n = entities_words(&j->m, j->marks, r->text, result, words);
    int failed;
    if (j->s->words) failed = render_words(r, words, n, out);
    else failed = render_entities(j, r, words, entities_merge(words, n), out);
    free(words);
    return failed ? -1 : 0;
}

static int run(const void *given, const char *const *operands, size_t n_operands) {
    const settings *s = given;
    lnt_error err;
    if (s->words && s->json) return cli_usage("only one of --words and --json can be given");
    int status = records_check(&s->texts.in, n_operands - 1);
    if (status != CLI_OK) return status;
    job j = {.s = s};
    if (session_open(&j.m, operands[0], "token-classification", SESSION_TOKENIZER, &err) != 0) {
        status = cli_fail(&err);
    } else {
        lnt_batcher_options like = {.output = "logits", .all_outputs = true, .flags = LNT_PLACES};
        j.marks = entities_marks(&j.m);
        j.texts = (texts){.settings = &s->texts, .model = &j.m, .render = render, .user = &j};
        status = texts_print(&j.texts, &like, operands + 1, n_operands - 1);
    }
    session_close(&j.m);
    return status;
}

const cli_verb verb_tag = {
    .name = "tag",
    .summary = "find entities in texts",
    .operands = "MODEL (FILES | - | -p TEXT)",
    .notes = TEXTS_NOTE
             "A line of output is an entity: label, text, where it begins and ends in characters, and score, between tabs; an\n"
             "empty line ends a text. A word has the label of its first piece; words next to each other with the same label\n"
             "are one entity, unless the label of the later one begins with B-.\n",
    .examples = "linnet tag ner.lnt -p \"Nadim Ladki reports from Al-Ain, United Arab Emirates.\"\n"
                "linnet tag ner.lnt articles.jsonl --field body --json\n"
                "linnet tag ner.lnt sentences.txt --words\n",
    .min_operands = 1,
    .max_operands = SIZE_MAX,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
