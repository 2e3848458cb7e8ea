/* The command under LD_PRELOAD of alloc_faults: alloc_command LINNET FAULTS [WORD]: verbs with it in their lines, all if there is none.
   An allocation fails, alone or with all behind it: the command ends with status 1 and one line on standard error, or with 0 and the
   output that it always has; never by a signal. Done again it succeeds. With fewer threads than it wants it does the same as ever, and
   the same or an error with little address space (ulimit -v).
   alloc_cases.h says which cases are tried; for 15 seconds. */
#include "tests/faults/alloc_cases.h"
#include "tests/faults/alloc_scenarios.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

enum { MOST_SITES = 1 << 20, WORDS = 16, ROOM = 1 << 20, LIMIT = 60 /* seconds */ };

/* Words between spaces; run in a folder of its own, beside which the models are. */
static const char *const COMMANDS[] = {
    "complete ../shakespeare.lnt -p ROMEO: -n 3 --seed 1 --threads 1",
    "complete ../shakespeare.lnt --batch ../lines.txt -n 2 --greedy --json --threads 1",
    "score ../shakespeare.lnt ../lines.txt --threads 1",
    "embed ../sentence.lnt ../lines.txt -o v.npy --threads 1",
    "embed ../sentence.lnt ../lines.jsonl -o - --output-format jsonl --skip-bad --threads 1",
    "classify ../vit.lnt ../a.jpg ../b.png --threads 1",
    "classify ../vit.lnt ../pictures --json --threads 1",
    "fill ../masked.lnt a[MASK]b --threads 1",
    "tag ../tokens.lnt ../lines.txt --threads 1",
    "rerank ../cross.lnt cat ../lines.txt --threads 1",
    "index ../sentence.lnt ../documents -o i --chunk-tokens 8 --overlap 2 --threads 1",
    "index --check ../made",
    "index --stats --json ../made",
    "search ../made cat --model ../sentence.lnt --threads 1",
    "search ../made mat --filter kind=even --rerank ../cross.lnt --json --threads 1",
    "search ../made --batch ../queries.tsv --mode text --id-field kind --threads 1",
    "eval ../made ../queries.tsv ../qrels.tsv --mode text --id-field kind --threads 1",
    "tokenize ../masked.lnt -p a[MASK]bcd",
    "output ../masked.lnt --want hidden -p abc -o x.npy --threads 1",
    "convert ../gpt2 -o m.lnt --type q8",
    "convert ../sentence -o m.lnt --type f16",
    "quantize ../sentence.lnt -o m.lnt --type q8 --no-check",
    "inspect ../masked.lnt --tensors --graph",
    "inspect ../masked.lnt --json",
    "verify ../masked.lnt",
    "cpu",
};
enum { N_COMMANDS = sizeof COMMANDS / sizeof *COMMANDS };

char fixtures[64];
static const char *linnet, *faults;
static uint64_t sites[MOST_SITES];

void mix_file(uint64_t *digest, const char *path) {
    static char bytes[ROOM];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
    if (fd >= 0) close(fd);
    if (n >= 0) mix(digest, bytes, (size_t)n);
}
_Noreturn void failed_again(const char *call, const char *why) {
    fprintf(stderr, "%s: %s\n", call, why);
    abort();
}

__attribute__((format(printf, 1, 2))) static void shell(const char *format, ...) {
    char line[1000];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (system(line)) {
        fprintf(stderr, "failed: %s\n", line);
        exit(1);
    }
}

/* What goes wrong in a run. */
typedef struct trouble {
    uint64_t from, to; /* allocations that fail; 0: none */
    bool few_threads;
    uint32_t threads;  /* that can be made */
    uint32_t mebibytes; /* of address space; 0: any */
} trouble;

typedef struct result {
    int status; /* as of wait */
    uint64_t output; /* standard output, and the files that are left */
    char said[2000];
    size_t n_calls;
} result;

static void set_number(const char *name, uint64_t value) {
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    setenv(name, digits, 1);
}

