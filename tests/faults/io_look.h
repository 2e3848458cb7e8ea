/* Files and folders, for tests that look at what is left. */
#ifndef LNT_TESTS_IO_LOOK_H
#define LNT_TESTS_IO_LOOK_H
#include <stdbool.h>
#include <stdint.h>

/* A shell's command, which must succeed. */
void look_command(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One of io_preparations, in a folder. */
void look_prepare(const char *command, const char *folder, const char *linnet, const char *sources);
void look_remove(const char *folder);
/* All of a file, to be freed; "" if there is none. */
char *look_read(const char *path);
/* A hash of all names below a folder, and of what is in the files. parts: of those called *.part too. */
uint64_t look_folder(const char *folder, bool contents, bool parts);
#endif
