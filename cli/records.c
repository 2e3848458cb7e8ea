#include "cli/records.h"
#include "cli/cli.h"
#include "cli/text.h"
#include "formats/json.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What reading a record can come to, besides -1. */
enum { END = 0, FOUND = 1, BAD = 2 };

int records_check(const record_options *o, size_t n_paths) {
    if (o->text && n_paths) return cli_usage("only one of -p TEXT and FILES can be given");
    if (!o->text && !n_paths) return cli_usage("no text: FILES, - (standard input) or -p TEXT is needed");
    if (o->pair && !o->text) return cli_usage("--pair goes with -p TEXT");
    if (o->no_header && !o->column) return cli_usage("--no-header needs --column N");
    if (o->overlap && !o->chunk_tokens) return cli_usage("--overlap goes with --chunk-tokens");
    if (o->overlap > o->chunk_tokens / 2)
        return cli_usage("--overlap %u is more than half of --chunk-tokens %u", o->overlap, o->chunk_tokens);
    return CLI_OK;
}

/* By what was asked for, the file's name, and last which options there are. */
static record_format format_of(const record_options *o, const input *file) {
    static const char *const names[] = {"lines", "jsonl", "csv", "tsv", "files"};
    static const struct {
        const char *ending;
        record_format format;
    } endings[] = {{".jsonl", RECORD_JSONL}, {".ndjson", RECORD_JSONL}, {".csv", RECORD_CSV}, {".tsv", RECORD_TSV}};
    record_format f = RECORD_LINES;
    if (o->format) {
        while (strcmp(names[f], o->format) != 0) f++;
        return f;
    }
    if (file->in_folder && !o->corpus) return RECORD_FILES;
    const char *ending = strrchr(file->path, '.');
    for (size_t i = 0; ending && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(ending, endings[i].ending) == 0) return endings[i].format;
    if (o->corpus && file->regular) return RECORD_FILES;
    return o->field || o->pair_field ? RECORD_JSONL : RECORD_LINES;
}

/* An option for a format that no file has is a mistake, not something to pass over. */
static int check_formats(const records *r, lnt_error *err) {
    const record_options *o = r->options;
    bool json = !o->field && !o->pair_field, table = !o->column && !o->pair_column && !o->no_header;
    for (size_t i = 0; i < r->files.n; i++) {
        record_format f = format_of(o, &r->files.items[i]);
        json = json || f == RECORD_JSONL;
        table = table || f == RECORD_CSV || f == RECORD_TSV;
    }
    if (!json) return cli_error(err, "--%s is for JSONL, expected --format jsonl", o->field ? "field" : "pair-field");
    if (table) return 0;
    return cli_error(err, "--%s is for CSV and TSV, expected --format csv or tsv", o->column ? "column" : "pair-column");
}

int records_open(records *r, const record_options *options, const char *const *paths, size_t n_paths,
                 lnt_tokenizer *tokenizer, size_t max_tokens, lnt_error *err) {
    *r = (records){.options = options, .tokenizer = tokenizer, .chunk_tokens = options->chunk_tokens, .shown = "-p"};
    if (options->chunk_tokens > max_tokens)
        return cli_error(err, "--chunk-tokens %u is more than the model takes, expected at most %zu",
                         options->chunk_tokens, max_tokens);
    if (inputs_list(&r->files, paths, n_paths, &(inputs_rules){.what = "files"}, err) != 0) return -1;
    return options->text ? 0 : check_formats(r, err);
}

int records_open_file(records *r, const record_options *options, const input *file, lnt_tokenizer *tokenizer, uint32_t chunk_tokens,
                      lnt_error *err) {
    *r = (records){.options = options, .tokenizer = tokenizer, .chunk_tokens = chunk_tokens};
    return inputs_add(&r->files, file, err);
}

/* Ends reading the file that is open. */
static void end_file(records *r) {
    if (r->open && r->format == RECORD_FILES) parts_close(&r->whole_file);
    else if (r->open) io_lines_close(&r->lines);
    r->open = false;
}

void records_close(records *r) {
    end_file(r);
    inputs_free(&r->files);
    columns_free(&r->fields);
    io_bytes_free(&r->body);
    io_bytes_free(&r->names.bytes);
    io_bytes_free(&r->metadata);
    json_decref(r->object);
    *r = (records){0};
}

uint64_t records_position(const records *r) {
    return r->bytes_before + (!r->open ? 0 : r->format == RECORD_FILES ? r->whole_file.begin : r->lines.bytes);
}

bool records_ready(const records *r, int milliseconds) {
    return !r->open || r->cutting || r->format == RECORD_FILES || io_lines_ready(&r->lines, milliseconds);
}

/* BAD: a message that begins with the place of the record. */
static int bad(const records *r, size_t line, lnt_error *err, const char *what) {
    if (line)
        cli_error(err, "%s: line %zu: %s", r->shown, line, what);
    else
        cli_error(err, "%s: %s", r->shown, what);
    return BAD;
}

