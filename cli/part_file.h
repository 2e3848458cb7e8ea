/* A file that grows while a long run goes on, and survives its end by a kill.

   PATH.part holds what is written, PATH.journal what the run was begun with and, line after line, how far it had come
   when the data up to there was on the disk. At the end the part is renamed to PATH and the journal removed; a run that
   ends before that can be resumed behind the last line. */
#ifndef LNT_CLI_PART_FILE_H
#define LNT_CLI_PART_FILE_H
#include "cli/flow.h"
#include "cli/inputs.h"
#include "cli/io.h"
#include <jansson.h>

typedef struct part_file {
    char *path, *part, *journal;
    int fd, journal_fd;
    uint64_t bytes; /* written or in the buffer */
    uint64_t journal_bytes;
    io_bytes buffer;
    double synced, cost; /* when the last note was made, by cli_seconds, and how long that took */
    bool kept;     /* there is something to resume */
} part_file;

/* Leaves out the file of an earlier run, its part and its journal, should they lie in a folder that is read. */
void part_file_leave_out(const char *path, inputs *files);
/* Begins a file, or resumes it if resume is set and there is something to resume. begin: an object of objects that say
   what the file is made of; resuming is refused with the first thing that differs. n_header bytes are left free at the
   beginning. counts becomes how far the earlier run had come. 0, or -1 with err, and then *p needs nothing more. */
int part_file_open(part_file *p, const char *path, json_t *begin, bool resume, size_t n_header, flow_counts *counts,
                   lnt_error *err);
int part_file_append(part_file *p, const char *data, size_t n, lnt_error *err);
/* All that was appended stands for these counts. It is synced and noted if now, or if some time has passed. */
int part_file_note(part_file *p, const flow_counts *counts, bool now, lnt_error *err);
/* Puts the header in its place, syncs and renames. Ends *p, whatever happens. */
int part_file_finish(part_file *p, const void *header, size_t n_header, lnt_error *err);
/* Ends *p without the file: what can be resumed stays, else nothing does. Fine after the above. */
void part_file_leave(part_file *p);
#endif
