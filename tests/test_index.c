/* An index: what is written can be read and found, commits, snapshots, sources that change, compaction. What is hostile is in
   test_index_damage.c. */
#include "tests/indexing.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

static const char *const TYPES[] = {"f32", "f16", "int8", "binary"};
enum { N_TYPES = 4, TOP = 50 };

/* ---- reading what was written ---- */

START_TEST(new_index_is_empty) {
    const char *folder = folder_of("empty-%s", TYPES[_i]);
    lnt_index *index = open_index(folder, true, TYPES[_i]);
    lnt_index_close(index);
    index = open_index(folder, false, NULL);
    lnt_index_info info = info_of(index);
    ck_assert_uint_eq(info.n_documents + info.n_sources + info.n_rows, 0);
    ck_assert_uint_eq(info.dims, DIMS);
    ck_assert_str_eq(info.vectors, TYPES[_i]);
    ck_assert_str_eq(info.settings, "{}");
    ck_assert_uint_eq(strlen(info.model), 32);
    lnt_hit hits[5];
    ck_assert_uint_eq(find(index, "hybrid", "word", vector_of(1), 5, NULL, 0, hits), 0);
    ck_assert_uint_eq(find(index, "dense", NULL, vector_of(1), 5, NULL, 0, hits), 0);
    OK(lnt_index_check(index, &err));
    lnt_index_close(index);
}
END_TEST

START_TEST(documents_come_back) {
    const char *folder = folder_of("documents-%s", TYPES[_i]);
    lnt_index *index = open_index(folder, true, TYPES[_i]);
    add_source(index, "a.txt", 70, 0);
    add_source(index, "folder/b.txt", 5, 1000);
    OK(lnt_index_commit(index, &err));
    OK(lnt_index_check(index, &err));
    lnt_index_close(index);

    index = open_index(folder, false, NULL);
    OK(lnt_index_check(index, &err));
    lnt_index_info info = info_of(index);
    ck_assert_uint_eq(info.n_documents, 75);
    ck_assert_uint_eq(info.n_rows, 75);
    ck_assert_uint_eq(info.n_sources, 2);
    ck_assert_uint_gt(info.document_bytes, 4096);
    ck_assert_uint_gt(info.vector_bytes, 4096);
    lnt_document d;
    OK(lnt_index_document(index, 72, &d, &err));
    ck_assert_int_eq(d.id, 72);
    ck_assert_str_eq(d.path, "folder/b.txt");
    ck_assert_str_eq(d.text, "Text number1001 of folder/b.txt, word0 word9 common");
    ck_assert_uint_eq(d.n_bytes, strlen(d.text));
    ck_assert_uint_eq(d.line, 2);
    ck_assert_uint_eq(d.begin, 10);
    ck_assert_uint_eq(d.end, 19);
    ck_assert_str_eq(d.metadata, "{\"number\": 1001, \"kind\": \"odd\", \"at\": {\"row\": 1}}");
    lnt_error err;
    ck_assert_int_eq(lnt_index_document(index, 76, &d, &err), -1);
    CHECK_ERROR(&err, folder, "no document 76");
    lnt_source s;
    ck_assert_int_eq(lnt_index_find_source(index, "a.txt", &s, &err), 1);
    ck_assert(s.complete && s.bytes == 7000 && s.modified == 70000 && s.n_records == 70 && s.n_documents == 70 && s.hash[2] == 3);
    ck_assert_int_eq(lnt_index_find_source(index, "A.txt", &s, &err), 0);
    lnt_index_close(index);
}
END_TEST

