#include "cli/make.h"
#include "cli/cli.h"
#include "cli/io.h"

int make_model(make_function *make, const char *in, const make_settings *s) {
    if (s->check && s->no_check) return cli_usage("only one of --check and --no-check can be given");
    lnt_error err;
    lnt_convert_options options = {
        .type = s->type,
        .head_type = s->head_type,
        .check_path = s->check,
        .no_check = s->no_check,
        .n_threads = s->threads,
        .progress = io_progress,
    };
    int made = make(in, s->output, &options, &err);
    io_progress_end();
    if (made != 0) return cli_fail(&err);
    lnt_model *model = lnt_open(s->output, &err);
    if (!model) return cli_fail(&err);
    int status = lnt_describe(model, s->json ? LNT_DESCRIBE_JSON : 0, stdout, &err) == 0 ? CLI_OK : cli_fail(&err);
    lnt_close(model);
    return status;
}
