/* Runs a program and makes one of its system calls fail: by a seccomp filter whose listener is the test, so that what libc, SQLite
   and the dynamic linker call is seen too, with the program as it is, also under sanitizers. */
#ifndef LNT_TESTS_IO_INJECT_H
#define LNT_TESTS_IO_INJECT_H
#include <stdbool.h>
#include <stdint.h>

typedef enum io_kind {
    IO_NONE,
    IO_ERROR,     /* the call fails with errno `value`; EINTR: as if a signal had come that calls do not go on after, where one can (the command
                     lets none come where it writes to standard streams) */
    IO_FULL,      /* from that call on all that take room fail with ENOSPC */
    IO_SHORT,     /* half of the bytes are read or written */
    IO_SIGNAL,    /* signal `value` comes before the call */
    IO_TRUNCATE,  /* `path` is cut to half its bytes before the call */
    IO_EMPTY,     /* to none */
    IO_OVERWRITE, /* its bytes become others */
    IO_REPLACE,   /* another file takes its place by rename */
} io_kind;

typedef struct io_fault {
    io_kind kind;
    int value;
    long at;            /* the call, from 1, or */
    long microseconds;  /* this long after the start, without a look at calls; 0: at a call */
    const char *path;   /* in the folder */
} io_fault;

typedef struct io_run {
    char *const *arguments;
    const char *folder, *input; /* where it runs; its standard input */
    const char *output, *error; /* files for the others, in the folder's parent */
    bool closed;                /* standard output is a pipe that nobody reads */
    bool named;                 /* there are no files without a name (O_TMPFILE) */
} io_run;

typedef struct io_outcome {
    int status; /* of waitpid */
    bool fired, hung;
    long calls;    /* that the fault could have come at */
    char call[16]; /* at which it did */
    char file[64]; /* the last name of what was to be synced, a folder's with a slash behind it */
    double seconds;
} io_outcome;

/* Calls are counted from the first fcntl(0, F_GETFD) on, with which the command begins. -1: the system does not let us. */
int io_inject(const io_run *run, const io_fault *fault, io_outcome *outcome);
#endif
