/* Every level against the scalar one, bit for bit; the scalar one against plain double computations.
   LINNET_TEST_CASES=N draws N random cases per kernel (emulators are slow). */
#include "tests/kernel_rows.h"
#include "tests/testing.h"

static const char *self;

/* ---- linear ---- */

typedef struct linear_case {
    matrix m;
    size_t rows, stride; /* floats */
    float *x;
    linear_args args;
} linear_case;

static linear_case draw_linear(weight_type type, size_t rows, size_t n, size_t k) {
    const size_t stride = round_up(k, 16) + draw() % 3 * 16;
    linear_case c = {.m = draw_matrix(type, n, k), .rows = rows, .stride = stride, .x = rows_of(rows, k, stride)};
    c.args = (linear_args){.x = c.x, .x_stride = stride * sizeof(float), .w = c.m.w, .w_scale = c.m.scale, .w_sum = c.m.sum,
                           .k = k, .act = (activation)(draw() % ACTIVATIONS), .stream = draw() % 2};
    if (type >= WEIGHT_Q8) {
        const size_t bytes = quantized_row_bytes(k) + draw() % 2 * 64;
        char *q = buffer(rows * bytes);
        for (size_t r = 0; r < rows; r++) kernels_level("scalar")->quantize(c.x + r * stride, NULL, k, q + r * bytes);
        c.args.x = q;
        c.args.x_stride = bytes;
    }
    if (draw() % 4) c.args.bias = floats(c.m.panels * 16);
    if (draw() % 2) {
        c.args.residual_stride = c.m.panels * 16 + draw() % 2 * 16;
        c.args.residual = rows_of(rows, c.m.panels * 16, c.args.residual_stride);
    }
    c.args.y_stride = c.m.panels * 16 + draw() % 2 * 16;
    return c;
}

static float *run_linear(const linear_case *c, const kernels *k, bool in_parts) {
    linear_args a = c->args;
    a.y = buffer(c->rows * a.y_stride * sizeof(float));
    if (!in_parts) {
        k->linear[c->m.type](&a, 0, c->rows, 0, c->m.panels);
    } else {
        const size_t row = draw_between(0, c->rows), panel = draw_between(0, c->m.panels);
        k->linear[c->m.type](&a, row, c->rows, 0, panel);
        for (size_t r = 0; r < row; r++) k->linear[c->m.type](&a, r, r + 1, 0, c->m.panels);
        k->linear[c->m.type](&a, row, c->rows, panel, c->m.panels);
    }
    return a.y;
}

static void check_linear(weight_type type, size_t rows, size_t n, size_t k) {
    const linear_case c = draw_linear(type, rows, n, k);
    const size_t bytes = c.rows * c.args.y_stride * sizeof(float);
    char what[128];
    snprintf(what, sizeof what, "linear %s rows %zu n %zu k %zu act %d", type_names[type], rows, n, k, (int)c.args.act);
    const float *expected = run_linear(&c, kernels_level("scalar"), false);
    FOR_LEVELS(level) {
        same(run_linear(&c, level, false), expected, bytes, level->level, what);
        same(run_linear(&c, level, true), expected, bytes, level->level, what);
    }
    release();
}

START_TEST(linear_levels) {
    const weight_type type = (weight_type)_i;
    const size_t ks[] = {1, 2, 3, 4, 15, 16, 17, 63, 64, 65, 100, 127, 128, 192, 255, 256, 257, 300, 513, 768};
    for (size_t rows = 1; rows <= 33 && rows <= cases; rows++)
        check_linear(type, rows, draw_between(1, 100), ks[rows % (sizeof ks / sizeof *ks)]);
    for (size_t i = 0; i < sizeof ks / sizeof *ks && i < cases; i++)
        check_linear(type, draw_between(1, 20), draw_between(1, 160), ks[i]);
    for (size_t i = 0; i < cases; i++) check_linear(type, draw_between(1, 33), draw_between(1, 100), draw_between(1, 300));
    check_linear(type, 1, 300, 700);
    if (cases > 20) check_linear(type, 101, 40, 1100), check_linear(type, 50, 200, 600), check_linear(type, 1, 33, 3072);
}
END_TEST

