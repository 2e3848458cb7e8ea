/* Files on their way into an index: which are new or changed, their records in order, and their documents into the index
   as results come. Reading runs ahead of taking by a window of texts. */
#ifndef LNT_CLI_CORPUS_H
#define LNT_CLI_CORPUS_H
#include "cli/sources.h"
#include "cli/texts.h"

typedef struct corpus {
    /* the caller's */
    sources files;
    lnt_index *index;
    const record_options *options;
    lnt_tokenizer *tokenizer;
    uint32_t chunk_tokens;
    size_t dims;

    records in;   /* of the source that is being read */
    bool open;
    size_t reading, taking; /* sources; those before are done */
    bool begun;   /* the one that is being taken */
    io_bytes text;
    double committed; /* cli_seconds of the last one */
    uint64_t passed_bytes, read_bytes; /* of sources that needed no reading, and that have been read */
    uint64_t n_new, n_changed, n_unchanged, n_removed, n_binary, n_failed, n_documents;
    size_t n_bad;
    lnt_error first_bad;
} corpus;

/* For a struct texts whose user is a corpus. */
extern const texts_reader corpus_reader;
texts_take corpus_take;
texts_render corpus_render;
/* Commits about every two seconds. */
extern const flow_sink corpus_sink;

/* Commits. all: what has been read has been taken, so that what was read to its end is ended (an interrupt leaves documents in a
   window that is never run: the next run reads them again). 0, or -1 with err. */
int corpus_finish(corpus *c, bool all, lnt_error *err);
void corpus_close(corpus *c);
#endif
