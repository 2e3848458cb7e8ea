/* Texts from files, one by one: lines, JSONL, CSV, TSV, whole files or chunks of them. Of the input only the current
   record is in memory.

   A record that is no record (malformed JSON, a field that is missing, a line longer than IO_MAX_LINE) is an error with
   file and line number, or with skip_bad passed over and counted. A byte order mark at a file's beginning and a return
   before a newline are not part of a text. Lines without anything on them are texts of a lines file, and nothing in the
   other formats.

   For a corpus that is to be searched a record also has its metadata and its place. Files of a folder are read by their
   names as others are, and what is no JSONL, CSV or TSV is a text as a whole, read in parts. */
#ifndef LNT_CLI_RECORDS_H
#define LNT_CLI_RECORDS_H
#include "cli/chunks.h"
#include "cli/columns.h"
#include "cli/inputs.h"
#include "cli/io.h"
#include "cli/metadata.h"
#include "cli/options.h"
#include "cli/parts.h"
#include <jansson.h>

typedef struct record_options {
    const char *text, *pair; /* this text (and second text) instead of files */
    const char *format;      /* NULL: by the file's name, a folder's files whole; with field and no known name: JSONL */
    const char *field, *pair_field;   /* JSONL: "a.b" is b of the object a; NULL: "text", none */
    const char *column, *pair_column; /* CSV, TSV: a name of the header line, or a number from 1 */
    uint32_t chunk_tokens, overlap;   /* 0: texts as they are */
    bool no_header, skip_bad;
    bool corpus; /* texts that are to be searched, as said above */
} record_options;

#define RECORD_OPTIONS(settings, in) \
    {.name = "text", .letter = 'p', .kind = OPT_TEXT, .argument = "TEXT", .offset = offsetof(settings, in.text), \
     .subject = OPT_TEXTS, .help = "this text instead of files"}, \
    {.name = "format", .kind = OPT_CHOICE, .argument = "lines|jsonl|csv|tsv|files", \
     .offset = offsetof(settings, in.format), \
     .subject = OPT_TEXTS, .help = "of the input (default: by its name, else lines; in a folder every file is a text)"}, \
    {.name = "field", .kind = OPT_TEXT, .argument = "NAME", .offset = offsetof(settings, in.field), \
     .subject = OPT_TEXTS, .help = "JSONL: where the text is (default: text; a.b is b in a)"}, \
    {.name = "column", .kind = OPT_TEXT, .argument = "NAME|N", .offset = offsetof(settings, in.column), \
     .subject = OPT_TEXTS, .help = "CSV, TSV: where the text is (default: text, or the only one)"}, \
    {.name = "no-header", .kind = OPT_FLAG, .offset = offsetof(settings, in.no_header), \
     .subject = OPT_TEXTS, .help = "CSV, TSV: the first line is a record too"}, \
    {.name = "skip-bad", .kind = OPT_FLAG, .offset = offsetof(settings, in.skip_bad), \
     .subject = OPT_TEXTS, .help = "pass over records that cannot be read, and count them"}

/* For verbs whose texts may be pairs. */
#define RECORD_PAIR_OPTIONS(settings, in) \
    {.name = "pair", .kind = OPT_TEXT, .argument = "TEXT", .offset = offsetof(settings, in.pair), \
     .subject = OPT_TEXTS, .help = "with -p: the second text of a pair"}, \
    {.name = "pair-field", .kind = OPT_TEXT, .argument = "NAME", .offset = offsetof(settings, in.pair_field), \
     .subject = OPT_TEXTS, .help = "JSONL: where the second text is"}, \
    {.name = "pair-column", .kind = OPT_TEXT, .argument = "NAME|N", .offset = offsetof(settings, in.pair_column), \
     .subject = OPT_TEXTS, .help = "CSV, TSV: where the second text is"}