/* The next line without return and byte order mark: *data, *n. */
static int next_line(records *r, char **data, size_t *n, lnt_error *err) {
    int more = io_lines_next(&r->lines, err);
    if (more < 0) return r->lines.too_long ? BAD : -1;
    if (!more) return END;
    *data = io_lines_text(&r->lines, n);
    return FOUND;
}

/* ---- CSV and TSV ---- */

/* A CSV record, of several lines if quotes are open at their ends. */
static int next_csv(records *r, char **data, size_t *n, lnt_error *err) {
    columns_quotes quotes = {0};
    int got = next_line(r, data, n, err);
    r->record_line = r->lines.number;
    if (got != FOUND) return got;
    columns_scan(&quotes, *data, *n);
    if (!quotes.open) return FOUND;
    r->body.n = 0;
    for (;;) {
        if (io_append(&r->body, *data, *n) != 0 || (quotes.open && io_append(&r->body, "\n", 1) != 0))
            return cli_error(err, "%s: out of memory at line %zu", r->shown, r->record_line);
        if (!quotes.open) break;
        if (r->body.n > IO_MAX_LINE) return bad(r, r->record_line, err, "a quoted field is too long");
        got = next_line(r, data, n, err);
        if (got == END) return bad(r, r->record_line, err, "a quote is not closed, expected another one");
        if (got != FOUND) return got;
        columns_scan(&quotes, *data, *n);
    }
    *data = r->body.data;
    *n = r->body.n;
    return FOUND;
}

/* The next record that is not empty, split into r->fields. */
static int next_columns(records *r, lnt_error *err) {
    char *data = NULL;
    size_t n = 0;
    int got;
    do {
        got = r->format == RECORD_CSV ? next_csv(r, &data, &n, err) : next_line(r, &data, &n, err);
        if (r->format == RECORD_TSV) r->record_line = r->lines.number;
    } while (got == FOUND && n == 0);
    if (got != FOUND) return got;
    const char *wrong =
        r->format == RECORD_CSV ? columns_split_csv(&r->fields, data, n) : columns_split_tsv(&r->fields, data, n);
    return wrong ? bad(r, r->record_line, err, wrong) : FOUND;
}

static int no_column(const records *r, const char *name, lnt_error *err) {
    char list[300];
    size_t at = 0;
    list[0] = 0;
    for (size_t i = 0; i < r->fields.n && at < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%.*s", i ? ", " : "",
                               (int)(r->fields.items[i].n < 40 ? r->fields.items[i].n : 40), r->fields.items[i].data);
    if (!name) return cli_error(err, "%s: which column is the text? expected --column, one of: %s", r->shown, list);
    return cli_error(err, "%s: there is no column \"%s\", expected one of: %s", r->shown, name, list);
}

/* The column of a name, or of a number from 1. name NULL: "text", or the only one. */
static int find_column(const records *r, const char *name, size_t *column, lnt_error *err) {
    const columns *header = &r->fields;
    const char *wanted = name ? name : "text";
    size_t length = strlen(wanted);
    uint64_t number;
    for (*column = 0; !r->options->no_header && *column < header->n; ++*column)
        if (header->items[*column].n == length && memcmp(header->items[*column].data, wanted, length) == 0) return 0;
    *column = 0;
    if (!name) return header->n == 1 ? 0 : no_column(r, name, err);
    uint64_t most = r->options->no_header ? SIZE_MAX / 2 : header->n;
    if (!opt_read_u64(name, &number) || number < 1 || number > most) return no_column(r, name, err);
    *column = (size_t)number - 1;
    return 0;
}

static int read_header(records *r, lnt_error *err) {
    const record_options *o = r->options;
    r->fields.n = 0;
    int got = o->no_header ? FOUND : next_columns(r, err);
    if (got != FOUND) return got == END ? 0 : -1;
    if (metadata_take_names(&r->names, o->no_header ? NULL : &r->fields) != 0) return cli_error(err, "%s: out of memory", r->shown);
    if (find_column(r, o->column, &r->column, err) != 0) return -1;
    r->pair_column = SIZE_MAX;
    return o->pair_column ? find_column(r, o->pair_column, &r->pair_column, err) : 0;
}

/* What has been collected of the record beside its text. */
static int give_metadata(const records *r, record *out, int failed, lnt_error *err) {
    if (failed) return cli_error(err, "%s: out of memory at line %zu", r->shown, out->line);
    out->metadata = r->metadata.n ? r->metadata.data : NULL;
    out->n_metadata = r->metadata.n ? r->metadata.n - 1 : 0;
    return FOUND;
}

