#include "cli/entities.h"
#include "cli/scores.h"
#include "cli/text.h"
#include <string.h>

/* WordPiece vocabularies are full of "##"; in others a handful of tokens begin so. */
piece_marks entities_marks(const session *model) {
    uint32_t n = model->info.vocab_size, marked = 0;
    for (uint32_t i = 0; i < n; i++) {
        size_t length = 0;
        const char *bytes = lnt_token_bytes(model->model, (int32_t)i, &length);
        marked += bytes && length > 2 && memcmp(bytes, "##", 2) == 0;
    }
    return marked > n / 50 ? PIECES_CONTINUE : PIECES_BEGIN;
}

/* Whether a token at a place goes on with the word that ends at end. */
static bool goes_on(const session *model, piece_marks marks, const char *text, size_t end, const lnt_place *place,
                    int32_t id) {
    size_t n = 0;
    const char *bytes = lnt_token_bytes(model->model, id, &n);
    if (place->begin != end || !bytes) return place->begin < end; /* a character in pieces */
    if (marks == PIECES_CONTINUE) return n > 2 && memcmp(bytes, "##", 2) == 0;
    return n > 0 && !text_is_space(bytes[0]) && !text_is_space(text[place->begin]);
}

size_t entities_words(const session *model, piece_marks marks, const char *text, const lnt_text_result *result,
                      entity *words) {
    const lnt_encoding *e = result->encoding;
    uint32_t n_labels = model->info.n_labels, best;
    size_t n = 0;
    for (size_t i = 0; i < result->n_rows; i++) {
        uint32_t token = result->tokens[i];
        lnt_place place = e->places[token];
        int32_t id = e->ids[token];
        if (place.begin == place.end || place.text != 0 || lnt_token_is_special(model->model, id)) continue;
        if (n && goes_on(model, marks, text, words[n - 1].end, &place, id)) {
            if (place.end > words[n - 1].end) words[n - 1].end = place.end;
            continue;
        }
        while (place.begin < place.end && text_is_space(text[place.begin])) place.begin++;
        scores_top(result->rows[i], n_labels, &best, 1);
        const char *label = lnt_label(model->model, best);
        float score = scores_of("softmax", result->rows[i], n_labels, best);
        words[n++] = (entity){place.begin, place.end, label ? label : "", score};
    }
    return n;
}

size_t entities_merge(entity *words, size_t n) {
    size_t found = 0, members = 0;
    const char *last = "O"; /* what the word before was */
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        entity word = words[i];
        bool begins = strncmp(word.label, "B-", 2) == 0, prefixed = begins || strncmp(word.label, "I-", 2) == 0;
        if (prefixed) word.label += 2;
        bool same = !begins && strcmp(word.label, last) == 0;
        last = word.label;
        if (strcmp(word.label, "O") == 0) continue;
        if (!same) {
            words[found++] = word;
            sum = 0;
            members = 0;
        }
        sum += (double)word.score;
        words[found - 1].end = word.end;
        words[found - 1].score = (float)(sum / (double)++members);
    }
    return found;
}