/* Any bytes are a text, and come back. */
START_TEST(texts_of_any_bytes) {
    static const char text[] = "caf\xc3\xa9 \xff\xfe\x80 nul\0behind \xed\xa0\x80 end";
    const char *folder = folder_of("bytes");
    lnt_index *index = open_index(folder, true, "f32");
    lnt_source s = source_of("odd\xff name", 1);
    lnt_document d = {.text = text, .n_bytes = sizeof text - 1}, empty = {.text = NULL};
    OK(lnt_index_begin_source(index, &s, false, &err));
    OK(lnt_index_add(index, &d, vector_of(1), 1, &err));
    OK(lnt_index_add(index, &empty, vector_of(2), 2, &err));
    OK(lnt_index_end_source(index, &s, &err));
    OK(lnt_index_commit(index, &err));
    OK(lnt_index_check(index, &err));
    OK(lnt_index_document(index, 1, &d, &err));
    ck_assert_uint_eq(d.n_bytes, sizeof text - 1);
    ck_assert_mem_eq(d.text, text, sizeof text);
    ck_assert_str_eq(d.path, "odd\xff name");
    ck_assert_ptr_null(d.metadata);
    OK(lnt_index_document(index, 2, &d, &err));
    ck_assert_uint_eq(d.n_bytes, 0);
    lnt_hit hits[3];
    ck_assert_uint_eq(find(index, "text", "behind", NULL, 3, NULL, 0, hits), 1);
    ck_assert_uint_eq(find(index, "text", "CAFE", NULL, 3, NULL, 0, hits), 1);
    OK(lnt_index_remove_source(index, "odd\xff name", &err));
    OK(lnt_index_commit(index, &err));
    OK(lnt_index_check(index, &err));
    lnt_index_close(index);
}
END_TEST

START_TEST(sources_in_order) {
    static const char *const PATHS[] = {"Z", "a", "a/b", "a0", "\xc3\xa9", "\xff"};
    lnt_index *index = open_index(folder_of("order"), true, "f32");
    for (int i = 5; i >= 0; i--) add_source(index, PATHS[i], 1, (uint32_t)i);
    OK(lnt_index_commit(index, &err));
    lnt_source s = {.path = ""};
    lnt_error err;
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(lnt_index_next_source(index, s.path, &s, &err), 1);
        ck_assert_str_eq(s.path, PATHS[i]);
    }
    ck_assert_int_eq(lnt_index_next_source(index, s.path, &s, &err), 0);
    lnt_index_close(index);
}
END_TEST

/* ---- commits ---- */

START_TEST(what_is_not_committed_is_gone) {
    const char *folder = folder_of("commit-%s", TYPES[_i]);
    lnt_index *index = open_index(folder, true, TYPES[_i]);
    add_source(index, "a", 100, 0);
    OK(lnt_index_commit(index, &err));
    add_source(index, "b", 200, 200);
    OK(lnt_index_remove_source(index, "a", &err));
    lnt_error err;
    lnt_hit hits[TOP];
    size_t n;
    ck_assert_int_eq(lnt_index_search(index, &(lnt_query){.text = "x", .n_bytes = 1}, 1, NULL, hits, &n, &err), -1);
    CHECK_ERROR(&err, "commit");
    ck_assert_int_eq(lnt_index_check(index, &err), -1);
    lnt_index_close(index);

    index = open_index(folder, true, NULL);
    lnt_index_info info = info_of(index);
    ck_assert_uint_eq(info.n_documents, 100);
    ck_assert_uint_eq(info.n_rows, 100);
    ck_assert_uint_eq(info.n_sources, 1);
    OK(lnt_index_check(index, &err));
    add_source(index, "c", 30, 400);
    OK(lnt_index_commit(index, &err));
    ck_assert_uint_eq(find(index, "dense", NULL, vector_of(429), TOP, NULL, 0, hits), TOP);
    ck_assert_uint_eq(number_of(index, hits[0].document), 429);
    OK(lnt_index_check(index, &err));
    lnt_index_close(index);
}
END_TEST

