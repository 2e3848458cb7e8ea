#include "engine/token_list.h"
#include <stdlib.h>

int token_list_reserve(token_list *l, size_t more) {
    if (more <= l->capacity - l->n && (l->places || !l->with_places)) return 0;
    size_t capacity = l->capacity * 2 > l->n + more ? l->capacity * 2 : l->n + more + 256;
    int32_t *ids = realloc(l->ids, capacity * sizeof *ids);
    if (!ids) return -1;
    l->ids = ids;
    if (l->with_places || l->places) {
        lnt_place *places = realloc(l->places, capacity * sizeof *places);
        if (!places) return -1;
        l->places = places;
    }
    l->capacity = capacity;
    return 0;
}

int token_list_put(token_list *l, int32_t id, lnt_place place) {
    if (token_list_reserve(l, 1)) return -1;
    if (l->with_places) l->places[l->n] = place;
    l->ids[l->n++] = id;
    return 0;
}

void token_list_free(token_list *l) {
    free(l->ids);
    free(l->places);
    *l = (token_list){0};
}
