#include "cli/cross_encoder.h"
#include "cli/cli.h"
#include "cli/scores.h"

int cross_encoder_open(session *s, const char *path, lnt_error *err) {
    if (session_open(s, path, "sequence-classification", SESSION_TOKENIZER, err) != 0) return -1;
    if (s->info.n_labels == 1) return 0;
    return cli_error(err, "%s: has %u labels, expected the one score of a cross-encoder", path, s->info.n_labels);
}

float cross_encoder_score(const session *s, const lnt_text_result *result) {
    return scores_of(s->info.scores, result->rows[0], 1, 0);
}