/* However documents are cut into commits and sessions, the vectors have the same bytes. */
START_TEST(commits_do_not_show) {
    size_t sizes[2];
    void *files[2];
    for (int cut = 0; cut < 2; cut++) {
        const char *folder = folder_of("cut%d-%s", cut, TYPES[_i]);
        lnt_index *index = open_index(folder, true, TYPES[_i]);
        lnt_source s = source_of("a", 300), there;
        OK(lnt_index_begin_source(index, &s, false, &err));
        for (uint32_t i = 0; i < 300; i++) {
            add_document(index, "a", i, i);
            if (cut && i % 37 == 5) OK(lnt_index_commit(index, &err));
            if (!cut || i % 50 != 13) continue;
            lnt_error err;
            lnt_index_close(index);
            index = open_index(folder, true, TYPES[_i]);
            ck_assert_int_eq(lnt_index_find_source(index, "a", &there, &err), 1);
            ck_assert(!there.complete && there.n_records <= i + 1 && there.n_documents == there.n_records);
            i = (uint32_t)there.n_records - 1;
            OK(lnt_index_begin_source(index, &s, true, &err));
            for (; (i + 1) % 50 != 14; i++) add_document(index, "a", i + 1, i + 1);
        }
        OK(lnt_index_end_source(index, &s, &err));
        OK(lnt_index_commit(index, &err));
        OK(lnt_index_check(index, &err));
        lnt_index_close(index);
        files[cut] = read_file(path_of("%s/vectors-1.lnv", folder), &sizes[cut]);
    }
    ck_assert_uint_eq(sizes[0], sizes[1]);
    ck_assert_mem_eq((char *)files[0] + 4096, (char *)files[1] + 4096, sizes[0] - 4096);
    free(files[0]);
    free(files[1]);
}
END_TEST

START_TEST(garbage_behind_the_commit_is_cut_off) {
    const char *folder = folder_of("garbage");
    lnt_index *index = open_index(folder, true, "f32");
    add_source(index, "a", 130, 0);
    OK(lnt_index_commit(index, &err));
    uint64_t bytes = info_of(index).vector_bytes;
    add_source(index, "b", 1000, 2000);
    ck_assert_uint_gt(info_of(index).vector_bytes, bytes);
    lnt_index_close(index);
    write_file(path_of("%s/vectors-7.lnv", folder), "x", 1);
    write_file(path_of("%s/bits-1.lnv.txt", folder), "x", 1);
    index = open_index(folder, true, "f32");
    ck_assert_uint_eq(info_of(index).vector_bytes, bytes);
    ck_assert_int_ne(access(path_of("%s/vectors-7.lnv", folder), F_OK), 0);
    ck_assert_int_eq(access(path_of("%s/bits-1.lnv.txt", folder), F_OK), 0);
    OK(lnt_index_check(index, &err));
    lnt_index_close(index);
}
END_TEST

/* A folder in which the making of an index was cut short. */
START_TEST(making_is_begun_again) {
    const char *folder = folder_of("cut-short");
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    write_file(path_of("%s/documents.db", folder), "", 0);
    write_file(path_of("%s/vectors-1.lnv", folder), "rest", 4);
    lnt_error err;
    refuse_to_open(folder, false, &err);
    CHECK_ERROR(&err, folder, "linnet index");
    lnt_index *index = open_index(folder, true, "int8");
    add_source(index, "a", 3, 0);
    OK(lnt_index_commit(index, &err));
    OK(lnt_index_check(index, &err));
    lnt_index_close(index);
}
END_TEST

/* ---- sources that change ---- */

START_TEST(changed_and_removed_sources) {
    lnt_hit hits[TOP];
    lnt_error err;
    lnt_source s;
    const char *folder = folder_of("changed-%s", TYPES[_i]);
    lnt_index *index = open_index(folder, true, TYPES[_i]);
    add_source(index, "a", 80, 0);
    add_source(index, "b", 80, 100);
    add_source(index, "c", 80, 200);
    OK(lnt_index_commit(index, &err));
    add_source(index, "b", 20, 300);
    OK(lnt_index_remove_source(index, "a", &err));
    OK(lnt_index_remove_source(index, "never there", &err));
    OK(lnt_index_commit(index, &err));
    OK(lnt_index_check(index, &err));
    lnt_index_info info = info_of(index);
    ck_assert_uint_eq(info.n_documents, 100);
    ck_assert_uint_eq(info.n_rows, 260);
    ck_assert_uint_eq(info.n_sources, 2);
    ck_assert_int_eq(lnt_index_find_source(index, "a", &s, &err), 0);
    for (uint32_t number = 0; number < 320; number += 13) { /* what is gone is not found, what is there is found first */
        bool there = number >= 200 && number % 100 < 80 && (number < 300 || number % 100 < 20);
        size_t n = find(index, "dense", NULL, vector_of(number), TOP, NULL, 0, hits);
        ck_assert_uint_eq(n, TOP);
        ck_assert_int_eq(number_of(index, hits[0].document) == number, there);
        ck_assert_uint_eq(find(index, "text", path_of("number%u", number), NULL, TOP, NULL, 0, hits), there);
    }
    s = source_of("c", 80);
    s.modified = 42;
    OK(lnt_index_touch_source(index, &s, &err));
    ck_assert_int_eq(lnt_index_touch_source(index, &(lnt_source){.path = "a"}, &err), -1);
    OK(lnt_index_commit(index, &err));
    ck_assert_int_eq(lnt_index_find_source(index, "c", &s, &err), 1);
    ck_assert(s.modified == 42 && s.n_documents == 80 && s.complete);
    lnt_index_close(index);
}
END_TEST

