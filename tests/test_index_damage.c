/* Files that are damaged, or made to do damage: every one is refused, by opening or by the check, in one line that says what
   to do; nothing crashes. */
#include "tests/indexing.h"
#include <fcntl.h>
#include <sqlite3.h>

static const char *const TYPES[] = {"f32", "f16", "int8", "binary"};
static char good[200];

static void make_good(void) {
    lnt_index *index = open_index(good, true, "int8");
    add_source(index, "gone", 60, 5000);
    add_source(index, "a", 200, 0);
    OK(lnt_index_remove_source(index, "gone", &err));
    OK(lnt_index_commit(index, &err));
    lnt_index_close(index);
}

static const char *copy_of_good(const char *name) {
    const char *folder = folder_of("%s", name);
    ck_assert_int_eq(system(path_of("cp -r '%s' '%s'", good, folder)), 0);
    return folder;
}

/* Reads all there is, for what it may do; true if it cannot be opened, does not hold, or fails to give what it has. */
static bool is_refused(const char *folder, bool write, lnt_error *err) {
    lnt_hit hits[300];
    lnt_document d;
    lnt_source s = {.path = ""};
    size_t n = 0;
    lnt_index_options o = {.write = write, .model = model, .n_threads = 1};
    lnt_index *index = lnt_index_open(folder, &o, err);
    if (!index) return true;
    lnt_filter filter = {"kind", "odd"};
    lnt_query q = {.text = "word1 common", .n_bytes = 12, .vector = vector_of(3)};
    lnt_error unused;
    for (uint32_t filters = 0; filters < 2; filters++) {
        lnt_search_options search = {.top = 300, .filters = &filter, .n_filters = filters};
        if (lnt_index_search(index, &q, 1, &search, hits, &n, &unused)) continue;
        for (size_t i = 0; i < n; i++) (void)lnt_index_document(index, hits[i].document, &d, &unused);
    }
    for (int i = 0; i < 10 && lnt_index_next_source(index, s.path, &s, &unused) > 0; i++) continue;
    bool refused = lnt_index_check(index, err) != 0;
    lnt_index_close(index);
    return refused;
}

static void check_refused(const char *folder, const char *const *words) {
    for (int write = 0; write < 2; write++) {
        lnt_error err = {""};
        ck_assert_msg(is_refused(folder, write, &err), "%s: %s was taken", folder, write ? "for writing" : "for reading");
        check_error(&err, words);
    }
}
#define REFUSED(folder, ...) check_refused(folder, (const char *const[]){__VA_ARGS__, NULL})

/* ---- the files of vectors ---- */

START_TEST(vectors_that_are_damaged) {
    const char *folder = folder_of("vectors-%s", TYPES[_i]), *kind = _i == 3 ? "bits" : "vectors";
    lnt_index *index = open_index(folder, true, TYPES[_i]);
    add_source(index, "a", 200, 0);
    OK(lnt_index_commit(index, &err));
    lnt_index_close(index);
    size_t n;
    char *name = strdup(path_of("%s/%s-1.lnv", folder, kind));
    unsigned char *bytes = read_file(name, &n);
    for (size_t at = 0; at < n; at += at < 64 ? 3 : 997) { /* any byte: the header is hashed, and so are groups */
        bytes[at] ^= 0x10;
        write_file(name, bytes, n);
        REFUSED(folder, name, "make the index again, or restore it");
        bytes[at] ^= 0x10;
    }
    for (size_t cut = 1; cut < n; cut = cut * 3 + 1) {
        write_file(name, bytes, n - cut);
        REFUSED(folder, name, "make the index again, or restore it");
    }
    ck_assert_int_eq(unlink(name), 0);
    REFUSED(folder, name, "make the index again, or restore it");
    ck_assert_int_eq(mkdir(name, 0777), 0);
    REFUSED(folder, name);
    ck_assert_int_eq(rmdir(name), 0);
    ck_assert_int_eq(mkfifo(name, 0666), 0);
    REFUSED(folder, name);
    unlink(name);
    write_file(name, bytes, n);
    lnt_error err;
    ck_assert(!is_refused(folder, true, &err));
    free(name);
    free(bytes);
}
END_TEST

