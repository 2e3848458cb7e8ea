/* Every byte as Pillow's, over pictures that tests/golden/resize.py drew by the same rules. */
#include "engine/resize.h"
#include "tests/pictures.h"
#include "tests/testing.h"
#include <time.h>

static uint64_t state;
static uint32_t below(uint32_t n) { return (uint32_t)((mixed(++state) >> 11) % n); }
static uint32_t size(uint32_t most) { return 1 + below(most); }

typedef struct resize_case {
    uint32_t channels, width, height, out_width, out_height;
    resize_filter filter;
} resize_case;

static void set_sizes(resize_case *c, uint32_t width, uint32_t height, uint32_t out_width, uint32_t out_height) {
    c->width = width, c->height = height, c->out_width = out_width, c->out_height = out_height;
}

/* Arguments of a call are evaluated in no order. */
static void draw_sizes_up_to(resize_case *c, uint32_t width, uint32_t height, uint32_t out_width, uint32_t out_height) {
    c->width = size(width);
    c->height = size(height);
    c->out_width = size(out_width);
    c->out_height = size(out_height);
}

static uint32_t near(uint32_t n) {
    uint32_t more = n + below(5);
    return more > 2 ? more - 2 : 1;
}

static void draw_sizes(resize_case *c) {
    uint32_t kind = below(16);
    if (kind < 10) draw_sizes_up_to(c, 200, 200, 200, 200);
    else if (kind == 10) draw_sizes_up_to(c, 700, 500, 300, 300);
    else if (kind == 11) draw_sizes_up_to(c, 100, 100, 700, 500);
    else if (kind == 12) draw_sizes_up_to(c, 3, 2000, 500, 3);
    else if (kind == 13) draw_sizes_up_to(c, 2000, 3, 3, 500);
    else {
        uint32_t w = size(200), h = size(200);
        if (kind == 14) {
            uint32_t other = size(200), which = below(3);
            set_sizes(c, w, h, which == 1 ? other : w, which == 0 ? other : h);
        } else {
            uint32_t out_width = near(w), out_height = near(h);
            set_sizes(c, w, h, out_width, out_height);
        }
    }
}

static uint8_t *draw_pixels(const resize_case *c, uint64_t number) {
    uint32_t style = below(3);
    size_t n = (size_t)c->width * c->height * c->channels;
    uint8_t *pixels = malloc(n);
    ck_assert_ptr_nonnull(pixels);
    if (style == 2) {
        uint32_t a = below(16), b = below(16), k = below(256);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t x = i / c->channels % c->width, y = i / c->channels / c->width, z = i % c->channels;
            pixels[i] = (uint8_t)(x * a + y * b + z * k);
        }
        return pixels;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t noise = (uint8_t)(mixed((number << 32) + (UINT64_C(1) << 31) + i) >> 56);
        pixels[i] = style == 0 ? noise : noise >> 7 ? 255 : 0;
    }
    return pixels;
}

static uint64_t case_sum(uint64_t number, resize_case *c) {
    static const uint32_t CHANNELS[] = {1, 3, 4};
    lnt_error err;
    state = number << 32;
    c->channels = CHANNELS[below(3)];
    c->filter = (resize_filter)below(6);
    draw_sizes(c);
    size_t bytes = (size_t)c->out_width * c->out_height * c->channels;
    uint8_t *in = draw_pixels(c, number), *out = malloc(bytes);
    int rc = resize_image(in, c->width, c->height, c->channels, c->filter, c->out_width, c->out_height, out, &err);
    ck_assert_msg(!rc, "%s", err.text);
    uint64_t sum = sum_of(out, bytes);
    free(in);
    free(out);
    return sum;
}

START_TEST(test_as_pillow) {
    size_t bytes, bad = 0;
    uint64_t *sums = read_file(path_of("%s/tests/golden/resize.sums", LINNET_SOURCE_DIR), &bytes);
    ck_assert_uint_ge(bytes / sizeof *sums, 6000);
    for (uint64_t i = 0; i < bytes / sizeof *sums; i++) {
        resize_case c;
        if (case_sum(i, &c) == sums[i]) continue;
        if (bad++ < 20)
            printf("case %llu: %ux%u to %ux%u, %u channels, %s: differs from Pillow\n", (unsigned long long)i, c.width, c.height,
                   c.out_width, c.out_height, c.channels, resize_filter_name(c.filter));
    }
    free(sums);
    ck_assert_msg(bad == 0, "%zu of %zu cases differ", bad, bytes / sizeof *sums);
}
END_TEST