START_TEST(compaction_keeps_every_bit) {
    static lnt_hit before[40][TOP], after[40][TOP];
    size_t n_before[40], n_after[40];
    const char *folder = folder_of("compact-%s", TYPES[_i]);
    lnt_index *index = open_index(folder, true, TYPES[_i]);
    for (uint32_t i = 0; i < 20; i++) add_source(index, path_of("%02u", i), 33, i * 100);
    OK(lnt_index_commit(index, &err));
    for (uint32_t i = 1; i < 19; i += 3) OK(lnt_index_remove_source(index, path_of("%02u", i), &err));
    add_source(index, "11", 5, 5000);
    OK(lnt_index_commit(index, &err));
    static float vectors[40][DIMS];
    lnt_query queries[40];
    char texts[40][32];
    for (uint32_t i = 0; i < 40; i++) {
        memcpy(vectors[i], vector_of(i * 50), sizeof vectors[i]);
        queries[i] = (lnt_query){texts[i], (size_t)snprintf(texts[i], 32, "word%u number%u", i % 31, i * 50), vectors[i]};
    }
    lnt_search_options o = {.top = TOP};
    OK(lnt_index_search(index, queries, 40, &o, before[0], n_before, &err));
    lnt_index *reader = open_index(folder, false, NULL);
    OK(lnt_index_compact(index, &err));
    OK(lnt_index_check(index, &err));
    lnt_index_info info = info_of(index);
    ck_assert_uint_eq(info.n_rows, info.n_documents);
    ck_assert_uint_eq(info.n_documents, 13 * 33 + 5);
    for (int i = 0; i < 4; i++) { /* at once, when opened again, and for who had opened it before */
        if (i == 1) lnt_index_close(index), index = open_index(folder, true, NULL);
        if (i == 2) OK(lnt_index_compact(index, &err)); /* nothing to do */
        memset(after, 0, sizeof after);
        OK(lnt_index_search(i == 3 ? reader : index, queries, 40, &o, after[0], n_after, &err));
        ck_assert_mem_eq(n_after, n_before, sizeof n_after);
        for (int q = 0; q < 40; q++)
            for (size_t k = 0; k < n_after[q]; k++) {
                ck_assert_int_eq(after[q][k].document, before[q][k].document);
                ck_assert(after[q][k].score == before[q][k].score);
            }
    }
    lnt_index_close(reader);
    ck_assert_int_ne(access(path_of("%s/vectors-1.lnv", folder), F_OK), 0);
    ck_assert_int_eq(access(path_of("%s/vectors-2.lnv", folder), F_OK), 0);
    add_source(index, "more", 90, 7000);
    OK(lnt_index_commit(index, &err));
    OK(lnt_index_check(index, &err));
    lnt_index_close(index);
}
END_TEST

