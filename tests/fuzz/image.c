/* fuzz: max_len=4096 weight=3 seeds=golden/images */
/* A picture's file, decoded, resized by each filter, and made into pixel values. Pictures of many pixels in few bytes are left to
   the tests: one of them would take the time of thousands of others. */
#include "engine/resize.h"
#include "tests/fuzz/fuzz.h"

enum { MOST_PIXELS = 1 << 18, SIDE = 28, MOST_SIDE = 512, MOST_CHANNELS = 4 };
static lnt_model *model;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    model = fuzz_shipped("fashion/fashion.lnt");
    return 0;
}

static uint32_t big_endian(const uint8_t *p, int n) {
    uint32_t v = 0;
    for (int i = 0; i < n; i++) v = v << 8 | p[i];
    return v;
}

/* The pixels that a header tells of, where the decoder would believe it. */
static uint64_t pixels_of(const uint8_t *p, size_t n) {
    if (n > 24 && !memcmp(p, "\x89PNG", 4)) return (uint64_t)big_endian(p + 16, 4) * big_endian(p + 20, 4);
    if (n > 3 && !memcmp(p, "\xff\xd8\xff", 3)) {
        uint64_t most = 0;
        for (size_t i = 2; i + 9 < n; i++)
            if (p[i] == 0xff && p[i + 1] >= 0xc0 && p[i + 1] <= 0xcf) {
                uint64_t here = (uint64_t)big_endian(p + i + 5, 2) * big_endian(p + i + 7, 2);
                if (here > most && p[i + 1] != 0xc4 && p[i + 1] != 0xcc) most = here;
            }
        return most;
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static float values[MOST_CHANNELS * SIDE * SIDE];
    static uint8_t small[SIDE * SIDE * 3];
    lnt_error err = {""};
    lnt_image image;
    uint64_t pixels = pixels_of(data, size);
    if (pixels > MOST_PIXELS && pixels <= LNT_IMAGE_MAX_PIXELS) return -1;
    if (lnt_image_decode(data, size, "image", &image, &err)) {
        FUZZ_CHECK(!image.pixels && *err.text && !strchr(err.text, '\n'));
        return 0;
    }
    uint32_t side = 1 + (uint32_t)(size % SIDE);
    resize_filter filter = (resize_filter)(size % RESIZE_FILTERS);
    if (image.width <= MOST_SIDE && image.height <= MOST_SIDE) {
        lnt_image_pixels(model, &image, SIDE, SIDE, values, &err);
        resize_image(image.pixels, image.width, image.height, 3, filter, side, SIDE, small, &err);
    }
    lnt_image_free(&image);
    return 0;
}

static uint32_t crc32(const uint8_t *p, size_t n) {
    uint32_t sum = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        sum ^= p[i];
        for (int bit = 0; bit < 8; bit++) sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return ~sum;
}

/* A PNG's chunks keep the sums of what is in them. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    size = LLVMFuzzerMutate(data, size, max_size);
    if (seed % 16 == 0 || size < 8 || memcmp(data, "\x89PNG", 4)) return size;
    for (size_t at = 8; size - at >= 12;) {
        size_t n = big_endian(data + at, 4);
        if (n > size - at - 12) break;
        uint32_t sum = crc32(data + at + 4, n + 4);
        for (int i = 0; i < 4; i++) data[at + 8 + n + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        at += 12 + n;
    }
    return size;
}
