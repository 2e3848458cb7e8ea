/* What hashes cannot tell: that a file keeps what its types promise, on which the bits of results rest. */
#include "engine/model.h"
#include <stdlib.h>

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
        }
        const int32_t stored = ((const int32_t *)t->sum)[r];
        if (sum != stored) return err_set(err, "%s: tensor '%s': the sum of row %zu is %d, expected %d", m->file.path, t->name, r, stored, sum);
    }
    return 0;
}

int lnt_verify(const lnt_model *m, lnt_error *err) {
    if (lnt_file_verify(&m->file, err)) return -1;
    for (size_t i = 0; i < m->file.n_tensors; i++)
        if (m->file.tensors[i].type == TENSOR_Q8 && verify_q8(m, &m->file.tensors[i], err)) return -1;
    return 0;
}