/* Makes the pairs of a q8 matrix small, some of them as large as they may be. */
static void limit_pairs(const matrix *m) {
    static const int8_t extremes[][2] = {{64, 64}, {-64, -64}, {127, 1}, {-1, -127}, {127, -127}, {-127, 127}, {100, 28}};
    const size_t kp = round_up(m->k, QUANT_PAD);
    int32_t *sums = m->sum;
    memset(sums, 0, m->panels * 64);
    for (size_t o = 0; o < m->n; o++)
        for (size_t i = 0; i < kp; i += 2) {
            int8_t *w = (int8_t *)m->w + ((o / 16 * (kp / 4) + i / 4) * 16 + o % 16) * 4 + i % 4;
            const size_t choice = draw() % 16;
            if (i + 1 < m->k && choice < sizeof extremes / sizeof *extremes) memcpy(w, extremes[choice], 2);
            while (w[0] + w[1] > 128) w[draw() % 2]--;
            while (w[0] + w[1] < -128) w[draw() % 2]++;
            sums[o] += w[0] + w[1];
        }
}

static void check_pairs(size_t rows, size_t n, size_t k) {
    linear_case c = draw_linear(WEIGHT_Q8, rows, n, k);
    const size_t bytes = c.rows * c.args.y_stride * sizeof(float);
    limit_pairs(&c.m);
    for (size_t r = 0; r < rows; r++) /* as large as they may be, too */
        if (draw() % 3 == 0) memset((char *)c.args.x + r * c.args.x_stride, 255, k);
    const float *expected = run_linear(&c, kernels_level("scalar"), false);
    c.args.pairs = true;
    FOR_LEVELS(level) {
        same(run_linear(&c, level, false), expected, bytes, level->level, "linear q8 of small pairs");
        same(run_linear(&c, level, true), expected, bytes, level->level, "linear q8 of small pairs, in parts");
    }
    release();
}

START_TEST(linear_pairs) {
    for (size_t rows = 1; rows <= 30 && rows <= cases; rows++) check_pairs(rows, draw_between(1, 100), draw_between(1, 300));
    for (size_t i = 0; i < cases; i++) check_pairs(i % 4 ? draw_between(1, 33) : 1, draw_between(1, 70), draw_between(1, i % 5 ? 300 : 1400));
    if (cases > 20) check_pairs(1, 33, 3072), check_pairs(70, 20, 3072), check_pairs(401, 33, 100);
}
END_TEST

/* Panels of halves side by side give what the same panels do one after another. */
START_TEST(linear_beside) {
    for (size_t i = 0; i < cases; i++) {
        const size_t k = draw_between(1, i % 4 ? 130 : 600), groups = draw_between(1, 3), panels = 4 * groups;
        linear_case c = draw_linear(WEIGHT_F16, i % 3 ? draw_between(1, 30) : 1, 16 * panels, k);
        const size_t bytes = c.rows * c.args.y_stride * sizeof(float);
        const float *expected = run_linear(&c, kernels_level("scalar"), false);
        uint16_t *beside = buffer(panels * k * 32);
        for (size_t p = 0; p < panels; p++)
            for (size_t at = 0; at < k; at++)
                memcpy(beside + ((p / 4 * k + at) * 4 + p % 4) * 16, (uint16_t *)c.m.w + (p * k + at) * 16, 32);
        c.args.w = beside;
        c.args.beside = 4;
        FOR_LEVELS(level) {
            same(run_linear(&c, level, false), expected, bytes, level->level, "linear, panels side by side");
            linear_args a = c.args;
            a.y = buffer(bytes);
            const size_t half = groups / 2 * 4;
            level->linear[WEIGHT_F16](&a, 0, c.rows, half, panels);
            level->linear[WEIGHT_F16](&a, 0, c.rows, 0, half);
            same(a.y, expected, bytes, level->level, "linear, panels side by side, in parts");
        }
        release();
    }
}
END_TEST