/* For verbs that take files in chunks. */
#define RECORD_CHUNK_OPTIONS(settings, in) \
    {.name = "chunk-tokens", .kind = OPT_U32, .argument = "N", .offset = offsetof(settings, in.chunk_tokens), \
     .min = 1, .max = 1e9, .subject = OPT_TEXTS, \
     .help = "cut every text into pieces of at most N tokens, at sentence or line ends if any is near"}, \
    {.name = "overlap", .kind = OPT_U32, .argument = "N", .offset = offsetof(settings, in.overlap), .max = 1e9, \
     .subject = OPT_TEXTS, .help = "with --chunk-tokens: tokens that a piece repeats of the one before"}

typedef struct record {
    const char *text; /* never NULL */
    size_t n_bytes;
    const char *pair; /* NULL: none */
    size_t n_pair_bytes;
    const char *file;    /* "-p" for a text given as such, "standard input" */
    size_t line;         /* from 1; 0: of none */
    bool whole_file;     /* the text is all of the file */
    bool chunk;
    uint64_t begin, end; /* of a chunk in its text, bytes; of a corpus's whole file: in the file, which line is of, too */
    bool invalid;        /* held bytes that are not UTF-8, replaced already */
    const char *metadata; /* of a corpus: a JSON object; NULL: none */
    size_t n_metadata;
    size_t source;   /* of a corpus: which file it is from, and how many of it there are with this one */
    uint64_t number;
} record;

typedef enum record_format { RECORD_LINES, RECORD_JSONL, RECORD_CSV, RECORD_TSV, RECORD_FILES } record_format;

typedef struct records {
    const record_options *options;
    inputs files;
    size_t next_file;
    record_format format; /* of the file that is open */
    bool open;
    const char *shown; /* its name in messages */
    io_lines lines;
    uint64_t bytes_before; /* of the files before it */
    size_t record_line;    /* a CSV record's first */
    bool given;            /* options->text has been */
    columns fields;
    size_t column, pair_column; /* SIZE_MAX: no pair */
    metadata_names names;
    io_bytes metadata;
    parts whole_file;
    io_bytes body;              /* a CSV record of several lines; a JSONL line made valid; a whole file */
    json_t *object;
    lnt_tokenizer *tokenizer;
    uint32_t chunk_tokens;
    record whole; /* the record that is being cut */
    chunks cutter;
    bool cutting;
    size_t counted; /* of the text that is being cut: lines before here are counted in whole.line */
    size_t n_bad;
    lnt_error first_bad;
} records;

/* CLI_OK, or CLI_USAGE with the message printed: what is given in options and operands does not go together. */
int records_check(const record_options *options, size_t n_paths);
/* Looks at all files. With chunk_tokens, the tokenizer stays in use; it is not needed otherwise. max_tokens is the most
   that a chunk may have, without special tokens. 0, or -1 with err. records_close must follow either way. */
int records_open(records *r, const record_options *options, const char *const *paths, size_t n_paths,
                 lnt_tokenizer *tokenizer, size_t max_tokens, lnt_error *err);
/* The same for one file of a corpus, "-" is standard input; pieces have chunk_tokens. */
int records_open_file(records *r, const record_options *options, const input *file, lnt_tokenizer *tokenizer, uint32_t chunk_tokens,
                      lnt_error *err);
/* 1: *out is the next record, valid until the next call; 0: the end; -1 with err. */
int records_next(records *r, record *out, lnt_error *err);
/* Whether records_next need not wait for input longer than some milliseconds. */
bool records_ready(const records *r, int milliseconds);
/* Bytes of the files read so far, of r->files.bytes. */
uint64_t records_position(const records *r);
void records_close(records *r);

/* The record in a result, as JSON: its text, ["text", "pair"], or a whole file's path; then for a chunk
   ', "begin": B, "end": E'. 0, or -1 if memory is out. */
int record_append_input(io_bytes *to, const record *r);
/* The beginning of a result's object: {"input": INPUT, "NAME":  */
int record_begin_json(io_bytes *to, const record *r, const char *name);
#endif
