/* Brings an index to what a stage wants, as `linnet index` would: sources that are there and complete are left alone, one that
   was begun goes on where it was, one that changed is made anew, one that is gone goes. What a stage wants never changes, so
   that it ends with the same index however often it was cut short.

     indexer STAGE FOLDER TYPE     brings it there, and says of each commit how far it is
     indexer recover STAGE FOLDER TYPE COMMITTED    checks what a killed run left: that it holds, as a reader and as a writer
                                   find it, and that nothing is lost that was COMMITTED; then as above, and a check again
     indexer dump FOLDER           every document, source and the state, as text */
#include "linnet.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIMS = 24, COMMIT_EVERY = 45 };

typedef struct wanted {
    const char *path;
    uint32_t n, version; /* documents; another version has other texts */
} wanted;

static const wanted MAKE[] = {{"a", 30, 1}, {"b", 100, 1}, {"c", 7, 1}, {"d", 64, 1}, {"e", 150, 1}, {"f", 1, 1}, {NULL, 0, 0}};
static const wanted CHANGE[] = {{"a", 30, 1}, {"b", 80, 2}, {"c", 7, 3}, {"e", 150, 1}, {"f", 60, 2}, {"g", 70, 1}, {NULL, 0, 0}};
static const wanted GROW[] = {{"a", 90, 2}, {"b", 80, 2}, {"c", 7, 3}, {"f", 60, 2}, {"g", 70, 1}, {"h", 131, 1}, {NULL, 0, 0}};
static const struct { const char *name; const wanted *sources; } STAGES[] = {{"make", MAKE}, {"change", CHANGE}, {"compact", NULL}, {"grow", GROW}};

static lnt_model *model;

static void fail(const lnt_error *err) {
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

static lnt_index *open_index(const char *folder, const char *type, bool write) {
    lnt_error err;
    lnt_index_options options = {.write = write, .model = model, .vectors = type, .dims = DIMS, .n_threads = 1};
    lnt_index *index = lnt_index_open(folder, &options, &err);
    if (!index) fail(&err);
    return index;
}

/* How far an index is, in a number that grows with whatever a commit adds: the documents that it ever had, and compactions. */
static unsigned long long progress(const char *folder) {
    char path[500];
    sqlite3 *db;
    sqlite3_stmt *q;
    unsigned long long n = 0;
    snprintf(path, sizeof path, "%s/documents.db", folder);
    static const char SQL[] = "SELECT next_document + 1000000 * generation FROM state";
    if (!sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) && !sqlite3_prepare_v2(db, SQL, -1, &q, NULL)) {
        if (sqlite3_step(q) == SQLITE_ROW) n = (unsigned long long)sqlite3_column_int64(q, 0);
        sqlite3_finalize(q);
    }
    sqlite3_close(db);
    return n;
}

static void commit(lnt_index *index, const char *folder) {
    lnt_error err;
    if (lnt_index_commit(index, &err)) fail(&err);
    printf("%llu\n", progress(folder));
    fflush(stdout);
}

/* ---- a stage ---- */

static void add_document(lnt_index *index, const wanted *w, uint32_t i) {
    char text[300], metadata[80];
    float vector[DIMS];
    uint32_t state = i * 2654435761u + w->version * 97u + (unsigned char)w->path[0];
    lnt_error err;
    for (int k = 0; k < DIMS; k++) {
        state = state * 1664525u + 1013904223u;
        vector[k] = (float)((int32_t)(state >> 8) - (1 << 23));
    }
    snprintf(text, sizeof text, "Version %u of text %u in %s: word%u, other%u; and what all of them say", w->version, i, w->path, state >> 20, i % 17);
    snprintf(metadata, sizeof metadata, "{\"i\": %u}", i);
    lnt_document d = {.text = text, .n_bytes = strlen(text), .line = i + 1, .metadata = metadata};
    if (lnt_index_add(index, &d, vector, i + 1, &err)) fail(&err);
}

static void bring_source(lnt_index *index, const char *folder, const wanted *w) {
    lnt_source there, s = {.path = w->path, .bytes = w->n, .modified = w->version, .n_records = w->n, .complete = true};
    lnt_error err;
    int found = lnt_index_find_source(index, w->path, &there, &err);
    if (found < 0) fail(&err);
    bool same = found && there.modified == s.modified && there.bytes == s.bytes;
    if (same && there.complete) return;
    uint32_t begin = same ? (uint32_t)there.n_records : 0;
    if (lnt_index_begin_source(index, &s, same, &err)) fail(&err);
    for (uint32_t i = begin; i < w->n; i++) {
        add_document(index, w, i);
        if (i % COMMIT_EVERY == COMMIT_EVERY - 1) commit(index, folder);
    }
    if (lnt_index_end_source(index, &s, &err)) fail(&err);
}

