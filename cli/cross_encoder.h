/* A model that reads a query and a text together and gives one score. */
#ifndef LNT_CLI_CROSS_ENCODER_H
#define LNT_CLI_CROSS_ENCODER_H
#include "cli/session.h"

/* As session_open. */
int cross_encoder_open(session *s, const char *path, lnt_error *err);
/* Of a result with output "logits". */
float cross_encoder_score(const session *s, const lnt_text_result *result);
#endif