/* The float of `type` is within its rounding of the exact sum of what its inputs stand for. */
START_TEST(linear_exact) {
    const weight_type type = (weight_type)_i;
    for (size_t i = 0; i < cases; i++) {
        linear_case c = draw_linear(type, draw_between(1, 5), draw_between(1, 40), draw_between(1, 400));
        c.args.act = ACT_NONE;
        const float *y = run_linear(&c, kernels_level("scalar"), false);
        for (size_t r = 0; r < c.rows; r++)
            for (size_t n = 0; n < c.m.n; n++) {
                /* a scale below the normal range has few bits */
                if (type >= WEIGHT_Q8 && *quantized_scale((char *)c.args.x + r * c.args.x_stride, c.m.k) < 1e-30f) break;
                double sum = c.args.bias ? c.args.bias[n] : 0, size = fabs(sum);
                for (size_t k = 0; k < c.m.k; k++) {
                    double x = c.x[r * c.stride + k];
                    if (type >= WEIGHT_Q8) {
                        char *row = (char *)c.args.x + r * c.args.x_stride;
                        int32_t zero;
                        memcpy(&zero, quantized_scale(row, c.m.k) + 1, sizeof zero);
                        x = (double)*quantized_scale(row, c.m.k) * ((uint8_t)row[k] - zero);
                        size += fabs(c.m.exact[n * c.m.k + k] * (double)*quantized_scale(row, c.m.k) * zero);
                    }
                    sum += x * c.m.exact[n * c.m.k + k];
                    size += fabs(x * c.m.exact[n * c.m.k + k]);
                }
                if (c.args.residual) sum += c.args.residual[r * c.args.residual_stride + n], size += fabs(sum);
                const float got = y[r * c.args.y_stride + n];
                if (!near(got, sum, size * ((double)c.m.k + 8) * 0x1p-24 + 1e-40))
                    ck_abort_msg("%s: %g instead of %g", type_names[type], (double)got, sum);
            }
        release();
    }
}
END_TEST

START_TEST(residual_in_place) {
    for (size_t i = 0; i < cases; i++) {
        linear_case c = draw_linear((weight_type)(i % WEIGHT_TYPES), draw_between(1, 14), draw_between(1, 60), draw_between(1, 90));
        c.args.residual_stride = c.args.y_stride;
        c.args.residual = rows_of(c.rows, c.args.y_stride, c.args.y_stride);
        const size_t bytes = c.rows * c.args.y_stride * sizeof(float);
        const float *expected = run_linear(&c, kernels_level("scalar"), false);
        FOR_LEVELS(level) {
            linear_args a = c.args;
            a.y = buffer(bytes);
            memcpy(a.y, a.residual, bytes);
            a.residual = a.y;
            level->linear[c.m.type](&a, 0, c.rows, 0, c.m.panels);
            for (size_t r = 0; r < c.rows; r++)
                same(a.y + r * a.y_stride, expected + r * a.y_stride, c.m.panels * 64, level->level, "residual in place");
        }
        release();
    }
}
END_TEST

START_TEST(weight_rows) {
    const weight_type type = (weight_type)_i;
    for (size_t i = 0; i < cases; i++) {
        const size_t n = draw_between(1, 70), k = draw_between(1, 200), row = draw_between(0, n - 1);
        const matrix m = draw_matrix(type, n, k);
        FOR_LEVELS(level) {
            float *y = buffer(round_up(k, 16) * sizeof *y);
            level->weight_row[type](m.w, m.scale, k, row, y);
            for (size_t j = 0; j < round_up(k, 16); j++) {
                const float expected = j < k ? (float)m.exact[row * k + j] : 0;
                if (y[j] != expected)
                    ck_abort_msg("%s: %s [%zu] is %g instead of %g", level->level, type_names[type], j, (double)y[j], (double)expected);
            }
        }
        release();
    }
}
END_TEST

/* ---- attention ---- */

typedef struct attention_case {
    attention_args args;
    float *k, *v; /* [n_keys][head_dim] */
} attention_case;

static attention_case draw_attention(size_t n_rows, size_t n_keys, size_t head_dim, bool causal) {
    const size_t capacity = round_up(n_keys + draw() % 40, 16);
    const size_t k_floats = capacity * head_dim, v_floats = round_up(head_dim, 16) * capacity;
    attention_case c = {.k = floats(n_keys * head_dim), .v = floats(n_keys * head_dim)};
    float *k_panels = floats(k_floats), *v_panels = floats(v_floats);
    for (size_t j = 0; j < n_keys; j++)
        kernels_level("scalar")->kv_store(c.k + j * head_dim, 0, c.v + j * head_dim, 0, 1, head_dim, j, capacity, k_panels, v_panels);
    const size_t q_stride = head_dim + draw() % 2 * 24;
    c.args = (attention_args){.q = rows_of(n_rows, head_dim, q_stride), .q_stride = q_stride, .k_panels = k_panels,
                              .v_panels = v_panels, .capacity = capacity, .head_dim = head_dim, .n_rows = n_rows,
                              .n_keys = n_keys, .causal = causal, .scale = 1 / sqrtf((float)head_dim),
                              .out_stride = head_dim + draw() % 2 * 8, .p_stride = n_keys + draw() % 2 * 5,
                              .scratch = buffer(attention_scratch_floats(n_keys, head_dim) * sizeof(float))};
    return c;
}

