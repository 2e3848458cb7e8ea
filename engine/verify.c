/* What hashes cannot tell: that a file keeps what its types promise, on which the bits of results rest. */
#include "engine/model.h"
#include "simd/kernels.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows and columns behind a tensor's own hold what adds nothing: zeros. */
static inline bool is_padding(const lnt_tensor *t, size_t r, size_t c) { return r >= t->n || c >= t->k; }
static int bad_padding(const lnt_model *m, const lnt_tensor *t, size_t r, lnt_error *err) {
    return err_set(err, "%s: tensor '%s': row %zu has padding that is not zero", m->file.path, t->name, r);
}

static inline int code_at(const lnt_tensor *t, size_t kp, size_t r, size_t c) {
    return ((const int8_t *)t->data)[((r / LANES * (kp / 4) + c / 4) * LANES + r % LANES) * 4 + c % 4];
}

static int verify_q8(const lnt_model *m, const lnt_tensor *t, lnt_error *err) {
    const size_t kp = round_up(t->k, QUANT_PAD);
    for (size_t r = 0; r < round_up(t->n, LANES); r++) {
        int32_t sum = 0;
        for (size_t c = 0; c < kp; c += 2) {
            const int a = code_at(t, kp, r, c), b = code_at(t, kp, r, c + 1);
            sum += a + b;
            if (m->pairs && abs(a + b) > QUANT_PAIR)
                return err_set(err, "%s: tensor '%s': row %zu has %d beside %d, expected a sum of at most %d", m->file.path, t->name, r, a, b, QUANT_PAIR);
            if ((a && is_padding(t, r, c)) || (b && is_padding(t, r, c + 1))) return bad_padding(m, t, r, err);
        }
        if (r >= t->n && ((const float *)t->scale)[r] != 0) return bad_padding(m, t, r, err);
        const int32_t stored = ((const int32_t *)t->sum)[r];
        if (sum != stored) return err_set(err, "%s: tensor '%s': the sum of row %zu is %d, expected %d", m->file.path, t->name, r, stored, sum);
    }
    return 0;
}

/* Of a group of 32 the sum of its codes, -8 to 7; false: there are others than 0 in padding. */
static bool sum_q4(const lnt_tensor *t, size_t kp, size_t r, size_t first, int *sum) {
    *sum = 0;
    for (size_t c = first; c < first + QUANT_GROUP; c++) {
        const unsigned char two = ((const unsigned char *)t->data)[((r / LANES * (kp / 8) + c / 8) * LANES + r % LANES) * 4 + c % 4];
        const int code = (c / 4 % 2 ? two >> 4 : two & 15) - 8;
        if (code && is_padding(t, r, c)) return false;
        *sum += code;
    }
    return true;
}

static int verify_q4(const lnt_model *m, const lnt_tensor *t, lnt_error *err) {
    const kernels *k = model_kernels(err);
    const size_t kp = round_up(t->k, QUANT_PAD), groups = kp / QUANT_GROUP;
    if (!k) return -1;
    for (size_t r = 0; r < round_up(t->n, LANES); r++) {
        double sum = 0;
        for (size_t g = 0; g < groups; g++) {
            int codes;
            float scale;
            k->f16_to_f32((const uint16_t *)t->scale + (r / LANES * groups + g) * LANES + r % LANES, &scale, 1);
            if (!sum_q4(t, kp, r, g * QUANT_GROUP, &codes) || (scale != 0 && is_padding(t, r, g * QUANT_GROUP))) return bad_padding(m, t, r, err);
            sum += (double)scale * codes;
        }
        const float stored = ((const float *)t->sum)[r], expected = (float)sum;
        if (stored != expected && !(isnan(stored) && isnan(expected)))
            return err_set(err, "%s: tensor '%s': the sum of row %zu is %.9g, expected %.9g", m->file.path, t->name, r, (double)stored, (double)expected);
    }
    return 0;
}

static int verify_floats(const lnt_model *m, const lnt_tensor *t, lnt_error *err) {
    static const char ZERO[4];
    const bool rows = t->layout == LAYOUT_ROWS;
    const size_t bytes = t->type == TENSOR_F32 ? 4 : 2, n = rows ? t->n : round_up(t->n, LANES), k = rows ? round_up(t->k, LANES) : t->k;
    for (size_t r = 0; r < n; r++)
        for (size_t c = r < t->n ? t->k : 0; c < k; c++) {
            const size_t at = rows ? r * k + c : (r / LANES * k + c) * LANES + r % LANES;
            if (memcmp((const char *)t->data + at * bytes, ZERO, bytes)) return bad_padding(m, t, r, err);
        }
    return 0;
}

static int verify_tensor(const lnt_model *m, const lnt_tensor *t, lnt_error *err) {
    return t->type == TENSOR_Q8 ? verify_q8(m, t, err) : t->type == TENSOR_Q4 ? verify_q4(m, t, err) : verify_floats(m, t, err);
}

int lnt_verify(const lnt_model *m, lnt_error *err) {
    int rc = lnt_file_verify(&m->file, err);
    for (size_t i = 0; !rc && i < m->file.n_tensors; i++)
        rc = verify_tensor(m, &m->file.tensors[i], err);
    return lnt_file_intact(&m->file, err) ? -1 : rc;
}