START_TEST(vectors_of_another_index) {
    const char *folder = copy_of_good("another"), *other = folder_of("another-one");
    lnt_index *index = open_index(other, true, "int8");
    add_source(index, "a", 300, 0);
    OK(lnt_index_commit(index, &err));
    lnt_index_close(index);
    ck_assert_int_eq(rename(path_of("%s/vectors-1.lnv", other), path_of("%s/vectors-1.lnv", folder)), 0);
    REFUSED(folder, "vectors-1.lnv", "another index");
}
END_TEST

/* ---- documents.db ---- */

START_TEST(what_is_no_database) {
    const char *folder = copy_of_good("none");
    char *name = strdup(path_of("%s/documents.db", folder));
    size_t n;
    char *bytes = read_file(name, &n);
    write_file(name, "This is a text, long enough to be taken for the header of a database if nobody looks at it, is it not? Yes, quite.", 112);
    REFUSED(folder, name, "not a database", "make the index again");
    for (size_t cut = n - 1; cut > 512; cut = cut * 2 / 3) {
        write_file(name, bytes, cut);
        REFUSED(folder, name);
    }
    unlink(name);
    mkdir(name, 0777);
    REFUSED(folder, name, "not a regular file");
    rmdir(name);
    mkfifo(name, 0666);
    REFUSED(folder, name, "not a regular file");
    unlink(name);
    write_file(name, bytes, n);
    lnt_error err;
    ck_assert(!is_refused(folder, true, &err));
    free(name);
    free(bytes);
}
END_TEST

/* Each is done to a copy by somebody who knows SQL. */
static const struct { const char *sql, *word; } CHANGES[] = {
    {"PRAGMA application_id = 1", "another program"},
    {"PRAGMA user_version = 2", "version 2"},
    {"CREATE TABLE more(x)", "another kind"},
    {"CREATE VIEW more AS SELECT * FROM documents", "another kind"},
    {"CREATE TRIGGER t AFTER DELETE ON sources BEGIN DELETE FROM documents; END", "another kind"},
    {"CREATE INDEX more ON documents(line)", "another kind"},
    {"DROP TABLE sources", "lacks"},
    {"DROP INDEX documents_row", "lacks"},
    {"ALTER TABLE documents ADD COLUMN more TEXT", "another kind"},
    {"DROP TABLE documents; CREATE TABLE documents(id INTEGER PRIMARY KEY, source, row, line, begin, \"end\", metadata, text)", ""},
    {"DROP TABLE state; CREATE TABLE state(generation, n_rows, n_documents, next_document, tail)", "another kind"},
    {"DELETE FROM identity", "identity"},
    {"UPDATE identity SET id = x'00'", "identity"},
    {"UPDATE identity SET id = zeroblob(16)", "another index"},
    {"UPDATE identity SET dims = 0", "identity"},
    {"UPDATE identity SET dims = 70000", "dims"},
    {"UPDATE identity SET dims = -1", "dims"},
    {"UPDATE identity SET dims = 23", "tail"},
    {"UPDATE identity SET vectors = 'int4'", "kind of vectors"},
    {"UPDATE identity SET vectors = 'bits'", "kind of vectors"},
    {"UPDATE identity SET vectors = 'f32'", "vectors"},
    {"UPDATE identity SET vectors = 'binary'", "bits-1.lnv"},
    {"UPDATE identity SET model = 'deadbeef'", "model"},
    {"UPDATE identity SET model = hex(zeroblob(100))", "identity"},
    {"UPDATE identity SET settings = 'a' || char(0) || 'b'", "identity"},
    {"DELETE FROM state", "no state"},
    {"UPDATE state SET generation = 2", "vectors-2.lnv"},
    {"UPDATE state SET generation = -1", "generation"},
    {"UPDATE state SET n_rows = -1", "n_rows"},
    {"UPDATE state SET n_rows = n_rows + 1", "tail"},
    {"UPDATE state SET n_rows = n_rows + 64", "groups"},
    {"UPDATE state SET n_rows = 9223372036854775807", "n_rows"},
    {"UPDATE state SET n_rows = 1099511627776, tail = x''", "groups"},
    {"UPDATE state SET tail = zeroblob(100)", "tail"},
    {"UPDATE state SET n_documents = 1000", "n_documents"},
    {"UPDATE state SET n_documents = 199", "number of documents"},
    {"UPDATE state SET n_documents = 260", "number of documents"},
    {"UPDATE state SET next_document = 100", "behind the last"},
    {"UPDATE documents SET row = 10000 WHERE id = 70", "a"},
    {"UPDATE documents SET row = -5 WHERE id = 70", "row"},
    {"UPDATE documents SET row = row + 1000 WHERE id > 200", ""},
    {"UPDATE documents SET row = 3 WHERE id = 100", "order"},
    {"UPDATE documents SET metadata = '[]' WHERE id = 100", "metadata"},
    {"UPDATE documents SET text = 'other words' WHERE id = 100", "full text"},
    {"UPDATE documents SET text = '' WHERE id = 100", "full text"},
    {"UPDATE documents SET source = 77 WHERE id = 100", "source"},
    {"UPDATE documents SET id = 50000 WHERE id = 100", ""},
    {"DELETE FROM documents WHERE id = 100", "number of"},
    {"DELETE FROM documents", "number of"},
    {"DELETE FROM sources", "source"},
    {"UPDATE sources SET n_documents = 3", "source"},
    {"INSERT INTO words(words) VALUES('delete-all')", ""},
    {"INSERT INTO words(rowid, text) VALUES(900, 'more')", "full text"},
    {"DELETE FROM words_data", ""},
    {"DELETE FROM words_idx", ""},
    {"DELETE FROM words_docsize", "full text"},
    {"DELETE FROM words_docsize WHERE id = 100", "full text"},
    {"UPDATE words_data SET block = zeroblob(30) WHERE id > 10", ""},
    {"UPDATE words_data SET block = randomblob(4000) WHERE id > 10", ""},
    {"UPDATE words_config SET v = 99 WHERE k = 'version'", ""},
    {"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 3 WHERE name = 'documents'", ""},
    {"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE documents(id INTEGER PRIMARY KEY, text)' WHERE name = 'documents'", ""},
    {"PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'documents_source'", "lacks"},
    {"PRAGMA journal_mode = DELETE; PRAGMA encoding = 'UTF-16'; CREATE TABLE x(y); DROP TABLE x; UPDATE state SET n_documents = 7", "number of documents"},
};
enum { N_CHANGES = sizeof CHANGES / sizeof *CHANGES };