/* Rows that were packed become a tail, and a group again: with the bytes that they had. */
START_TEST(compaction_moves_packed_rows) {
    size_t n[2];
    void *files[2];
    for (int moved = 0; moved < 2; moved++) {
        const char *folder = folder_of("moved%d-%s", moved, TYPES[_i]);
        lnt_index *index = open_index(folder, true, TYPES[_i]);
        if (moved) add_source(index, "first", 40, 9000);
        add_source(index, "second", 3000, 0);
        if (moved) OK(lnt_index_remove_source(index, "first", &err));
        if (moved) OK(lnt_index_compact(index, &err));
        add_source(index, "third", 72, 4000);
        OK(lnt_index_commit(index, &err));
        lnt_index_close(index);
        const char *kind = _i == 3 ? "bits" : "vectors";
        files[moved] = read_file(path_of("%s/%s-%d.lnv", folder, kind, 1 + moved), &n[moved]);
    }
    ck_assert_uint_eq(n[0], n[1]);
    ck_assert_mem_eq((char *)files[0] + 4096, (char *)files[1] + 4096, n[0] - 4096);
    free(files[0]);
    free(files[1]);
}
END_TEST

/* Where no file may grow beyond 200 KB. */
static bool compaction_has_no_room(void *folder) {
    struct rlimit limit = {200 << 10, 200 << 10};
    lnt_error err = {""};
    signal(SIGXFSZ, SIG_IGN);
    lnt_index *index = lnt_index_open(folder, &(lnt_index_options){.write = true, .model = model}, &err);
    bool removed = index && !setrlimit(RLIMIT_FSIZE, &limit) && !lnt_index_remove_source(index, "small", &err) && !lnt_index_commit(index, &err);
    bool failed = removed && lnt_index_compact(index, &err) && strstr(err.text, "vectors-2.lnv") && lnt_index_commit(index, &err) && strstr(err.text, "again");
    if (!failed) fprintf(stderr, "%s\n", err.text);
    bool gone = access(path_of("%s/vectors-2.lnv", (char *)folder), F_OK) != 0;
    lnt_index_close(index);
    return failed && gone;
}

START_TEST(compaction_without_room) {
    char folder[200];
    snprintf(folder, sizeof folder, "%s/no-room", test_folder);
    lnt_index *index = open_index(folder, true, "f32");
    add_source(index, "small", 1, 9000);
    add_source(index, "large", 3000, 0);
    OK(lnt_index_commit(index, &err));
    lnt_index_close(index);
    ck_assert(run_at_level(NULL, compaction_has_no_room, folder));
    index = open_index(folder, true, NULL);
    OK(lnt_index_check(index, &err));
    ck_assert_uint_eq(info_of(index).n_documents, 3000);
    OK(lnt_index_compact(index, &err));
    ck_assert_uint_eq(info_of(index).n_rows, 3000);
    OK(lnt_index_check(index, &err));
    lnt_index_close(index);
}
END_TEST

START_TEST(everything_may_go) {
    const char *folder = folder_of("all-gone-%s", TYPES[_i]);
    lnt_index *index = open_index(folder, true, TYPES[_i]);
    add_source(index, "a", 100, 0);
    OK(lnt_index_commit(index, &err));
    OK(lnt_index_remove_source(index, "a", &err));
    OK(lnt_index_commit(index, &err));
    lnt_hit hits[3];
    ck_assert_uint_eq(find(index, "hybrid", "common", vector_of(3), 3, NULL, 0, hits), 0);
    OK(lnt_index_compact(index, &err));
    ck_assert_uint_eq(info_of(index).n_rows, 0);
    ck_assert_uint_eq(find(index, "hybrid", "common", vector_of(3), 3, NULL, 0, hits), 0);
    OK(lnt_index_check(index, &err));
    lnt_index_close(index);
}
END_TEST

/* ---- several at once ---- */

