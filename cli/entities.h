/* Entities from the labels of tokens: word pieces make words, words make entities. */
#ifndef LNT_CLI_ENTITIES_H
#define LNT_CLI_ENTITIES_H
#include "cli/session.h"

/* A word or an entity: bytes of the text, a label, and the probability of it. */
typedef struct entity {
    size_t begin, end;
    const char *label; /* of an entity without "B-" and "I-" */
    float score;
} entity;

/* How a vocabulary marks the pieces of a word. */
typedef enum piece_marks {
    PIECES_CONTINUE, /* WordPiece: "##ing" goes on with a word */
    PIECES_BEGIN     /* byte-level BPE: " word" begins one, and so does what follows white space */
} piece_marks;
piece_marks entities_marks(const session *model);

/* The words of a text's result (all rows of a token classifier, with places), room for as many as its tokens; each has
   the label and score of its first piece, as Hugging Face's aggregation_strategy "first". How many. */
size_t entities_words(const session *model, piece_marks marks, const char *text, const lnt_text_result *result,
                      entity *words);
/* Makes entities of n words, in place: neighbours with the same label, unless the later one's begins with "B-". Words
   labelled "O" are none. The score is the mean. How many. */
size_t entities_merge(entity *words, size_t n);
#endif