static int read_columns(records *r, record *out, lnt_error *err) {
    char what[120];
    int got = next_columns(r, err);
    if (got != FOUND) return got;
    size_t last = r->pair_column == SIZE_MAX || r->pair_column < r->column ? r->column : r->pair_column;
    if (last >= r->fields.n) {
        snprintf(what, sizeof what, "has %zu columns, expected at least %zu", r->fields.n, last + 1);
        return bad(r, r->record_line, err, what);
    }
    out->line = r->record_line;
    out->text = r->fields.items[r->column].data;
    out->n_bytes = r->fields.items[r->column].n;
    r->metadata.n = 0;
    if (r->options->corpus)
        return give_metadata(r, out, metadata_of_columns(&r->metadata, &r->names, &r->fields, r->column), err);
    if (r->pair_column == SIZE_MAX) return FOUND;
    out->pair = r->fields.items[r->pair_column].data;
    out->n_pair_bytes = r->fields.items[r->pair_column].n;
    return FOUND;
}

/* ---- JSONL ---- */

/* The value of "key", or of "a.b" the value of b in the object a. */
static json_t *find_value(json_t *object, const char *path) {
    json_t *value = json_object_get(object, path);
    if (value) return value;
    for (const char *dot = strchr(path, '.'); dot; dot = strchr(dot + 1, '.')) {
        json_t *inner = json_object_getn(object, path, (size_t)(dot - path));
        if (json_is_object(inner)) return find_value(inner, dot + 1);
    }
    return NULL;
}

static int string_field(const records *r, const char *name, const char **text, size_t *n, lnt_error *err) {
    json_t *value = find_value(r->object, name);
    char what[160];
    if (json_is_string(value)) {
        *text = json_string_value(value);
        *n = json_string_length(value);
        return FOUND;
    }
    const char *wrong = value ? "field \"%.80s\" is not a string" : "there is no field \"%.80s\", expected a string";
    snprintf(what, sizeof what, wrong, name);
    return bad(r, r->lines.number, err, what);
}

static bool is_blank(const char *data, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (data[i] != ' ' && data[i] != '\t') return false;
    return true;
}

static int read_json(records *r, record *out, lnt_error *err) {
    const record_options *o = r->options;
    char *data = NULL, what[240];
    size_t n = 0;
    json_fault wrong;
    int got;
    do got = next_line(r, &data, &n, err);
    while (got == FOUND && is_blank(data, n));
    if (got != FOUND) return got;
    r->body.n = 0;
    if (text_replace_invalid(&r->body, data, n, &out->invalid) != 0)
        return cli_error(err, "%s: out of memory at line %zu", r->shown, r->lines.number);
    json_decref(r->object);
    r->object = json_read(r->body.data, r->body.n, JSON_ALLOW_NUL, &wrong);
    if (!r->object && wrong.memory) return cli_error(err, "%s: out of memory at line %zu", r->shown, r->lines.number);
    if (!json_is_object(r->object)) {
        if (r->object)
            snprintf(what, sizeof what, "is not a JSON object, expected {...}");
        else
            snprintf(what, sizeof what, "column %d: %s", wrong.column, wrong.text);
        return bad(r, r->lines.number, err, what);
    }
    out->line = r->lines.number;
    const char *field = o->field ? o->field : "text";
    got = string_field(r, field, &out->text, &out->n_bytes, err);
    r->metadata.n = 0;
    if (got == FOUND && o->corpus) return give_metadata(r, out, metadata_of_object(&r->metadata, r->object, field), err);
    if (got == FOUND && o->pair_field) got = string_field(r, o->pair_field, &out->pair, &out->n_pair_bytes, err);
    return got;
}

/* ---- lines and whole files ---- */

static int read_line(records *r, record *out, lnt_error *err) {
    char *data = NULL;
    int got = next_line(r, &data, &out->n_bytes, err);
    out->text = data;
    out->line = r->lines.number;
    return got;
}

static int read_whole(records *r, const input *file, record *out, lnt_error *err) {
    r->body.n = 0;
    r->next_file++;
    r->bytes_before += file->size;
    if (io_read(file->path, &r->body, err) != 0) return file->in_folder ? BAD : -1;
    bool mark = r->body.n >= 3 && memcmp(r->body.data, "\xEF\xBB\xBF", 3) == 0;
    out->whole_file = true;
    out->line = r->options->corpus ? 1 : 0;
    out->begin = r->options->corpus && mark ? 3 : 0;
    out->text = r->body.n ? r->body.data + (mark ? 3 : 0) : "";
    out->n_bytes = r->body.n - (mark ? 3 : 0);
    return FOUND;
}

static int read_part(records *r, record *out, lnt_error *err) {
    parts *p = &r->whole_file;
    int got = parts_next(p, &out->text, &out->n_bytes, err);
    if (got <= 0) return got;
    out->whole_file = true;
    out->line = p->line;
    out->begin = p->begin + (size_t)(out->text - p->bytes.data);
    out->end = out->begin + out->n_bytes;
    return FOUND;
}

