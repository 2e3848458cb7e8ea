/* Kernels that go over a row element by element. */

static void add(const float *x, float *y, size_t n) {
    for (size_t i = 0; i < n; i += LANES) v_store(y + i, v_add(v_load(y + i), v_load(x + i)));
}

INLINE void activate_all(activation act, const float *x, float *y, size_t n) {
    for (size_t i = 0; i < n; i += LANES) v_store(y + i, v_activate(act, v_load(x + i)));
}

static void activate(activation act, const float *x, float *y, size_t n) {
    switch (act) {
    case ACT_GELU_TANH: activate_all(ACT_GELU_TANH, x, y, n); break;
    case ACT_GELU_ERF: activate_all(ACT_GELU_ERF, x, y, n); break;
    case ACT_RELU: activate_all(ACT_RELU, x, y, n); break;
    case ACT_SILU: activate_all(ACT_SILU, x, y, n); break;
    case ACT_TANH: activate_all(ACT_TANH, x, y, n); break;
    default: activate_all(ACT_NONE, x, y, n);
    }
}

static float max_of(const float *x, size_t n) {
    v16 m = v_set1(x[0]);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) m = v_max(v_load(x + i), m);
    if (i < n) m = v_max(v_select(v_first(n - i), v_load_n(x + i, n - i), m), m);
    return v_maximum(m);
}

static float exp_sum(const float *x, size_t n, float scale, float max, float *e) {
    const v16 s = v_set1(scale), m = v_set1(max);
    v16 sum = v_set1(0);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        v16 v = v_exp(v_mul(s, v_sub(v_load(x + i), m)));
        if (e) v_store(e + i, v);
        sum = v_add(sum, v);
    }
    if (i < n) {
        v16 v = v_exp(v_mul(s, v_sub(v_load_n(x + i, n - i), m)));
        if (e) v_store_n(e + i, n - i, v);
        sum = v_add(sum, v_select(v_first(n - i), v, v_set1(0)));
    }
    return v_sum(sum);
}

static void f16_to_f32(const uint16_t *x, float *y, size_t n) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) v_store(y + i, v_load_f16(x + i));
    if (i < n) {
        uint16_t rest[LANES] = {0};
        memcpy(rest, x + i, (n - i) * sizeof *x);
        v_store_n(y + i, n - i, v_load_f16(rest));
    }
}

static void f32_to_f16(const float *x, uint16_t *y, size_t n) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) v_store_f16(y + i, v_load(x + i));
    if (i < n) {
        uint16_t rest[LANES];
        v_store_f16(rest, v_load_n(x + i, n - i));
        memcpy(y + i, rest, (n - i) * sizeof *y);
    }
}
