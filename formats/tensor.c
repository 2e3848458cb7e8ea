#include "formats/tensor.h"
#include <string.h>

static const char *const TYPE_NAMES[TENSOR_TYPES] = {"f32", "f16", "q8", "q4"};
static const char *const LAYOUT_NAMES[] = {"rows", "panels"};

const char *tensor_type_name(tensor_type type) { return TYPE_NAMES[type]; }
const char *tensor_layout_name(tensor_layout layout) { return LAYOUT_NAMES[layout]; }

bool tensor_type_from_name(const char *name, tensor_type *type) {
    for (int i = 0; i < TENSOR_TYPES; i++)
        if (!strcmp(name, TYPE_NAMES[i])) {
            *type = (tensor_type)i;
            return true;
        }
    return false;
}

bool tensor_layout_from_name(const char *name, tensor_layout *layout) {
    for (int i = 0; i < 2; i++)
        if (!strcmp(name, LAYOUT_NAMES[i])) {
            *layout = (tensor_layout)i;
            return true;
        }
    return false;
}

static uint64_t up(uint64_t n, uint64_t to) { return (n + to - 1) / to * to; }

bool tensor_layout_planes(tensor_type type, tensor_layout layout, uint64_t n, uint64_t k, tensor_planes *planes) {
    const uint64_t most = (uint64_t)1 << 40; /* each side; the product is bounded below, so that no sum overflows */
    uint64_t cells;
    if (n == 0 || k == 0 || n > most || k > most) return false;
    uint64_t np = up(n, 16), kp = up(k, 64);
    if (__builtin_mul_overflow(np, kp, &cells) || cells > (uint64_t)1 << 46) return false;
    uint64_t data = 0, scale = 0, sum = 0;
    if (layout == LAYOUT_ROWS) {
        if (type > TENSOR_F16) return false;
        data = n * up(k, 16) * (type == TENSOR_F32 ? 4 : 2);
    } else {
        switch (type) {
        case TENSOR_F32: data = np * k * 4; break;
        case TENSOR_F16: data = np * k * 2; break;
        case TENSOR_Q8: data = cells, scale = np * 4, sum = np * 4; break;
        case TENSOR_Q4: data = cells / 2, scale = cells / 32 * 2, sum = np * 4; break;
        case TENSOR_TYPES: return false;
        }
    }
    planes->scale_at = up(data, 64);
    planes->sum_at = planes->scale_at + up(scale, 64);
    planes->bytes = planes->sum_at + up(sum, 64);
    return true;
}
