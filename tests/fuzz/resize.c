/* fuzz: max_len=512 weight=1 */
/* Pictures of any size resized to any other, within the memory that they call for. */
#include "engine/resize.h"
#include "tests/fuzz/fuzz.h"
#include "linnet.h"

enum { SIDE = 96, MOST = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_reader r = {data, data + size};
    lnt_error err = {""};
    uint32_t channels = 1 + fuzz_u8(&r) % 4, filter = fuzz_u8(&r) % RESIZE_FILTERS, sizes[4];
    for (int i = 0; i < 4; i++) sizes[i] = 1 + fuzz_u8(&r) % SIDE;
    /* One of them large: a row or a column. */
    uint32_t large = fuzz_u32(&r) % LNT_IMAGE_MAX_SIDE, which = fuzz_u8(&r);
    if (which < 4) sizes[which] = 1 + large, sizes[which ^ 1] = 1;
    size_t in_bytes = (size_t)sizes[0] * sizes[1] * channels, out_bytes = (size_t)sizes[2] * sizes[3] * channels;
    if (in_bytes > 4 * MOST || out_bytes > 4 * MOST || (uint64_t)sizes[0] * sizes[3] > 16 * MOST || (uint64_t)sizes[2] * sizes[1] > 16 * MOST) return 0;
    uint8_t *in = malloc(in_bytes), *out = malloc(out_bytes);
    if (!in || !out) abort();
    size_t n = (size_t)(r.end - r.at) < in_bytes ? (size_t)(r.end - r.at) : in_bytes;
    memset(in, 255, in_bytes);
    memcpy(in, r.at, n);
    if (resize_image(in, sizes[0], sizes[1], channels, (resize_filter)filter, sizes[2], sizes[3], out, &err)) FUZZ_CHECK(*err.text);
    else if (!n) /* white stays white, but for the rounding of thousands of weights, Pillow's too */
        for (size_t i = 0; i < out_bytes; i++) FUZZ_CHECK(out[i] >= 252);
    free(in);
    free(out);
    return 0;
}
