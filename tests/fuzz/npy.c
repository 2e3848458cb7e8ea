/* fuzz: max_len=4096 weight=1 */
/* A NumPy file as pixel values and as a picture for a model of images, and its header. */
#include "formats/npy.h"
#include "tests/fuzz/fuzz.h"

enum { SIDE = 28, MOST_CHANNELS = 4 };
static lnt_model *model;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    model = fuzz_shipped("fashion/fashion.lnt");
    return 0;
}

/* Its values lie inside the file. */
static void check_array(const npy_array *a, const uint8_t *data, size_t size) {
    size_t n = a->type == NPY_F32 ? sizeof(float) : 1;
    for (size_t i = 0; i < a->n_dims; i++) n *= a->shape[i];
    FUZZ_CHECK(a->n_dims <= NPY_MAX_DIMS && a->values >= data && a->values + n == data + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static float pixels[MOST_CHANNELS * SIDE * SIDE];
    unsigned char header[NPY_HEADER_ROOM];
    lnt_error err = {""};
    npy_array a;
    if (npy_parse(&a, data, size, "x.npy", &err)) {
        FUZZ_CHECK(*err.text && !strchr(err.text, '\n'));
        return 0;
    }
    check_array(&a, data, size);
    FUZZ_CHECK(npy_header(header, a.type == NPY_F32 ? "<f4" : "|u1", a.shape, a.n_dims) <= sizeof header);
    if (lnt_pixels_read(model, fuzz_path(data, size), SIDE, SIDE, pixels, &err)) FUZZ_CHECK(*err.text && !strchr(err.text, '\n'));
    return 0;
}
