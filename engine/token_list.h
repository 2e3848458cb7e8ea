/* A growing list of ids, and of their places where those are wanted. */
#ifndef LNT_ENGINE_TOKEN_LIST_H
#define LNT_ENGINE_TOKEN_LIST_H
#include "linnet.h"

typedef struct token_list {
    int32_t *ids;
    lnt_place *places; /* used only with_places */
    size_t n, capacity;
    bool with_places;
} token_list;

/* Room for `more` ids behind those it has. 0, or -1: out of memory. */
int token_list_reserve(token_list *l, size_t more);
/* Appends one. 0, or -1: out of memory. */
int token_list_put(token_list *l, int32_t id, lnt_place place);
void token_list_free(token_list *l);
#endif
