/* What the command is made to do while its calls fail. */
#ifndef LNT_TESTS_IO_CASES_H
#define LNT_TESTS_IO_CASES_H
#include <stdbool.h>

enum { IO_ARGUMENTS = 16 };

/* It runs in an empty folder, but for what is copied there; ../in holds what prepare made. */
typedef struct io_case {
    const char *name;
    const char *arguments[IO_ARGUMENTS]; /* without the command */
    const char *input;                   /* standard input; NULL: none */
    const char *copied[4];               /* of ../in, files or folders */
    const char *check[IO_ARGUMENTS];     /* what tells an index's content, by its output */
    bool writes;                         /* files, so that it is run again afterwards */
    bool resumes;                        /* what was cut short may stay, for the next run to go on with */
    bool named;                          /* where no file can be without a name */
    const char *victims[3]; /* files, among the copied, that become others or shorter meanwhile; NULL: its calls fail instead */
    bool trusts;            /* it cannot tell bytes that have become others: only those that are gone */
} io_case;

extern const io_case io_cases[];

/* Commands that make what is in ../in, run there, `{golden}` and `{models}` replaced; NULL at the end. */
extern const char *const io_preparations[];
#endif