static void become(const char *command, const trouble *t) {
    char line[500], *words[WORDS] = {NULL}, *rest = strcpy(line, command);
    int n = 0;
    words[n++] = (char *)(uintptr_t)"linnet";
    for (char *word; (word = strtok_r(rest, " ", &rest)) && n < WORDS - 1;) words[n++] = word;
    int out = open("../stdout", O_WRONLY | O_CREAT | O_TRUNC, 0666), err = open("../stderr", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (out < 0 || err < 0 || dup2(open("/dev/null", O_RDONLY), 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) _exit(99);
    set_number("LINNET_ALLOC_FROM", t->from);
    set_number("LINNET_ALLOC_TO", t->to);
    if (t->few_threads) set_number("LINNET_ALLOC_THREADS", t->threads);
    const rlim_t bytes = (rlim_t)t->mebibytes << 20;
    if (bytes && setrlimit(RLIMIT_AS, &(struct rlimit){bytes, bytes})) _exit(97);
    if (!t->from) setenv("LINNET_ALLOC_SITES", "../sites", 1);
    setenv("LD_PRELOAD", faults, 1);
    alarm(LIMIT);
    execv(linnet, words);
    _exit(98);
}

/* Runs it where what the last run left still is. */
static result run_here(const char *command, trouble t) {
    result r = {0};
    pid_t child = fork();
    if (!child) become(command, &t);
    if (child < 0 || waitpid(child, &r.status, 0) != child) exit(1);
    mix_file(&r.output, "../stdout");
    DIR *folder = opendir(".");
    for (struct dirent *e; folder && (e = readdir(folder));) mix_file(&r.output, e->d_name);
    if (folder) closedir(folder);
    int fd = open("../stderr", O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, r.said, sizeof r.said - 1);
    if (fd >= 0) close(fd);
    r.said[n > 0 ? n : 0] = 0;
    fd = t.from ? -1 : open("../sites", O_RDONLY);
    n = fd < 0 ? 0 : read(fd, sites, sizeof sites);
    if (fd >= 0) close(fd);
    r.n_calls = (size_t)n / sizeof *sites;
    return r;
}

static void clear(void) { shell("rm -rf '%s'/out/*", fixtures); }

static bool fails(const char *command, uint64_t from, uint64_t to, const result *r, const char *why) {
    fprintf(stderr, "FAILED: linnet %s, allocation %llu %s: %s (status 0x%x, it said: %s)\n", command, (unsigned long long)from, from == to ? "alone" : "and all behind it", why,
            (unsigned)r->status, r->said);
    return false;
}

/* Of pictures and documents, which are read one by one, a line each. */
static bool says_why(const char *command, const char *said) {
    const bool many = !strncmp(command, "classify", 8) || !strncmp(command, "index ../", 9);
    const char *end = NULL;
    do {
        if (strncmp(said, "linnet: ", 8) != 0 || !(end = strchr(said, '\n'))) return false;
        said = end + 1;
    } while (*said && many);
    return !*said;
}

static bool try(const char *command, uint64_t from, uint64_t to, const result *whole, bool same_output, size_t *n_errors) {
    clear();
    result r = run_here(command, (trouble){.from = from, .to = to});
    if (!WIFEXITED(r.status)) return fails(command, from, to, &r, "ended by a signal");
    if (!WEXITSTATUS(r.status)) return !same_output || r.output == whole->output || fails(command, from, to, &r, "another output");
    ++*n_errors;
    if (WEXITSTATUS(r.status) != 1) return fails(command, from, to, &r, "expected status 1");
    if (!says_why(command, r.said)) return fails(command, from, to, &r, "expected one line");
    if (*n_errors % 8) return true;
    r = run_here(command, (trouble){0});
    return !r.status || fails(command, from, to, &r, "does not work again");
}

/* With 0 to 3 threads beside the first. */
static bool try_threads(const char *command, const result *whole, bool same_output) {
    char wanting[500];
    const char *threads = strstr(command, "--threads 1");
    if (!threads) return true;
    snprintf(wanting, sizeof wanting, "%.*s--threads 4%s", (int)(threads - command), command, threads + strlen("--threads 1"));
    for (uint32_t n = 0; n < 4; n++) {
        clear();
        result r = run_here(wanting, (trouble){.few_threads = true, .threads = n});
        if (r.status || (same_output && r.output != whole->output)) return fails(wanting, n, n, &r, "fewer threads");
    }
    return true;
}

/* The loader itself ends with 127 where there is no room for the libraries. */
static bool try_address_space(const char *command, const result *whole, bool same_output) {
    for (uint32_t mebibytes = 32; mebibytes <= 512; mebibytes += mebibytes / 4) {
        clear();
        result r = run_here(command, (trouble){.mebibytes = mebibytes});
        const bool loader = WIFEXITED(r.status) && WEXITSTATUS(r.status) == 127;
        if (loader || (!r.status && (!same_output || r.output == whole->output))) continue;
        if (!WIFEXITED(r.status) || WEXITSTATUS(r.status) != 1 || !says_why(command, r.said))
            return fails(command, mebibytes, mebibytes, &r, "so many MiB of address space");
    }
    return true;
}

static bool test(const char *command, double seconds) {
    size_t tried = 0, n_errors = 0;
    clear();
    result whole = run_here(command, (trouble){0});
    if (whole.status || !whole.n_calls) return fails(command, 0, 0, &whole, "it does not work");
    alloc_cases cases = alloc_cases_choose(sites, whole.n_calls, 0);
    clear();
    result second = run_here(command, (trouble){0});
    /* of what cannot be read of a processor "unknown" is said */
    bool same = second.output == whole.output && strcmp(command, "cpu") != 0, ok = try_threads(command, &whole, same) && try_address_space(command, &whole, same);
    double end = alloc_cases_clock() + seconds;
    for (size_t i = 0; ok && i < cases.n && (i < 2 || alloc_cases_clock() < end); i++) {
        size_t n = cases.numbers[i];
        ok = try(command, n, n, &whole, same, &n_errors) && try(command, n, UINT64_MAX, &whole, same, &n_errors);
        tried += 2;
    }
    printf("%-90s %6zu allocations at %4zu sites, %5zu failures, %5zu errors%s\n", command, whole.n_calls, cases.n_sites, tried, n_errors, same ? "" : ", output varies");
    fflush(stdout);
    free(cases.numbers);
    return ok;
}

static void prepare_files(void) {
    static const char *const SOURCES[][2] = {{"images/420.jpg", "a.jpg"}, {"images/rgb8.png", "b.png"}, {"images/raw.pbm", "pictures/c.pbm"}, {"images/cmyk.jpg", "pictures/d.jpg"}};
    prepare_checkpoints();
    shell("cd '%s' && mkdir out documents pictures && ln -s '%s/models/shakespeare/shakespeare.lnt' .", fixtures, LINNET_SOURCE_DIR);
    for (size_t i = 0; i < sizeof SOURCES / sizeof *SOURCES; i++) shell("cp '%s/tests/golden/%s' '%s/%s'", LINNET_SOURCE_DIR, SOURCES[i][0], fixtures, SOURCES[i][1]);
    shell("cd '%s' && printf '{\"text\": \"a cat on the mat\", \"kind\": \"even\"}\\n{\"text\": \"who is it\", \"kind\": \"odd\", \"more\": [1, 2]}\\n' >lines.jsonl && "
          "cp lines.jsonl lines.txt documents && printf '1\\tcat\\n2\\twho\\n' >queries.tsv && printf '1\\t0\\teven\\t1\\n' >qrels.tsv && "
          "printf 'text,kind\\n\"it, is\",odd\\nlong text of words that goes on and on,even\\n' >documents/t.csv && "
          "cd out && '%s' index ../sentence.lnt ../documents -o ../made --threads 1", fixtures, linnet);
}

int main(int argc, char **argv) {
    if (argc < 3) return fprintf(stderr, "usage: alloc_command LINNET FAULTS [WORD]\n"), 2;
    linnet = argv[1], faults = argv[2];
    double seconds = alloc_cases_begin(15, N_COMMANDS);
    if (!access("/dev/shm", W_OK)) strcpy(test_folder, "/dev/shm/linnet-alloc-XXXXXX"); /* syncs cost nothing there */
    make_test_folder();
    strcpy(fixtures, test_folder);
    prepare_files();
    bool ok = !chdir(OUTPUT(""));
    for (int i = 0; i < N_COMMANDS; i++)
        if (argc < 4 || strstr(COMMANDS[i], argv[3])) ok &= test(COMMANDS[i], seconds);
    remove_test_folder();
    return !ok;
}
