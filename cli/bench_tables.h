/* A result of `linnet bench` for people, and two of them beside each other. */
#ifndef LNT_CLI_BENCH_TABLES_H
#define LNT_CLI_BENCH_TABLES_H
#include <jansson.h>

void bench_print(const json_t *report);
/* What both have, with how many times as fast b is. */
void bench_print_both(const json_t *a, const json_t *b);
#endif
