#include "cli/scores.h"
#include "engine/exponential.h"
#include <string.h>

float scores_of(const char *kind, const float *logits, size_t n, size_t i) {
    float against_zero[2] = {logits[i], 0};
    if (strcmp(kind, "identity") == 0) return logits[i];
    if (strcmp(kind, "sigmoid") == 0) return (float)exponential(lnt_log_probability(against_zero, 2, 0));
    return (float)exponential(lnt_log_probability(logits, n, (int32_t)i));
}

size_t scores_top(const float *values, size_t n, uint32_t *top, size_t n_top) {
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = found;
        if (found == n_top && (n_top == 0 || !(values[i] > values[top[at - 1]]))) continue;
        if (found < n_top) found++;
        else at--;
        for (; at > 0 && values[i] > values[top[at - 1]]; at--) top[at] = top[at - 1];
        top[at] = (uint32_t)i;
    }
    return found;
}
