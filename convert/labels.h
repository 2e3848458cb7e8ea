/* What the columns of a classifier's logits stand for, and what makes scores of them. */
#ifndef LNT_CONVERT_LABELS_H
#define LNT_CONVERT_LABELS_H
#include "convert/family.h"

/* Puts id2label into the metadata and gives the number of labels: without it num_labels, or two, named LABEL_0, LABEL_1 ... */
uint32_t labels_of_config(family *f);
void labels_put(family *f, const char *const *labels, size_t n);
/* What transformers' pipelines apply, by problem_type: "softmax", "sigmoid", "identity". */
const char *labels_scores(family *f, uint32_t n_labels);
/* Puts task and scores; NULL: there is none. */
void labels_put_task(family *f, const char *task, const char *scores);
#endif