START_TEST(readers_see_their_snapshot) {
    const char *folder = folder_of("snapshot-%s", TYPES[_i]);
    lnt_hit hits[3];
    lnt_index *index = open_index(folder, true, TYPES[_i]);
    add_source(index, "a", 100, 0);
    OK(lnt_index_commit(index, &err));
    lnt_index *first = open_index(folder, false, NULL);
    add_source(index, "b", 100, 1000);
    OK(lnt_index_remove_source(index, "a", &err));
    OK(lnt_index_commit(index, &err));
    lnt_index *second = open_index(folder, false, NULL);
    OK(lnt_index_compact(index, &err));
    add_source(index, "c", 500, 2000);
    OK(lnt_index_commit(index, &err));
    const uint64_t documents[] = {100, 100, 600};
    const uint32_t there[] = {50, 1050, 2450}, not_there[] = {1050, 50, 50};
    lnt_index *indexes[] = {first, second, index};
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(info_of(indexes[i]).n_documents, documents[i]);
        find(indexes[i], "dense", NULL, vector_of(there[i]), 3, NULL, 0, hits);
        ck_assert_uint_eq(number_of(indexes[i], hits[0].document), there[i]);
        ck_assert_uint_eq(find(indexes[i], "text", path_of("number%u", not_there[i]), NULL, 3, NULL, 0, hits), 0);
        OK(lnt_index_check(indexes[i], &err));
    }
    lnt_index_close(index);
    lnt_index_close(second);
    lnt_index_close(first);
    ck_assert_int_ne(access(path_of("%s/documents.db-wal", folder), F_OK), 0); /* the last one tidies up */
    index = open_index(folder, false, NULL);
    ck_assert_uint_eq(info_of(index).n_documents, 600);
    lnt_index_close(index);
}
END_TEST

static bool cannot_write(void *folder) {
    lnt_error err = {""};
    lnt_index_options o = {.write = true, .model = model};
    return !lnt_index_open(folder, &o, &err) && strstr(err.text, "another process is writing");
}

START_TEST(one_writes) {
    char folder[200];
    snprintf(folder, sizeof folder, "%s/one", test_folder);
    lnt_index *index = open_index(folder, true, "f32");
    ck_assert(run_at_level(NULL, cannot_write, folder));
    ck_assert(cannot_write(folder));
    lnt_index_close(index);
    ck_assert(!run_at_level(NULL, cannot_write, folder));
    lnt_error err;
    index = open_index(folder, false, NULL);
    ck_assert_int_eq(lnt_index_commit(index, &err), -1);
    CHECK_ERROR(&err, "open for reading");
    ck_assert_int_eq(lnt_index_remove_source(index, "a", &err), -1);
    lnt_index_close(index);
}
END_TEST

/* As somebody who may only read: root may do anything. */
static bool searches_as_stranger(void *folder) {
    lnt_error err = {""};
    lnt_hit hits[3];
    size_t n = 0;
    if (!geteuid() && (setgid(65534) || setuid(65534))) return false;
    lnt_index *index = lnt_index_open(folder, &(lnt_index_options){.model = model, .n_threads = 1}, &err);
    lnt_query q = {.text = "number7", .n_bytes = 7, .vector = vector_of(7)};
    bool ok = index && !lnt_index_search(index, &q, 1, &(lnt_search_options){.top = 3}, hits, &n, &err) && n == 3 && number_of(index, hits[0].document) == 7 &&
              !lnt_index_check(index, &err);
    if (!ok) fprintf(stderr, "%s\n", err.text);
    lnt_index_close(index);
    return ok && !lnt_index_open(folder, &(lnt_index_options){.write = true, .model = model}, &err) && strstr(err.text, "can be written to");
}

START_TEST(read_only_folder) {
    char folder[200];
    snprintf(folder, sizeof folder, "%s/with %%20 odd?name#", test_folder);
    ck_assert_int_eq(chmod(test_folder, 0755), 0);
    lnt_index *index = open_index(folder, true, "int8"), *reader;
    add_source(index, "a", 100, 0);
    OK(lnt_index_commit(index, &err));
    lnt_index_close(index);
    reader = open_index(folder, false, NULL);
    lnt_index_close(reader);
    ck_assert_int_eq(chmod(folder, 0555), 0);
    ck_assert(run_at_level(NULL, searches_as_stranger, folder));
    ck_assert_int_eq(chmod(folder, 0755), 0);
    index = open_index(folder, true, NULL); /* being written to by its owner */
    add_source(index, "b", 100, 500);
    OK(lnt_index_commit(index, &err));
    ck_assert(run_at_level(NULL, searches_as_stranger, folder));
    lnt_index_close(index);
}
END_TEST