/* Two channels, which Pillow's sums leave out: each is what it is alone. */
START_TEST(test_channels_are_apart) {
    enum { W = 37, H = 23, OUT_W = 19, OUT_H = 41 };
    uint8_t both[W * H * 2], one[W * H], out_both[OUT_W * OUT_H * 2], out_one[OUT_W * OUT_H];
    for (int f = 0; f < RESIZE_FILTERS; f++)
        for (size_t c = 0; c < 2; c++) {
            for (size_t i = 0; i < sizeof both; i++) both[i] = (uint8_t)mixed(i);
            for (size_t i = 0; i < sizeof one; i++) one[i] = both[2 * i + c];
            ck_assert_int_eq(resize_image(both, W, H, 2, (resize_filter)f, OUT_W, OUT_H, out_both, NULL), 0);
            ck_assert_int_eq(resize_image(one, W, H, 1, (resize_filter)f, OUT_W, OUT_H, out_one, NULL), 0);
            for (size_t i = 0; i < sizeof out_one; i++) ck_assert_uint_eq(out_one[i], out_both[2 * i + c]);
        }
}
END_TEST

/* The longest sides there are, where weights are the most or the smallest; grey stays grey. */
START_TEST(test_longest_sides) {
    enum { LONG = LNT_IMAGE_MAX_SIDE };
    static uint8_t in[LONG], out[LONG];
    memset(in, 77, LONG);
    static const uint32_t SIZES[][4] = {{LONG, 1, 1, 1},    {1, LONG, 1, 1},    {1, 1, LONG, 1},       {1, 1, 1, LONG},
                                        {LONG, 1, 1, LONG}, {1, LONG, LONG, 1}, {LONG, 1, LONG - 1, 1}};
    for (int f = 0; f < RESIZE_FILTERS; f++)
        for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
            const uint32_t *s = SIZES[i];
            size_t n = (size_t)s[2] * s[3], at = 0;
            memset(out, 1, LONG);
            ck_assert_int_eq(resize_image(in, s[0], s[1], 1, (resize_filter)f, s[2], s[3], out, NULL), 0);
            while (at < n && out[at] == 77) at++;
            ck_assert_msg(at == n, "%s, sizes %zu: %u at %zu", resize_filter_name((resize_filter)f), i, out[at], at);
        }
}
END_TEST

START_TEST(test_names) {
    resize_filter filter;
    for (int f = 0; f < RESIZE_FILTERS; f++) {
        ck_assert(resize_filter_from_name(resize_filter_name((resize_filter)f), &filter));
        ck_assert_int_eq((int)filter, f);
    }
    ck_assert(!resize_filter_from_name("cubic", &filter));
    ck_assert(!resize_filter_from_name("", &filter));
}
END_TEST

/* ---- speed: `test_resize speed`, beside `resize.py --speed` ---- */

static double milliseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void print_speed(uint32_t width, uint32_t height, uint32_t out_width, uint32_t out_height) {
    uint8_t *in = malloc((size_t)width * height * 3), *out = malloc((size_t)out_width * out_height * 3);
    for (size_t i = 0; i < (size_t)width * height * 3; i++) in[i] = (uint8_t)(mixed(i) >> 56);
    for (int f = 0; f < RESIZE_FILTERS; f++) {
        double best = 1e9;
        for (int run = 0; run < 12; run++) {
            double start = milliseconds();
            resize_image(in, width, height, 3, (resize_filter)f, out_width, out_height, out, NULL);
            double took = milliseconds() - start;
            if (took < best) best = took;
        }
        printf("%ux%u to %ux%u, %s: %.1f ms\n", width, height, out_width, out_height, resize_filter_name((resize_filter)f), best);
    }
    free(in);
    free(out);
}

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "speed")) {
        print_speed(4000, 3000, 224, 224);
        print_speed(224, 224, 1000, 1000);
        return 0;
    }
    TCase *t = tcase_create("resize");
    tcase_set_timeout(t, 600);
    tcase_add_test(t, test_as_pillow);
    tcase_add_test(t, test_channels_are_apart);
    tcase_add_test(t, test_longest_sides);
    tcase_add_test(t, test_names);
    return run_suite("resize", (TCase *const[]){t, NULL});
}
