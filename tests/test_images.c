/* Decoding: every kind of picture as Pillow has it, every damage an error, no allocation that a header alone asks for. */
#define _GNU_SOURCE
#include "formats/image.h"
#include "tests/pictures.h"
#include "tests/testing.h"
#include <time.h>

enum { MOST_FILES = 200 };

typedef struct golden {
    char name[64];
    unsigned width, height;
    unsigned long long sum;
    unsigned char *bytes;
    size_t n_bytes;
} golden;

static golden goldens[MOST_FILES];
static int n_goldens;

static const char *image_path(const char *name) { return path_of("%s/tests/golden/images/%s", LINNET_SOURCE_DIR, name); }

static void read_goldens(void) {
    FILE *f = fopen(image_path("expected.txt"), "r");
    for (golden *g = goldens; f && n_goldens < MOST_FILES; g++, n_goldens++)
        if (fscanf(f, "%63s %u %u %llx", g->name, &g->width, &g->height, &g->sum) != 4) break;
    if (f) fclose(f);
}

static void read_golden_bytes(void) {
    ck_assert_int_gt(n_goldens, 80);
    for (golden *g = goldens; g < goldens + n_goldens; g++)
        if (!g->bytes) g->bytes = read_file(image_path(g->name), &g->n_bytes);
}

static const golden *golden_of(const char *name) {
    read_golden_bytes();
    for (const golden *g = goldens; g < goldens + n_goldens; g++)
        if (!strcmp(g->name, name)) return g;
    ck_abort_msg("no picture %s", name);
    return NULL;
}

/* Bytes in a buffer of their own length, so that a sanitizer sees what is read behind them. Whether it is a picture; if not,
   the error is one line that begins with the name. */
static bool decodes(const void *bytes, size_t n, lnt_error *err) {
    void *copy = malloc(n ? n : 1);
    lnt_image image = {1, 1, NULL};
    memcpy(copy, bytes, n);
    int rc = lnt_image_decode(copy, n, "cat.jpg", &image, err);
    free(copy);
    if (rc) {
        ck_assert_msg(!strncmp(err->text, "cat.jpg: ", 9) && !strchr(err->text, '\n'), "'%s'", err->text);
        ck_assert(!image.pixels && !image.width && !image.height);
        return false;
    }
    volatile uint64_t sum = sum_of(image.pixels, (size_t)image.width * image.height * 3);
    (void)sum;
    lnt_image_free(&image);
    return true;
}

static void expect_error(const void *bytes, size_t n, const char *word) {
    lnt_error err;
    ck_assert_msg(!decodes(bytes, n, &err), "expected an error of '%s'", word);
    CHECK_ERROR(&err, word);
}

/* ---- what chunks of a PNG end with ---- */

static uint32_t crc32_of(const unsigned char *p, size_t n) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void put_u32(unsigned char *p, uint32_t v) {
    for (int i = 0; i < 4; i++) p[i] = (unsigned char)(v >> (24 - 8 * i));
}

