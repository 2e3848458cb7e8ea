/* Many pictures through a model: their paths read in windows, the pictures by the batcher's threads beside computing,
   results out in the order of the paths. A window has at most a thousand pictures, so that memory stays bounded.

   A picture that cannot be read is reported on standard error, in its turn, and counted; its neighbours are answered. */
#ifndef LNT_CLI_PICTURES_H
#define LNT_CLI_PICTURES_H
#include "cli/flow.h"
#include "cli/records.h"
#include "cli/session.h"

/* In the settings of every verb that takes pictures. */
#define PICTURES_OPTIONS(settings, size) \
    {.name = "image-size", .kind = OPT_TEXT, .argument = "N|HxW", .offset = offsetof(settings, size), \
     .subject = OPT_PICTURES, \
     .help = "pictures are resized to N x N or H x W pixels (default: as the model says)"}

#define PICTURES_ENDINGS ".jpg .jpeg .png .ppm .pgm .pbm .pnm .npy"

/* In the notes of their --help. */
#define PICTURES_NOTE \
    "A model of images takes pictures (JPEG, PNG, PPM, PGM, PBM; .npy files of pixel values), in folders those whose names\n" \
    "end in " PICTURES_ENDINGS "; - is a list of paths, one a line. One that\n" \
    "cannot be read is reported, the others are answered, and the exit status is 1.\n"

/* What --image-size says, NULL: both 0. CLI_OK, or CLI_USAGE with the message printed: it is no size, or no paths were
   given. */
int pictures_check(const char *image_size, size_t n_paths, uint32_t *height, uint32_t *width);

/* Appends the result of a picture to out; the record's text is its path. result->row may be NULL. Called from any thread,
   several at a time. 0, or -1: memory is out. */
typedef int pictures_render(void *user, const record *r, const lnt_picture_result *result, io_bytes *out);
/* One for result->row NULL: an object with input and error. */
int pictures_render_error(const record *r, const lnt_picture_result *result, io_bytes *out);

typedef struct pictures {
    /* the caller's */
    const session *model;
    pictures_render *render;
    const flow_sink *sink;
    void *user;         /* of render and sink */
    flow_counts counts; /* 0 or those of an earlier run, whose pictures are passed over */

    inputs files;
    size_t next_file;
    bool listing; /* the file is a list of paths, */
    io_lines list;
    lnt_batcher *batcher;
} pictures;

/* Makes the batcher and looks at all files. The model's session must be open. 0, or -1 with err; pictures_close must follow
   either way. */
int pictures_open(pictures *p, const lnt_batcher_options *options, const char *const *paths, size_t n_paths, lnt_error *err);
/* All of the input, with a progress bar. 0; 1: stopped by an interrupt or the sink; -1 with err. Results of whole windows
   have been written, whatever happens. */
int pictures_run(pictures *p, lnt_error *err);
/* On standard error: how many could not be read, if any. The exit status. */
int pictures_report(const pictures *p);
void pictures_close(pictures *p);

/* All of that for a verb whose results go to standard output: the exit status. */
int pictures_print(pictures *p, const lnt_batcher_options *options, const char *const *paths, size_t n_paths);
#endif