/* Runs rows in chunks of `chunk`, each seeing the keys that a prompt processed in such chunks would have. */
static float *run_attention(const attention_case *c, const kernels *k, size_t chunk, float **probabilities) {
    attention_args a = c->args;
    float *out = buffer(a.n_rows * a.out_stride * sizeof *out);
    *probabilities = buffer(a.n_rows * a.p_stride * sizeof *out);
    for (size_t row = 0; row < c->args.n_rows; row += chunk) {
        a.n_rows = chunk < c->args.n_rows - row ? chunk : c->args.n_rows - row;
        a.q = c->args.q + row * a.q_stride;
        a.n_keys = a.causal ? c->args.n_keys - c->args.n_rows + row + a.n_rows : c->args.n_keys;
        a.out = out + row * a.out_stride;
        a.probabilities = *probabilities + row * a.p_stride;
        k->attention(&a);
    }
    return out;
}

static void check_attention(size_t n_rows, size_t n_keys, size_t head_dim, bool causal) {
    const attention_case c = draw_attention(n_rows, n_keys, head_dim, causal);
    char what[96];
    snprintf(what, sizeof what, "attention rows %zu keys %zu head_dim %zu causal %d", n_rows, n_keys, head_dim, causal);
    float *expected_p, *p;
    const float *expected = run_attention(&c, kernels_level("scalar"), 1, &expected_p);
    FOR_LEVELS(level) {
        const size_t chunks[] = {n_rows, draw_between(1, n_rows)};
        for (size_t i = 0; i < 2; i++) {
            const float *out = run_attention(&c, level, chunks[i], &p);
            same(out, expected, n_rows * c.args.out_stride * sizeof(float), level->level, what);
            same(p, expected_p, n_rows * c.args.p_stride * sizeof(float), level->level, what);
        }
    }
    release();
}

START_TEST(attention_levels) {
    const size_t head_dims[] = {24, 64, 80, 1, 40};
    for (size_t i = 0; i < cases; i++) {
        const size_t keys = draw_between(1, i % 8 ? 200 : 600), rows = draw_between(1, keys < 40 ? keys : 40);
        check_attention(i % 3 ? rows : 1, keys, head_dims[i % 5], draw() % 4);
    }
}
END_TEST

START_TEST(attention_exact) {
    for (size_t i = 0; i < cases; i++) {
        const size_t keys = draw_between(1, 70), rows = draw_between(1, keys), d = draw_between(1, 40);
        attention_case c = draw_attention(rows, keys, d, i % 2);
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < d; j++) ((float *)c.args.q)[r * c.args.q_stride + j] = draw_normal();
        for (size_t j = 0; j < keys * d; j++) c.k[j] = draw_normal(), c.v[j] = draw_normal();
        for (size_t j = 0; j < keys; j++)
            kernels_level("scalar")->kv_store(c.k + j * d, 0, c.v + j * d, 0, 1, d, j, c.args.capacity, (float *)c.args.k_panels, (float *)c.args.v_panels);
        float *p;
        const float *out = run_attention(&c, kernels_level("scalar"), rows, &p);
        for (size_t r = 0; r < rows; r++) {
            const size_t seen = c.args.causal ? keys - rows + r + 1 : keys;
            double e[70], sum = 0;
            for (size_t j = 0; j < seen; j++) {
                double s = 0;
                for (size_t k = 0; k < d; k++) s += (double)c.args.q[r * c.args.q_stride + k] * (double)c.k[j * d + k];
                sum += e[j] = exp(s * (double)c.args.scale);
            }
            for (size_t j = 0; j < seen; j++)
                holds(near(p[r * c.args.p_stride + j], e[j] / sum, 1e-5));
            for (size_t k = 0; k < d; k++) {
                double o = 0;
                for (size_t j = 0; j < seen; j++) o += e[j] / sum * (double)c.v[j * d + k];
                holds(near(out[r * c.args.out_stride + k], o, 2e-5));
            }
        }
        release();
    }
}
END_TEST