/* ---- what an index does not take ---- */

START_TEST(another_kind_is_refused) {
    const char *folder = folder_of("kind");
    lnt_error err;
    lnt_index_options o = {.write = true, .model = model, .settings = "{\"tokens\": 200, \"overlap\": 20}"};
    lnt_index *index = lnt_index_open(folder, &o, &err);
    ck_assert_msg(index != NULL, "%s", err.text);
    lnt_index_close(index);
    lnt_model *other = lnt_open(LINNET_SOURCE_DIR "/models/shakespeare/shakespeare.lnt", &err);
    const struct { lnt_index_options o; const char *words[3]; } refused[] = {
        {{.write = true, .model = other}, {"made with the model", "shakespeare.lnt"}},
        {{.model = other}, {"made with the model", "shakespeare.lnt"}},
        {{.write = true}, {"with its model"}},
        {{.write = true, .model = model, .vectors = "f16"}, {"int8", "f16"}},
        {{.write = true, .model = model, .settings = "{\"tokens\": 100}"}, {"\"overlap\"", "100"}},
        {{.write = true, .model = model, .dims = 8}, {"numbers", "8"}},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        ck_assert_ptr_null(lnt_index_open(folder, &refused[i].o, &err));
        check_error(&err, refused[i].words);
    }
    o.settings = "{\"overlap\":20,\"tokens\":200}";
    index = lnt_index_open(folder, &o, &err);
    ck_assert_msg(index != NULL, "%s", err.text);
    ck_assert_str_eq(info_of(index).settings, "{\"tokens\": 200, \"overlap\": 20}");
    lnt_index_close(index);
    const char *none = folder_of("none");
    ck_assert_ptr_null(lnt_index_open(none, &(lnt_index_options){.write = true, .model = model, .vectors = "int4"}, &err));
    CHECK_ERROR(&err, "int4", "binary");
    ck_assert_ptr_null(lnt_index_open(none, &(lnt_index_options){.write = true, .model = model, .dims = 1 << 16}, &err));
    ck_assert_ptr_null(lnt_index_open(folder_of("no/where"), &o, &err));
    CHECK_ERROR(&err, "cannot be made");
    ck_assert_ptr_null(lnt_index_open(folder_of("nothing"), NULL, &err));
    CHECK_ERROR(&err, "holds no index");
    ck_assert_ptr_null(lnt_index_open(LINNET_SOURCE_DIR "/CMakeLists.txt", &o, &err));
    CHECK_ERROR(&err, "not a folder");
    lnt_close(other);
}
END_TEST

START_TEST(bad_documents_change_nothing) {
    lnt_index *index = open_index(folder_of("bad"), true, "int8");
    lnt_error err;
    lnt_source s = source_of("a", 3), other = source_of("b", 3), unnamed = source_of("", 0);
    float vector[DIMS] = {1, 2, 3};
    lnt_document d = {.text = "text", .n_bytes = 4};
    ck_assert_int_eq(lnt_index_add(index, &d, vector, 1, &err), -1);
    CHECK_ERROR(&err, "begun");
    ck_assert_int_eq(lnt_index_end_source(index, &s, &err), -1);
    ck_assert_int_eq(lnt_index_begin_source(index, &unnamed, false, &err), -1);
    ck_assert_int_eq(lnt_index_begin_source(index, &s, true, &err), -1);
    CHECK_ERROR(&err, "continued");
    OK(lnt_index_begin_source(index, &s, false, &err));
    ck_assert_int_eq(lnt_index_end_source(index, &other, &err), -1);
    static const char *const METADATA[] = {"", "[1]", "{", "\"text\"", "{\"a\": \xff}", "{} x"};
    for (size_t i = 0; i < sizeof METADATA / sizeof *METADATA; i++) {
        d.metadata = METADATA[i];
        ck_assert_int_eq(lnt_index_add(index, &d, vector, 1, &err), -1);
        CHECK_ERROR(&err, "a: ", "JSON object");
    }
    d.metadata = NULL;
    d.path = "b";
    ck_assert_int_eq(lnt_index_add(index, &d, vector, 1, &err), -1);
    d.path = NULL;
    for (int i = 0; i < 2; i++) {
        vector[5] = i ? NAN : INFINITY;
        ck_assert_int_eq(lnt_index_add(index, &d, vector, 1, &err), -1);
        CHECK_ERROR(&err, "finite");
    }
    d.n_bytes = (64 << 20) + 1;
    vector[5] = 0;
    ck_assert_int_eq(lnt_index_add(index, &d, vector, 1, &err), -1);
    CHECK_ERROR(&err, "67108864");
    d.n_bytes = 4;
    OK(lnt_index_add(index, &d, vector, 1, &err));
    OK(lnt_index_end_source(index, &s, &err));
    OK(lnt_index_commit(index, &err));
    ck_assert_uint_eq(info_of(index).n_documents, 1);
    OK(lnt_index_check(index, &err));
    lnt_index_close(index);
}
END_TEST

