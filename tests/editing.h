/* Golden folders with one thing changed: what a converter takes and what it refuses. */
#ifndef LNT_TESTS_EDITING_H
#define LNT_TESTS_EDITING_H
#include "tests/golden.h"

typedef struct edit {
    const char *name, *file, *from, *to; /* of a golden folder's file the first `from` becomes `to` */
} edit;

/* A copy of the folder, edited, under a name that must be new. */
static inline const char *edited_folder(const char *set, const edit *e, const char *name) {
    const char *folder = copied_folder(golden_path(set, e->name, "."), name);
    edit_file(path_of("%s/%s", folder, e->file), e->from, e->to);
    return folder;
}

typedef struct acceptance {
    edit edit;
    const char *scores; /* what the model then says; NULL: not looked at */
} acceptance;

/* It is converted all the same. */
static inline void expect_acceptance(const char *set, const acceptance *a, int i) {
    char name[32];
    snprintf(name, sizeof name, "accepted-%d", i);
    lnt_model *m = converted_folder(edited_folder(set, &a->edit, name), path_of("%s/accepted.lnt", test_folder), "f32");
    lnt_info info;
    lnt_model_info(m, &info);
    if (a->scores) ck_assert_str_eq(info.scores, a->scores);
    lnt_close(m);
}

/* It is refused with an error that names the folder and holds the word, and no file is made. */
static inline void expect_refusal(const char *set, const edit *e, const char *word, int i) {
    char name[32];
    snprintf(name, sizeof name, "refused-%d", i);
    const char *folder = edited_folder(set, e, name), *out = path_of("%s/%s.lnt", test_folder, name);
    lnt_error err;
    ck_assert_msg(lnt_convert(folder, out, &(lnt_convert_options){.type = "f32"}, &err) == -1, "converted with %s", e->to);
    CHECK_ERROR(&err, word, folder);
    ck_assert_int_eq(access(out, F_OK), -1);
}
#endif