START_TEST(kv_store_levels) {
    for (size_t i = 0; i < cases; i++) {
        const size_t d = draw_between(1, 90), capacity = 16 * draw_between(1, 4), at = draw_between(0, capacity - 1), n = draw_between(1, capacity - at);
        const size_t k_stride = d + draw_between(0, 5), v_stride = d + draw_between(0, 5), k_bytes = capacity * d * 4, v_bytes = capacity * round_up(d, 16) * 4;
        float *k = floats(n * k_stride), *v = floats(n * v_stride), *k0 = buffer(k_bytes), *v0 = buffer(v_bytes);
        kernels_level("scalar")->kv_store(k, k_stride, v, v_stride, n, d, at, capacity, k0, v0);
        for (size_t r = 0; r < n; r++)
            for (size_t j = 0; j < d; j++) {
                holds(!memcmp(&k0[((at + r) / 16 * d + j) * 16 + (at + r) % 16], &k[r * k_stride + j], 4));
                holds(!memcmp(&v0[(j / 16 * capacity + at + r) * 16 + j % 16], &v[r * v_stride + j], 4));
            }
        FOR_LEVELS(level) {
            float *k1 = buffer(k_bytes), *v1 = buffer(v_bytes);
            level->kv_store(k, k_stride, v, v_stride, n, d, at, capacity, k1, v1);
            same(k1, k0, k_bytes, level->level, "kv_store keys");
            same(v1, v0, v_bytes, level->level, "kv_store values");
        }
        release();
    }
}
END_TEST

/* ---- choosing a level ---- */

/* kernels_best() of a new process under LINNET_CPU=cap */
static void best_under(const char *cap, char *name, size_t size) {
    int pipe_ends[2];
    ck_assert_int_eq(pipe(pipe_ends), 0);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (!child) {
        if (cap)
            setenv("LINNET_CPU", cap, 1);
        else
            unsetenv("LINNET_CPU");
        dup2(pipe_ends[1], 1);
        execl(self, self, "best", (char *)NULL);
        _exit(127);
    }
    close(pipe_ends[1]);
    size_t used = 0;
    for (ssize_t n; (n = read(pipe_ends[0], name + used, size - 1 - used)) > 0;) used += (size_t)n;
    name[used] = 0;
    close(pipe_ends[0]);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

START_TEST(levels) {
    char name[64];
    const char *const *names = kernels_levels(), *best = NULL;
    ck_assert_str_eq(names[0], "scalar");
    for (size_t i = 0; names[i]; i++) {
        ck_assert_str_eq(kernels_level(names[i])->level, names[i]);
        best_under(names[i], name, sizeof name);
        ck_assert_str_eq(name, names[i]);
        best = names[i];
    }
    best_under(NULL, name, sizeof name);
    ck_assert_str_eq(name, best);
    best_under("", name, sizeof name);
    ck_assert_str_eq(name, best);
    best_under("mmx", name, sizeof name);
    ck_assert_str_eq(name, "none");
    ck_assert_ptr_null(kernels_level("mmx"));
}
END_TEST

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "best")) {
        const kernels *k = kernels_best();
        fputs(k ? k->level : "none", stdout);
        return 0;
    }
    self = argv[0];
    const char *wanted = getenv("LINNET_TEST_CASES");
    cases = wanted ? strtoul(wanted, NULL, 10) : 100;

    for (const char *const *name = kernels_levels(); *name; name++) printf("level %s\n", *name);
    fflush(stdout);
    TCase *linear = tcase_create("linear"), *rows = tcase_create("rows"), *ties = tcase_create("ties"), *select = tcase_create("levels");
    tcase_set_tags(ties, "real-cpu");
    tcase_set_tags(select, "real-cpu starts-itself");
    tcase_set_timeout(linear, 600);
    tcase_set_timeout(rows, 600);
    tcase_add_loop_test(linear, linear_levels, 0, WEIGHT_TYPES);
    tcase_add_loop_test(linear, linear_exact, 0, WEIGHT_TYPES);
    tcase_add_loop_test(linear, weight_rows, 0, WEIGHT_TYPES);
    tcase_add_test(linear, linear_beside);
    tcase_add_test(linear, linear_pairs);
    tcase_add_test(linear, residual_in_place);
    tcase_add_test(linear, attention_levels);
    tcase_add_test(linear, attention_exact);
    tcase_add_test(linear, kv_store_levels);
    tcase_add_test(rows, norm_levels);
    tcase_add_test(rows, norm_rows_levels);
    tcase_add_test(rows, norm_l2_levels);
    tcase_add_test(rows, pool_levels);
    tcase_add_test(rows, quantize_levels);
    tcase_add_test(rows, quantize_scaled);
    tcase_add_test(rows, quantize_known);
    tcase_add_test(rows, elementwise_levels);
    tcase_add_test(rows, hamming_levels);
    tcase_add_test(rows, halves);
    tcase_add_test(ties, ties_to_even);
    tcase_add_test(select, levels);
    return run_suite("kernels", (TCase *const[]){linear, rows, ties, select, NULL});
}