/* Whatever its length, a vector's cosine counts; zeros are like nothing. */
START_TEST(vectors_of_any_length) {
    static const float lengths[] = {1e-35f, 1e-20f, 1, 1e15f, 1e37f, 0};
    lnt_index *index = open_index(folder_of("lengths"), true, "f32");
    lnt_source s = source_of("a", 6);
    lnt_hit hits[6];
    float vector[DIMS];
    OK(lnt_index_begin_source(index, &s, false, &err));
    for (int i = 0; i < 6; i++) {
        for (int k = 0; k < DIMS; k++) vector[k] = vector_of(1)[k] / 8 * lengths[i];
        OK(lnt_index_add(index, &(lnt_document){.text = "x", .n_bytes = 1}, vector, 1, &err));
    }
    OK(lnt_index_end_source(index, &s, &err));
    OK(lnt_index_commit(index, &err));
    for (int i = 0; i < 5; i++) {
        for (int k = 0; k < DIMS; k++) vector[k] = vector_of(1)[k] / 8 * lengths[i];
        ck_assert_uint_eq(find(index, "dense", NULL, vector, 6, NULL, 0, hits), 6);
        for (int k = 0; k < 6; k++) ck_assert_msg(fabsf(hits[k].cosine - (k < 5)) < 1e-6f, "%g %g", (double)lengths[i], (double)hits[k].cosine);
        ck_assert_int_eq(hits[5].document, 6);
    }
    lnt_index_close(index);
}
END_TEST

int main(void) {
    make_test_folder();
    open_model();
    TCase *c = tcase_create("index");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, new_index_is_empty, 0, N_TYPES);
    tcase_add_loop_test(c, documents_come_back, 0, N_TYPES);
    tcase_add_test(c, texts_of_any_bytes);
    tcase_add_test(c, sources_in_order);
    tcase_add_loop_test(c, what_is_not_committed_is_gone, 0, N_TYPES);
    tcase_add_loop_test(c, commits_do_not_show, 0, N_TYPES);
    tcase_add_test(c, garbage_behind_the_commit_is_cut_off);
    tcase_add_test(c, making_is_begun_again);
    tcase_add_loop_test(c, changed_and_removed_sources, 0, N_TYPES);
    tcase_add_loop_test(c, compaction_keeps_every_bit, 0, N_TYPES);
    tcase_add_loop_test(c, compaction_moves_packed_rows, 0, N_TYPES);
    tcase_add_test(c, compaction_without_room);
    tcase_add_loop_test(c, everything_may_go, 0, N_TYPES);
    tcase_add_loop_test(c, readers_see_their_snapshot, 0, N_TYPES);
    tcase_add_test(c, one_writes);
    tcase_add_test(c, read_only_folder);
    tcase_add_test(c, another_kind_is_refused);
    tcase_add_test(c, bad_documents_change_nothing);
    tcase_add_test(c, vectors_of_any_length);
    int failed = run_suite("index", (TCase *[]){c, NULL});
    lnt_close(model);
    remove_test_folder();
    return failed;
}
