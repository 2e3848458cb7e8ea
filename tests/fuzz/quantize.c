/* fuzz: max_len=12288 weight=2 dict=lnt */
/* A model file made smaller: what is written must open, if what was read does. */
#define _GNU_SOURCE
#include "engine/model.h"
#include "tests/fuzz/folder.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mutate_lnt.h"

enum { MOST = 1 << 18 };

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    folder_make();
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) { return mutate_lnt(data, size, max_size, seed); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint32_t rest[MOST / sizeof(uint32_t)];
    static const char *const TYPES[] = {"f32", "f16", "q8", "q4"};
    lnt_error err = {""};
    size_t at = size, whole = size;
    for (uint32_t i = 0; !rest[0] && i < MOST / sizeof *rest; i++) rest[MOST / sizeof *rest - 1 - i] = ((i + 1) * 0x9e3779b9u & 0x83ff83ff) | 0x30003000; /* small, as f32 and f16 */
    mutate_lnt_is_cut(data, size, MOST, &at, &whole);
    const char *in = fuzz_map_with(data, size, (const uint8_t *)rest + (size - at), whole - size), *out = folder_path("out.lnt");
    lnt_model *m = lnt_open(in, NULL);
    lnt_convert_options o = {.type = TYPES[size > 63 ? data[63] & 3 : 0], .no_check = true, .n_threads = 1};
    if (lnt_quantize(in, out, &o, &err)) {
        FUZZ_CHECK(*err.text && !strchr(err.text, '\n'));
        FUZZ_CHECK(access(out, F_OK));
    } else {
        lnt_model *made = lnt_open(out, &err);
        if (m) FUZZ_CHECK(made && !lnt_verify(made, &err));
        lnt_close(made);
        folder_delete("out.lnt");
    }
    lnt_close(m);
    return 0;
}
