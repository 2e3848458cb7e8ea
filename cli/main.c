/* linnet VERB MODEL ...: finds the verb, reads its options, runs it, and makes sure that its output arrived. */
#include "cli/cli.h"
#include "cli/io.h"
#include "cli/profile.h"
#include "cli/signals.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* In the order of the list of verbs. A new verb is one line here and one file that defines verb_NAME. */
#define CLI_VERBS(X) \
    X(complete)      \
    X(score)         \
    X(embed)         \
    X(classify)      \
    X(fill)          \
    X(tag)           \
    X(rerank)        \
    X(index)         \
    X(search)        \
    X(eval)          \
    X(tokenize)      \
    X(output)        \
    X(convert)       \
    X(quantize)      \
    X(inspect)       \
    X(verify)        \
    X(bench)         \
    X(cpu)

#define DECLARE(verb) extern const cli_verb verb_##verb;
CLI_VERBS(DECLARE)
#define ENTRY(verb) &verb_##verb,
static const cli_verb *const verbs[] = {CLI_VERBS(ENTRY)};
enum { N_VERBS = sizeof verbs / sizeof verbs[0] };

static const cli_verb *running;

static void print_line(const char *prefix, const char *text) {
    fprintf(stderr, "linnet: %s%s", prefix, *prefix ? ": " : "");
    for (; *text; text++) fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, stderr);
    fputc('\n', stderr);
}

int cli_fail(const lnt_error *err) {
    print_line("", err->text);
    return CLI_FAILED;
}

int cli_failf(const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_line("", text);
    return CLI_FAILED;
}

int cli_usage(const char *format, ...) {
    char text[512], line[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(line, sizeof line, "%s (see linnet %s%s--help)", text, running ? running->name : "", running ? " " : "");
    print_line(running ? running->name : "", line);
    return CLI_USAGE;
}

int (cli_error)(lnt_error *err, const char *format, ...) {
    if (!err) return -1;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return -1;
}

double cli_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int print_help(void) {
    printf("linnet " LNT_VERSION ": transformer inference on CPUs from one mapped file\n\n"
           "usage: linnet VERB [OPTIONS] OPERANDS\n\n");
    for (size_t i = 0; i < N_VERBS; i++) printf("  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
    printf("\n  linnet VERB --help      what a verb takes, with an example\n"
           "  linnet --version        the version\n\n"
           "Results go to standard output, the rest to standard error. The exit status is 0 when done, 1 if the\n"
           "input or the machine failed, 2 for a wrong command line. LINNET_CPU in the environment caps the\n"
           "instruction set: scalar, avx2, avxvnni, avx512, avx512vnni; on ARM scalar, neon, dotprod, i8mm.\n");
    return CLI_OK;
}

static void print_lines(const char *title, const char *lines) {
    printf("\n%s\n", title);
    for (const char *end; *lines; lines = end + 1) {
        end = strchr(lines, '\n');
        printf("  %.*s\n", (int)(end - lines), lines);
    }
}

static int print_verb_help(const cli_verb *verb) {
    printf("linnet %s: %s\n\nusage: linnet %s %s\n\n", verb->name, verb->summary, verb->name, verb->operands);
    opt_print_help(verb->options);
    if (verb->notes) printf("\n%s", verb->notes);
    print_lines("Examples:", verb->examples);
    return CLI_OK;
}

static int run_profiled(const cli_verb *verb, const void *settings, const char *const *operands, size_t n) {
    lnt_error err;
    if (profile_begin(verb->options, settings, &err) != 0) return cli_fail(&err);
    int status = verb->run(settings, operands, n);
    io_flush(); /* results first; main says if that failed */
    profile_end(status != CLI_USAGE);
    return status;
}

static int run_verb(const cli_verb *verb, int argc, char **argv) {
    running = verb;
    char message[512];
    size_t n = 0;
    void *settings = malloc(verb->settings_size);
    const char **operands = calloc((size_t)argc + 1, sizeof *operands);
    if (!settings || !operands) {
        free(settings);
        free(operands);
        return cli_failf("out of memory for the command line");
    }
    memcpy(settings, verb->defaults, verb->settings_size);
    int status;
    opt_result parsed = opt_parse(verb->options, argc, argv, settings, operands, &n, message, sizeof message);
    if (parsed == OPT_HELP)
        status = print_verb_help(verb);
    else if (parsed == OPT_WRONG)
        status = cli_usage("%s", message);
    else if (parsed == OPT_NO_MEMORY)
        status = cli_failf("%s", message);
    else if (n < verb->min_operands)
        status = cli_usage("too few operands, expected %s", verb->operands);
    else if (n > verb->max_operands)
        status = cli_usage("unexpected operand \"%s\", expected %s", operands[verb->max_operands], verb->operands);
    else
        status = run_profiled(verb, settings, operands, n);
    opt_free(verb->options, settings);
    free(settings);
    free(operands);
    return status;
}

static const cli_verb *find_verb(const char *name) {
    for (size_t i = 0; i < N_VERBS; i++)
        if (strcmp(verbs[i]->name, name) == 0) return verbs[i];
    return NULL;
}

static int unknown_verb(const char *name) {
    const char *names[N_VERBS];
    for (size_t i = 0; i < N_VERBS; i++) names[i] = verbs[i]->name;
    int near = opt_nearest(name, names, N_VERBS);
    if (near < 0) return cli_usage("unknown verb \"%s\"", name);
    return cli_usage("unknown verb \"%s\", did you mean %s?", name, names[near]);
}

static int dispatch(int argc, char **argv) {
    if (argc < 2) return cli_usage("a verb is needed");
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0) {
        puts("linnet " LNT_VERSION);
        return CLI_OK;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        if (argc == 2) return print_help();
        const cli_verb *asked = find_verb(argv[2]);
        return asked ? print_verb_help(asked) : unknown_verb(argv[2]);
    }
    if (word[0] == '-') {
        const char *known[] = {"help", "version"};
        int near = opt_nearest(word + strspn(word, "-"), known, 2);
        if (near < 0) return cli_usage("unknown option %s, expected a verb", word);
        return cli_usage("unknown option %s, did you mean --%s?", word, known[near]);
    }
    const cli_verb *verb = find_verb(word);
    return verb ? run_verb(verb, argc - 2, argv + 2) : unknown_verb(word);
}

/* A closed standard stream would give its number to the next file opened, and output would go into a model. */
static void occupy_standard_streams(void) {
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0) exit(CLI_FAILED);
}

int main(int argc, char **argv) {
    lnt_error err;
    occupy_standard_streams();
    signals_tidy();
    if (lnt_guard_files(&err) != 0) return cli_fail(&err);
    int status = dispatch(argc, argv);
    if (io_flush() != 0 && status != CLI_USAGE)
        status = cli_failf("standard output: cannot be written: %s", strerror(io_flush_error()));
    return status;
}