static void remove_others(lnt_index *index, const wanted *sources) {
    lnt_source s = {.path = ""};
    lnt_error err;
    int found;
    char path[10] = "";
    while ((found = lnt_index_next_source(index, path, &s, &err)) > 0) {
        const wanted *w = sources;
        snprintf(path, sizeof path, "%s", s.path);
        while (w->path && strcmp(w->path, path) != 0) w++;
        if (!w->path && lnt_index_remove_source(index, path, &err)) fail(&err);
    }
    if (found < 0) fail(&err);
}

static void run_stage(const char *name, lnt_index *index, const char *folder) {
    lnt_error err;
    for (size_t i = 0; i < sizeof STAGES / sizeof *STAGES; i++) {
        if (strcmp(name, STAGES[i].name) != 0) continue;
        for (const wanted *w = STAGES[i].sources; w && w->path; w++) bring_source(index, folder, w);
        if (STAGES[i].sources) remove_others(index, STAGES[i].sources);
        else if (lnt_index_compact(index, &err)) fail(&err);
        commit(index, folder);
        return;
    }
    fprintf(stderr, "no stage is called %s\n", name);
    exit(2);
}

/* ---- after a kill ---- */

static void check(const char *folder, const char *type, bool write) {
    lnt_error err;
    lnt_index *index = open_index(folder, type, write);
    if (lnt_index_check(index, &err)) fail(&err);
    lnt_index_close(index);
}

static bool is_there(const char *folder) {
    lnt_error err;
    lnt_index *index = lnt_index_open(folder, NULL, &err);
    lnt_index_close(index);
    if (!index && !strstr(err.text, "holds no index")) fail(&err);
    return index;
}

static void recover(const char *stage, const char *folder, const char *type, unsigned long long committed) {
    lnt_error err;
    if (is_there(folder)) {
        check(folder, type, false);
        if (progress(folder) < committed) fprintf(stderr, "%llu was committed, %llu is there\n", committed, progress(folder)), exit(1);
        check(folder, type, true);
    } else if (committed) {
        fprintf(stderr, "an index was committed, none is there\n");
        exit(1);
    }
    lnt_index *index = open_index(folder, type, true);
    run_stage(stage, index, folder);
    if (lnt_index_check(index, &err)) fail(&err);
    lnt_index_close(index);
}

static void dump_table(sqlite3 *db, const char *sql) {
    sqlite3_stmt *q;
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL)) fprintf(stderr, "%s\n", sqlite3_errmsg(db)), exit(1);
    while (sqlite3_step(q) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(q); i++)
            printf("%s%c", (const char *)sqlite3_column_text(q, i), i + 1 < sqlite3_column_count(q) ? '|' : '\n');
    sqlite3_finalize(q);
}

static void dump(const char *folder) {
    char path[500];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/documents.db", folder);
    if (sqlite3_open(path, &db)) fprintf(stderr, "%s\n", sqlite3_errmsg(db)), exit(1);
    dump_table(db, "SELECT id, source, row, line, begin, \"end\", metadata, text FROM documents ORDER BY id");
    dump_table(db, "SELECT id, path, bytes, modified, hex(hash), n_records, n_documents, complete FROM sources ORDER BY id");
    dump_table(db, "SELECT generation, n_rows, n_documents, next_document, hex(tail) FROM state");
    sqlite3_close(db);
}

int main(int argc, char **argv) {
    lnt_error err;
    if (argc == 3 && !strcmp(argv[1], "dump")) return dump(argv[2]), 0;
    model = lnt_open(LINNET_SOURCE_DIR "/models/sentences/sentences.lnt", &err);
    if (!model) fail(&err);
    if (argc == 6 && !strcmp(argv[1], "recover")) {
        recover(argv[2], argv[3], argv[4], strtoull(argv[5], NULL, 10));
    } else if (argc == 4) {
        lnt_index *index = open_index(argv[2], argv[3], true);
        run_stage(argv[1], index, argv[2]);
        lnt_index_close(index);
    } else {
        return 2;
    }
    lnt_close(model);
    return 0;
}