START_TEST(documents_that_were_changed) {
    sqlite3 *db;
    char *message = NULL;
    const char *folder = copy_of_good(path_of("changed-%d", _i));
    ck_assert_int_eq(sqlite3_open(path_of("%s/documents.db", folder), &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    sqlite3_exec(db, CHANGES[_i].sql, NULL, NULL, &message);
    ck_assert_msg(!message, "%s: %s", CHANGES[_i].sql, message);
    sqlite3_close(db);
    REFUSED(folder, CHANGES[_i].word);
}
END_TEST

/* Columns of other types, which STRICT keeps honest writers from: the tables are made anew under the same text. */
START_TEST(columns_of_other_types) {
    static const char *const VALUES[] = {"NULL", "'text'", "1.5", "-3", "x'00ff'", "9223372036854775807"};
    static const char *const COLUMNS[] = {"sources.path", "sources.bytes", "sources.modified", "sources.hash", "sources.n_records", "sources.n_documents",
                                          "sources.complete", "documents.source", "documents.row", "documents.line", "documents.text", "documents.metadata",
                                          "state.tail", "state.n_rows", "identity.model", "identity.settings"};
    for (size_t c = 0; c < sizeof COLUMNS / sizeof *COLUMNS; c++)
        for (size_t v = 0; v < sizeof VALUES / sizeof *VALUES; v++) {
            char table[20], sql[400];
            const char *column = strchr(COLUMNS[c], '.') + 1;
            snprintf(table, sizeof table, "%.*s", (int)(column - COLUMNS[c] - 1), COLUMNS[c]);
            sqlite3 *db;
            const char *folder = folder_of("typed");
            ck_assert_int_eq(system(path_of("rm -rf '%s'; cp -r '%s' '%s'", folder, good, folder)), 0);
            ck_assert_int_eq(sqlite3_open(path_of("%s/documents.db", folder), &db), SQLITE_OK);
            sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
            snprintf(sql, sizeof sql,
                     "PRAGMA writable_schema = ON; CREATE TEMP TABLE was AS SELECT name, sql FROM sqlite_schema; UPDATE sqlite_schema SET sql = "
                     "replace(replace(replace(sql, ') STRICT', ')'), ' NOT NULL', ''), 'INTEGER,', ',') WHERE name = '%s'", table);
            ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
            sqlite3_close(db);
            ck_assert_int_eq(sqlite3_open(path_of("%s/documents.db", folder), &db), SQLITE_OK);
            snprintf(sql, sizeof sql, "UPDATE %s SET %s = %s", table, column, VALUES[v]);
            int changed = sqlite3_exec(db, sql, NULL, NULL, NULL);
            sqlite3_close(db);
            sqlite3 *from;
            ck_assert_int_eq(sqlite3_open(path_of("%s/documents.db", good), &from), SQLITE_OK); /* its schema again */
            sqlite3_stmt *q;
            sqlite3_prepare_v2(from, "SELECT sql FROM sqlite_schema WHERE name = ?1", -1, &q, NULL);
            sqlite3_bind_text(q, 1, table, -1, SQLITE_STATIC);
            ck_assert_int_eq(sqlite3_step(q), SQLITE_ROW);
            ck_assert_int_eq(sqlite3_open(path_of("%s/documents.db", folder), &db), SQLITE_OK);
            sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
            char *back = sqlite3_mprintf("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = %Q WHERE name = %Q", sqlite3_column_text(q, 0), table);
            ck_assert_int_eq(sqlite3_exec(db, back, NULL, NULL, NULL), SQLITE_OK);
            sqlite3_free(back);
            sqlite3_finalize(q);
            sqlite3_close(from);
            sqlite3_close(db);
            for (int write = 0; write < 2 && changed == SQLITE_OK; write++) {
                lnt_error err = {""};
                bool text = !strcmp(column, "settings") || !strcmp(column, "path"); /* a number becomes one */
                bool harmless = (!strcmp(column, "metadata") && v == 0) || !strcmp(column, "modified") || (text && v != 0 && v != 4) || v == 5;
                ck_assert_msg(is_refused(folder, write, &err) || harmless, "%s = %s was taken", COLUMNS[c], VALUES[v]);
            }
        }
}
END_TEST

/* Bytes of the database at random: nothing but a refusal or an index comes of it. */
START_TEST(random_bytes) {
    const char *folder = copy_of_good(path_of("random-%d", _i));
    char *name = strdup(path_of("%s/documents.db", folder));
    size_t n;
    unsigned char *bytes = read_file(name, &n), *changed = malloc(n);
    uint32_t state = (uint32_t)_i + 1;
    int refused = 0;
    for (int round = 0; round < 60; round++) {
        memcpy(changed, bytes, n);
        for (int k = 0; k < 1 << round % 8; k++) {
            state = state * 1664525u + 1013904223u;
            size_t at = (state >> 4) % n;
            state = state * 1664525u + 1013904223u;
            changed[at] = (unsigned char)(state >> 24);
        }
        write_file(name, changed, n);
        unlink(path_of("%s-wal", name));
        unlink(path_of("%s-shm", name));
        lnt_error err = {""};
        refused += is_refused(folder, round % 2, &err);
        ck_assert(!strchr(err.text, '\n'));
    }
    ck_assert_int_gt(refused, 20);
    free(name);
    free(bytes);
    free(changed);
}
END_TEST

START_TEST(a_hostile_lock) {
    const char *folder = copy_of_good("lock");
    char *name = strdup(path_of("%s/lock", folder));
    lnt_error err;
    unlink(name);
    ck_assert_int_eq(symlink("/etc/passwd", name), 0);
    refuse_to_open(folder, true, &err);
    CHECK_ERROR(&err, name);
    unlink(name);
    ck_assert_int_eq(mkdir(name, 0777), 0);
    refuse_to_open(folder, true, &err);
    CHECK_ERROR(&err, name);
    free(name);
}
END_TEST

int main(void) {
    make_test_folder();
    open_model();
    snprintf(good, sizeof good, "%s/good", test_folder);
    TCase *c = tcase_create("damage");
    tcase_set_timeout(c, 300);
    tcase_add_unchecked_fixture(c, make_good, NULL);
    tcase_add_loop_test(c, vectors_that_are_damaged, 0, 4);
    tcase_add_test(c, vectors_of_another_index);
    tcase_add_test(c, what_is_no_database);
    tcase_add_loop_test(c, documents_that_were_changed, 0, N_CHANGES);
    tcase_add_test(c, columns_of_other_types);
    tcase_add_loop_test(c, random_bytes, 0, 4);
    tcase_add_test(c, a_hostile_lock);
    int failed = run_suite("index damage", (TCase *[]){c, NULL});
    lnt_close(model);
    remove_test_folder();
    return failed;
}