static uint32_t u32_at(const unsigned char *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

/* Right checksums behind all chunks that are whole, so that what they hold is looked at. */
static void mend_png(unsigned char *bytes, size_t n) {
    for (size_t at = 8; at + 12 <= n && u32_at(bytes + at) <= n - at - 12; at += 12 + u32_at(bytes + at))
        put_u32(bytes + at + 8 + u32_at(bytes + at), crc32_of(bytes + at + 4, 4 + u32_at(bytes + at)));
}

/* ---- as Pillow ---- */

START_TEST(test_as_pillow) {
    int bad = 0;
    read_golden_bytes();
    for (const golden *g = goldens; g < goldens + n_goldens; g++) {
        lnt_image image;
        lnt_error err;
        ck_assert_msg(!lnt_image_read(image_path(g->name), &image, &err), "%s", err.text);
        bool same = image.width == g->width && image.height == g->height;
        same = same && sum_of(image.pixels, (size_t)3 * g->width * g->height) == g->sum;
        if (!same && ++bad)
            printf("%s: %ux%u, expected %ux%u, or other bytes than Pillow's\n", g->name, image.width, image.height, g->width, g->height);
        lnt_image_free(&image);
        ck_assert_ptr_null(image.pixels);
    }
    ck_assert_msg(!bad, "%d of %d pictures differ", bad, n_goldens);
}
END_TEST

/* ---- what is no picture ---- */

static const struct stranger {
    const char *bytes, *word;
    size_t n;
} STRANGERS[] = {
#define STRANGER(bytes, word) {bytes, word, sizeof(bytes) - 1}
    STRANGER("", "is empty, expected a JPEG, PNG or PPM picture"),
    STRANGER("\xff", "is no JPEG, PNG or PPM picture, expected one of them"),
    STRANGER("This is a text.\n", "is no JPEG, PNG or PPM picture, expected one of them"),
    STRANGER("GIF89a\1\0\1\0", "is a GIF, expected a JPEG, PNG or PPM picture"),
    STRANGER("RIFF\x24\0\0\0WEBPVP8 ", "is a WebP"),
    STRANGER("BM\x8a\0\0\0", "is a BMP"),
    STRANGER("II*\0\x08\0\0\0", "is a TIFF"),
    STRANGER("MM\0*\0\0\0\x08", "is a TIFF"),
    STRANGER("\0\0\0\x18" "ftypheic", "is a HEIC"),
    STRANGER("\0\0\0\x1c" "ftypavif", "is an AVIF"),
    STRANGER("%PDF-1.7", "is a PDF"),
    STRANGER("P7\nWIDTH 1\n", "is a PAM"),
    STRANGER("P6x", "is no JPEG, PNG or PPM"),
    STRANGER("\x93NUMPY\1\0", "is a NumPy array"),
    STRANGER("P5", "cut off"),
    STRANGER("P5\n0 4\n255\n", "is 0x4 pixels"),
    STRANGER("P5\n4 -4\n255\n", "height"),
    STRANGER("P5\n4 4\n0\n0123456789abcdef", "largest value 0"),
    STRANGER("P5\n4 4\n65536\n0123456789abcdef", "largest value 65536"),
    STRANGER("P5\n00000000004 4\n255\n", "width"),
    STRANGER("P5\n4 4\n255\n0123456789abcde", "cut off"),
    STRANGER("P2 2 1 9 3 10", "has 10, expected at most 9"),
    STRANGER("P2 2 1 9 3 x", "no number"),
    STRANGER("P2 2 1 9 #333", "cut off"),
    STRANGER("P1 3 1 010 2", ""),
    STRANGER("P1 3 1 0120", "not 0 or 1"),
    STRANGER("P3 99999999999999999999999 1 9 3", "width"),
#undef STRANGER
};

START_TEST(test_strangers) {
    const struct stranger *s = &STRANGERS[_i];
    lnt_error err;
    if (*s->word) expect_error(s->bytes, s->n, s->word);
    else ck_assert_msg(decodes(s->bytes, s->n, &err), "%s", err.text);
}
END_TEST

/* ---- damage ---- */

/* A plain PGM's last number may be shorter and still be one. */
static bool may_end_early(const golden *g, size_t n) {
    return strstr(g->name, "garbage") ? n >= g->n_bytes - 7 : !strncmp(g->name, "plain", 5) && n + 6 > g->n_bytes;
}

START_TEST(test_truncated_anywhere) {
    size_t n_cut = 0;
    lnt_error err;
    read_golden_bytes();
    for (const golden *g = goldens; g < goldens + n_goldens; g++)
        for (size_t n = 0; n < g->n_bytes; n++, n_cut++) {
            bool good = decodes(g->bytes, n, &err);
            ck_assert_msg(!good || may_end_early(g, n), "%s: %zu of %zu bytes are a picture", g->name, n, g->n_bytes);
        }
    printf("truncations: %zu\n", n_cut);
}
END_TEST

/* One to four random edits of a picture: bytes, bits, a piece left out or moved. */
static size_t mutate(unsigned char *bytes, size_t n, uint64_t *seed) {
    for (int edits = 1 + (int)(mixed(++*seed) % 4); edits > 0 && n > 1; edits--) {
        uint64_t r = mixed(++*seed);
        size_t at = (r >> 8) % n, to = (r >> 36) % n, most = n - (at > to ? at : to), length = (r >> 24) % 64 % most;
        static const unsigned char VALUES[] = {0, 1, 2, 0x7f, 0x80, 0xfe, 0xff};
        switch (r % 8) {
        case 0: memmove(bytes + to, bytes + at, length); break;
        case 1:
            memmove(bytes + at, bytes + at + length, n - at - length);
            n -= length;
            break;
        case 2: bytes[at] ^= (unsigned char)(1 << (r >> 60) % 8); break;
        case 3: bytes[at] = (unsigned char)(bytes[at] + (r >> 56) % 9 - 4); break;
        default: bytes[at] = VALUES[(r >> 56) % sizeof VALUES];
        }
    }
    return n;
}

/* Edited bytes for a while: an error or a picture, never a crash. LINNET_TEST_SECONDS: how long. */
START_TEST(test_mutations) {
    const char *seconds = getenv("LINNET_TEST_SECONDS"), *start = getenv("LINNET_TEST_SEED");
    time_t end = time(NULL) + (seconds ? atoi(seconds) : 3);
    size_t count[2] = {0};
    uint64_t seed = start ? strtoull(start, NULL, 10) : 1;
    lnt_error err;
    read_golden_bytes();
    while (time(NULL) < end) {
        const golden *g = &goldens[mixed(++seed) % (uint64_t)n_goldens];
        unsigned char *copy = malloc(g->n_bytes);
        memcpy(copy, g->bytes, g->n_bytes);
        size_t n = mutate(copy, g->n_bytes, &seed);
        if (strstr(g->name, ".png") && mixed(++seed) % 4) mend_png(copy, n);
        count[decodes(copy, n, &err)]++;
        free(copy);
    }
    printf("mutations: %zu refused, %zu decoded\n", count[0], count[1]);
    ck_assert_uint_gt(count[0], 0);
    ck_assert_uint_gt(count[1], 0);
}
END_TEST

/* ---- headers that ask for much ---- */

static long peak_kilobytes(void) {
    char line[256];
    long peak = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f)) sscanf(line, "VmPeak: %ld", &peak);
    if (f) fclose(f);
    return peak;
}