/* ---- one after the other ---- */

static void close_file(records *r) {
    r->bytes_before += r->files.items[r->next_file++].size;
    end_file(r);
}

static int open_file(records *r, const input *file, lnt_error *err) {
    int failed = r->format == RECORD_FILES ? parts_open(&r->whole_file, file->path, err) : io_lines_open(&r->lines, file->path, err);
    if (failed) return -1;
    r->open = true;
    return r->format == RECORD_CSV || r->format == RECORD_TSV ? read_header(r, err) : 0;
}

static int from_files(records *r, record *out, lnt_error *err) {
    while (r->next_file < r->files.n) {
        const input *file = &r->files.items[r->next_file];
        int got;
        if (!r->open) {
            r->format = format_of(r->options, file);
            r->shown = strcmp(file->path, "-") == 0 ? "standard input" : file->path;
            out->file = r->shown;
            if (r->format == RECORD_FILES && !(r->options->corpus && file->regular)) return read_whole(r, file, out, err);
            if (open_file(r, file, err) != 0) return -1;
        }
        out->file = r->shown;
        got = r->format == RECORD_LINES  ? read_line(r, out, err)
              : r->format == RECORD_JSONL ? read_json(r, out, err)
              : r->format == RECORD_FILES ? read_part(r, out, err)
                                          : read_columns(r, out, err);
        if (got != END) return got;
        close_file(r);
    }
    return END;
}

static int next_whole(records *r, record *out, lnt_error *err) {
    const record_options *o = r->options;
    *out = (record){.text = "", .file = "-p"};
    if (!o->text) return from_files(r, out, err);
    if (r->given) return END;
    r->given = true;
    out->text = o->text;
    out->n_bytes = strlen(o->text);
    out->pair = o->pair;
    out->n_pair_bytes = o->pair ? strlen(o->pair) : 0;
    return FOUND;
}

/* Lines of the whole text up to here. */
static void count_lines(records *r, size_t upto) {
    const char *text = r->whole.text, *at;
    for (; (at = memchr(text + r->counted, '\n', upto - r->counted)); r->counted = (size_t)(at - text) + 1) r->whole.line++;
    r->counted = upto;
}

static int next_chunk(records *r, record *out, lnt_error *err) {
    size_t begin, end;
    int got = chunks_next(&r->cutter, &begin, &end, err);
    if (got <= 0) {
        r->cutting = false;
        return got;
    }
    if (r->options->corpus && r->whole.whole_file) count_lines(r, begin);
    *out = r->whole;
    out->chunk = true;
    out->begin += begin;
    out->end = out->begin + (end - begin);
    out->text += begin;
    out->n_bytes = end - begin;
    return FOUND;
}

static int next_any(records *r, record *out, lnt_error *err) {
    for (;;) {
        int got = r->cutting ? next_chunk(r, out, err) : END;
        if (got != END) return got;
        got = next_whole(r, out, err);
        if (got != FOUND || !r->chunk_tokens || out->pair) return got;
        if (r->options->corpus && out->n_bytes <= r->chunk_tokens) { /* a token has a byte at least */
            out->end = out->begin + out->n_bytes;
            return FOUND;
        }
        r->whole = *out;
        r->counted = 0;
        r->cutter = (chunks){.tokenizer = r->tokenizer,
                             .n_tokens = r->chunk_tokens,
                             .overlap = r->options->overlap,
                             .text = out->text,
                             .n = out->n_bytes};
        r->cutting = true;
    }
}

int records_next(records *r, record *out, lnt_error *err) {
    lnt_error own;
    if (!err) err = &own;
    int got;
    while ((got = next_any(r, out, err)) == BAD) {
        if (!r->options->skip_bad) return -1;
        if (r->n_bad++ == 0) r->first_bad = *err;
    }
    return got;
}

int record_append_input(io_bytes *to, const record *r) {
    if (r->pair) {
        bool failed = io_append_text(to, "[") || text_append_json(to, r->text, r->n_bytes) || io_append_text(to, ", ") ||
                      text_append_json(to, r->pair, r->n_pair_bytes) || io_append_text(to, "]");
        return failed ? -1 : 0;
    }
    if (!r->whole_file) return text_append_json(to, r->text, r->n_bytes);
    if (text_append_json(to, r->file, strlen(r->file)) != 0) return -1;
    return r->chunk ? io_appendf(to, ", \"begin\": %" PRIu64 ", \"end\": %" PRIu64, r->begin, r->end) : 0;
}

int record_begin_json(io_bytes *to, const record *r, const char *name) {
    if (io_append_text(to, "{\"input\": ") != 0 || record_append_input(to, r) != 0) return -1;
    return io_appendf(to, ", \"%s\": ", name);
}
