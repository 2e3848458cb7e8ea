#include "measure/texts.h"
#include "formats/error.h"
#include <stdlib.h>
#include <string.h>

enum { WORDS = 256, LONGEST = 12 };

typedef struct words {
    char text[WORDS][LONGEST + 2]; /* each after a space */
    size_t n;
} words;

static bool is_word(const char *bytes, size_t n) {
    if (n < 2 || n > LONGEST) return false;
    for (size_t i = 0; i < n; i++)
        if (bytes[i] < 'a' || bytes[i] > 'z') return false;
    return true;
}

/* Words that are one more token behind another one, from the middle of the vocabulary on, where real ones are. */
static int find_words(const lnt_model *model, lnt_tokenizer *tokenizer, words *found, size_t *special, lnt_error *err) {
    lnt_info info;
    lnt_encoding e;
    lnt_model_info(model, &info);
    if (lnt_encode(tokenizer, "", 0, NULL, 0, 0, 0, &e, err)) return -1;
    *special = e.n;
    for (uint32_t i = 0; i < info.vocab_size && found->n < WORDS; i++) {
        const int32_t id = (int32_t)((info.vocab_size / 4 + i) % info.vocab_size);
        char *text = found->text[found->n], two[2 * (LONGEST + 2)];
        size_t n;
        const char *bytes = lnt_token_bytes(model, id, &n);
        while (bytes && n && *bytes == ' ') bytes++, n--;
        if (!bytes || !is_word(bytes, n)) continue;
        snprintf(text, sizeof found->text[0], " %.*s", (int)n, bytes);
        const int length = snprintf(two, sizeof two, "%s%s", text, text);
        if (lnt_encode(tokenizer, two, (size_t)length, NULL, 0, 0, 0, &e, err)) return -1;
        if (e.n == *special + 2) found->n++;
    }
    return found->n ? 0 : err_set(err, "the model's vocabulary holds no words of its own to make texts of");
}

static int write_texts(const words *from, size_t words_each, measure_texts *t, lnt_error *err) {
    uint64_t random = 88172645463325252u;
    t->bytes = malloc(t->n * words_each * (LONGEST + 2) + 1);
    t->texts = calloc(t->n, sizeof *t->texts);
    if (!t->bytes || !t->texts) return err_memory(err, t->n * words_each * (LONGEST + 2), "texts");
    char *to = t->bytes;
    for (size_t i = 0; i < t->n; i++) {
        t->texts[i].text = to;
        for (size_t w = 0; w < words_each; w++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            const char *word = from->text[random % from->n];
            const size_t length = strlen(word);
            memcpy(to, word, length);
            to += length;
        }
        t->texts[i].n_bytes = (size_t)(to - t->texts[i].text);
    }
    return 0;
}

int measure_texts_make(const lnt_model *model, size_t n, size_t n_tokens, measure_texts *t, lnt_error *err) {
    size_t special;
    *t = (measure_texts){.n = n};
    words *found = calloc(1, sizeof *found);
    if (!found) return err_memory(err, sizeof *found, "texts");
    lnt_tokenizer *tokenizer = lnt_tokenizer_new(model, err);
    int rc = tokenizer ? find_words(model, tokenizer, found, &special, err) : -1;
    if (!rc) rc = write_texts(found, n_tokens > special ? n_tokens - special : 1, t, err);
    lnt_tokenizer_free(tokenizer);
    free(found);
    if (rc) measure_texts_free(t);
    return rc;
}

void measure_texts_free(measure_texts *t) {
    free(t->bytes);
    free(t->texts);
    *t = (measure_texts){0};
}