static size_t with_size(const golden *g, uint32_t width, uint32_t height, unsigned char *out) {
    memcpy(out, g->bytes, g->n_bytes);
    if (strstr(g->name, ".png")) {
        put_u32(out + 16, width);
        put_u32(out + 20, height);
        put_u32(out + 29, crc32_of(out + 12, 17));
        return g->n_bytes;
    }
    for (size_t i = 0; i + 9 < g->n_bytes; i++)
        if (out[i] == 0xff && (out[i + 1] == 0xc0 || out[i + 1] == 0xc2)) {
            put_u32(out + i + 5, height << 16 | (width & 0xffff));
            return g->n_bytes;
        }
    ck_abort_msg("%s has no size", g->name);
    return 0;
}

START_TEST(test_huge_headers) {
    static const char *const NAMES[] = {"420.jpg",   "progressive-420.jpg",   "cmyk.jpg",
                                        "grey1.png", "rgba16-interlaced.png", "palette8.png"};
    static const uint32_t SIZES[][2] = {{30000, 30000}, {10000, 10001}, {10000, 10000}, {65535, 1000}, {65500, 1500}};
    long before = peak_kilobytes();
    unsigned char bytes[8192];
    char expected[64];
    clock_t start = clock();
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        for (size_t s = 0; s < sizeof SIZES / sizeof *SIZES; s++) {
            const golden *g = golden_of(NAMES[i]);
            uint32_t w = SIZES[s][0], h = SIZES[s][1];
            if (strstr(g->name, ".jpg") && w > 65500) continue; /* libjpeg's own limit */
            ck_assert_uint_lt(g->n_bytes, sizeof bytes);
            size_t n = with_size(g, w, h, bytes);
            bool large = (uint64_t)w * h > LNT_IMAGE_MAX_PIXELS;
            snprintf(expected, sizeof expected, large ? "is %ux%u pixels, expected at most 65535" : "cannot hold %ux%u pixels", w, h);
            expect_error(bytes, n, expected);
        }
    expect_error(bytes, with_size(golden_of("grey1.png"), 65536, 1, bytes), "is 65536x1 pixels");
    expect_error("P6 30000 30000 255 x", 20, "is 30000x30000 pixels");
    expect_error("P6 65536 1 255 xxxxx", 20, "is 65536x1 pixels");
    expect_error("P6 10000 10000 255 x", 20, "cannot hold 10000x10000 pixels");
    expect_error("P1 4294967297 1 0000", 20, "is 4294967297x1 pixels");
    ck_assert_msg(clock() - start < 2 * CLOCKS_PER_SEC, "took %.1f s", (double)(clock() - start) / CLOCKS_PER_SEC);
    ck_assert_int_gt(before, 0);
    ck_assert_msg(peak_kilobytes() - before < 32 << 10, "%ld KB were allocated", peak_kilobytes() - before);
}
END_TEST

