/* Opens bytes as a checkpoint folder and reads all of it: one file under a name, or several (folder.h). */
#ifndef LNT_TESTS_FUZZ_CHECKPOINT_H
#define LNT_TESTS_FUZZ_CHECKPOINT_H
#include "formats/checkpoint.h"
#include "tests/fuzz/folder.h"

enum { CHECKPOINT_PARTS = 5 };

/* A name that stays inside the folder. */
static inline bool checkpoint_is_name(const char *name) {
    return *name && *name != '.' && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(name);
}

static inline void checkpoint_read_all(checkpoint *c) {
    enum { PART = 1024 };
    float part[PART];
    lnt_error err;
    for (size_t i = 0; i < checkpoint_count(c); i++) {
        const checkpoint_tensor *t = checkpoint_at(c, i);
        FUZZ_CHECK(checkpoint_find(c, t->name) == t);
        for (uint64_t at = 0; at < t->n_elements; at += PART)
            if (checkpoint_read_f32(c, t, at, t->n_elements - at < PART ? t->n_elements - at : PART, part, &err)) break;
    }
}

static inline void checkpoint_try(const char *single, const uint8_t *data, size_t size) {
    char names[CHECKPOINT_PARTS][64];
    size_t n = 0;
    const uint8_t *at = data, *end = data + size;
    lnt_error err = {""};
    if (size > 5 && !memcmp(data, "//// ", 5)) {
        for (folder_part part; n < CHECKPOINT_PARTS && folder_take_part(&part, &at, end);)
            if (checkpoint_is_name(part.name)) folder_write(strcpy(names[n++], part.name), part.bytes, part.n);
    } else {
        folder_write(strcpy(names[n++], single), data, size);
    }
    checkpoint *c = checkpoint_open(fuzz_folder, &err);
    if (c) checkpoint_read_all(c);
    else FUZZ_CHECK(fuzz_is_error(&err));
    checkpoint_close(c);
    for (size_t i = 0; i < n; i++) folder_delete(names[i]);
}
#endif