/* A progressive JPEG of one block: a scan for the first coefficient, then for each other one, a bit at a time. */
static size_t many_scans(int n_scans, unsigned char *out) {
    static const unsigned char QUANTIZATION[] = {0xff, 0xdb, 0, 67, 0};
    static const unsigned char FRAME[] = {0xff, 0xc2, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0};
    static const unsigned char CODES[] = {0xff, 0xc4, 0, 20, 0x00, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    unsigned char *p = out;
    p = mempcpy(p, "\xff\xd8", 2);
    p = mempcpy(p, QUANTIZATION, sizeof QUANTIZATION);
    p = memset(p, 1, 64), p += 64;
    p = mempcpy(p, FRAME, sizeof FRAME);
    p = mempcpy(p, CODES, sizeof CODES);
    p = mempcpy(p, CODES, sizeof CODES);
    p[4 - (int)sizeof CODES] = 0x10; /* the second table is of the other coefficients */
    for (int scan = 0; scan < n_scans; scan++) {
        int k = scan ? 1 + (scan - 1) / 10 : 0, bit = scan ? 9 - (scan - 1) % 10 : 0, before = scan && bit < 9 ? bit + 1 : 0;
        unsigned char at = (unsigned char)k, bits = (unsigned char)(before << 4 | bit);
        unsigned char header[] = {0xff, 0xda, 0, 8, 1, 1, 0, at, at, bits, 0x7f};
        p = mempcpy(p, header, sizeof header);
    }
    p = mempcpy(p, "\xff\xd9", 2);
    return (size_t)(p - out);
}

START_TEST(test_many_scans) {
    unsigned char *bytes = malloc(20000);
    lnt_error err;
    ck_assert_msg(decodes(bytes, many_scans(490, bytes), &err), "%s", err.text);
    expect_error(bytes, many_scans(620, bytes), "more than 500 scans");
    free(bytes);
}
END_TEST

/* Bytes between segments that mean nothing and a baseline scan that says of which coefficients it is are common and harmless;
   damage inside the picture's data is not. */
START_TEST(test_warnings) {
    const golden *g = golden_of("444.jpg");
    unsigned char bytes[4096];
    lnt_error err;
    memcpy(bytes, g->bytes, g->n_bytes - 2);
    memcpy(bytes + g->n_bytes - 2, "zz\xff\xd9", 4);
    ck_assert_msg(decodes(bytes, g->n_bytes + 2, &err), "%s", err.text);
    memcpy(bytes, g->bytes, g->n_bytes);
    unsigned char *scan = memmem(bytes, g->n_bytes, "\xff\xda\0\x0c\3", 5);
    ck_assert(scan && scan[12] == 63);
    scan[12] = 0;
    ck_assert_msg(decodes(bytes, g->n_bytes, &err), "%s", err.text);
    memcpy(bytes, g->bytes, g->n_bytes);
    memcpy(bytes + g->n_bytes - 40, "\xff\xd9", 2);
    expect_error(bytes, g->n_bytes, "is a corrupt JPEG: Corrupt JPEG data: premature end of data segment");
    memcpy(bytes, g->bytes, g->n_bytes);
    expect_error(bytes, g->n_bytes - 2, "is a JPEG that is cut off");
}
END_TEST

/* ---- orientation ---- */

/* A directory of one entry, and all kinds of lies about where it is. */
START_TEST(test_exif_lies) {
    unsigned char good[26] = {'I', 'I', '*', 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0};
    ck_assert_int_eq(exif_orientation(good, sizeof good), 6);
    for (size_t n = 0; n < 22; n++) {
        unsigned char *cut = malloc(n ? n : 1);
        memcpy(cut, good, n);
        ck_assert_int_eq(exif_orientation(cut, n), 0);
        free(cut);
    }
    static const struct {
        size_t at;
        unsigned char value;
    } LIES[] = {{0, 'X'},  {1, 'M'}, {2, 'x'}, {4, 25}, {7, 0xff}, {8, 0}, {10, 0x13},
                {12, 2}, {14, 2}, {17, 1}, {18, 9}, {18, 0}, {19, 1}};
    for (size_t i = 0; i < sizeof LIES / sizeof *LIES; i++) {
        unsigned char bad[sizeof good];
        memcpy(bad, good, sizeof good);
        bad[LIES[i].at] = LIES[i].value;
        ck_assert_msg(exif_orientation(bad, sizeof bad) == 0, "lie %zu", i);
    }
    ck_assert_int_eq(xmp_orientation((const unsigned char *)"tiff:Orientation=\"7\"", 20), 7);
    ck_assert_int_eq(xmp_orientation((const unsigned char *)"tiff:Orientation=\"7", 18), 0);
    ck_assert_int_eq(xmp_orientation((const unsigned char *)"tiff:Orientation>", 17), 0);
    ck_assert_int_eq(xmp_orientation((const unsigned char *)"tiff:Orientation", 16), 0);
    ck_assert_int_eq(xmp_orientation((const unsigned char *)"tttiff:Orientation>x tiff:Orientation>2", 39), 2);
}
END_TEST

/* ---- files ---- */

START_TEST(test_files) {
    lnt_image image = {1, 1, NULL};
    lnt_error err;
    const char *none = path_of("%s/none.jpg", test_folder), *pipe = path_of("%s/pipe.jpg", test_folder);
    const char *large = path_of("%s/large.jpg", test_folder);
    ck_assert_int_eq(lnt_image_read(none, &image, &err), -1);
    CHECK_ERROR(&err, none, "No such file");
    ck_assert(!image.pixels && !image.width);
    ck_assert_int_eq(lnt_image_read(test_folder, &image, &err), -1);
    CHECK_ERROR(&err, test_folder, "is a directory");
    ck_assert_int_eq(mkfifo(pipe, 0600), 0);
    ck_assert_int_eq(lnt_image_read(pipe, &image, &err), -1);
    CHECK_ERROR(&err, pipe, "is not a regular file");
    write_file(large, "", 0);
    ck_assert_int_eq(lnt_image_read(large, &image, &err), -1);
    CHECK_ERROR(&err, large, "is empty");
    ck_assert_int_eq(truncate(large, ((off_t)1 << 30) + 1), 0);
    ck_assert_int_eq(lnt_image_read(large, &image, &err), -1);
    CHECK_ERROR(&err, large, "at most 1073741824");
    ck_assert_int_eq(lnt_image_read(large, &image, NULL), -1);
    lnt_image_free(NULL);
}
END_TEST

int main(void) {
    make_test_folder();
    read_goldens();
    TCase *t = tcase_create("images");
    tcase_set_timeout(t, 600);
    tcase_add_test(t, test_as_pillow);
    tcase_add_loop_test(t, test_strangers, 0, sizeof STRANGERS / sizeof *STRANGERS);
    tcase_add_test(t, test_truncated_anywhere);
    tcase_add_test(t, test_mutations);
    tcase_add_test(t, test_huge_headers);
    tcase_add_test(t, test_many_scans);
    tcase_add_test(t, test_warnings);
    tcase_add_test(t, test_exif_lies);
    tcase_add_test(t, test_files);
    int rc = run_suite("images", (TCase *const[]){t, NULL});
    remove_test_folder();
    return rc;
}
