#include "cli/cli.h"
#include "cli/generate.h"
#include "cli/profile.h"
#include "cli/prompt.h"
#include "cli/session.h"
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BIASES = 4096 };

typedef struct settings {
    const char *prompt, *ids, *batch;
    uint32_t n;
    float temperature, top_p, min_p, repeat_penalty;
    uint32_t top_k, repeat_last, ctx, threads, parallel;
    uint64_t seed;
    opt_list stops, biases;
    bool greedy, ignore_eos, shift, stats, json, profile;
} settings;

static const settings defaults = {
    .n = 128,
    .temperature = 0.8f,
    .top_k = 40,
    .top_p = 1,
    .repeat_penalty = 1,
    .repeat_last = 64,
    .parallel = 8,
};

#define AT(field) .offset = offsetof(settings, field)
static const opt_spec options[] = {
    {.name = "prompt", .letter = 'p', .kind = OPT_TEXT, .argument = "TEXT", AT(prompt), .help = "the text to complete"},
    {.name = "ids", .kind = OPT_TEXT, .argument = "\"5 17 3\"", AT(ids), .help = "the prompt as ids"},
    {.name = "batch", .kind = OPT_TEXT, .argument = "FILE", AT(batch),
     .help = "complete every line of FILE (\\n, \\r, \\t, \\\\ in it are escapes), packed together"},
    {.name = "parallel", .kind = OPT_U32, .argument = "N", AT(parallel), .min = 1, .max = 256,
     .help = "with --batch: prompts evaluated together (default 8; the texts don't depend on it)"},
    {.name = "tokens", .letter = 'n', .kind = OPT_U32, .argument = "N", AT(n), .max = 1e9,
     .help = "most new tokens (default 128)"},
    {.name = "temperature", .kind = OPT_REAL, .argument = "T", AT(temperature), .max = 1e6,
     .help = "(default 0.8; 0 is greedy)"},
    {.name = "top-k", .kind = OPT_U32, .argument = "K", AT(top_k), .max = 1e9,
     .help = "only the K likeliest tokens (default 40; 0: all)"},
    {.name = "top-p", .kind = OPT_REAL, .argument = "P", AT(top_p), .min = 1e-6, .max = 1,
     .help = "only the likeliest tokens that together have probability P (default 1: all)"},
    {.name = "min-p", .kind = OPT_REAL, .argument = "P", AT(min_p), .max = 1,
     .help = "only tokens at least P times as likely as the likeliest (default 0: all)"},
    {.name = "repeat-penalty", .kind = OPT_REAL, .argument = "R", AT(repeat_penalty), .min = 1e-6, .max = 1e6,
     .help = "weakens tokens seen lately (default 1: no)"},
    {.name = "repeat-last", .kind = OPT_U32, .argument = "N", AT(repeat_last), .max = 1 << 20,
     .help = "how many tokens are lately (default 64)"},
    {.name = "seed", .kind = OPT_U64, .argument = "S", AT(seed),
     .help = "another seed gives another text (default 0: the same command, the same text)"},
    {.name = "greedy", .kind = OPT_FLAG, AT(greedy), .help = "always the likeliest token"},
    {.name = "stop", .kind = OPT_LIST, .argument = "STR", AT(stops), .help = "end before this text; may be repeated"},
    {.name = "logit-bias", .kind = OPT_LIST, .argument = "ID=V", AT(biases),
     .help = "add V to a token's logit (-inf forbids it); may be repeated"},
    {.name = "ignore-eos", .kind = OPT_FLAG, AT(ignore_eos), .help = "go on after the end-of-text token"},
    {.name = "shift", .kind = OPT_FLAG, AT(shift), .help = "when the context is full, forget its older half and go on"},
    {.name = "ctx", .kind = OPT_U32, .argument = "N", AT(ctx), .min = 1, .max = 1e9,
     .help = "most tokens of context (default: the model's)"},
    {.name = "threads", .kind = OPT_U32, .argument = "N", AT(threads), .min = 1, .max = 1024,
     .help = "(default: what linnet cpu shows)"},
    PROFILE_OPTION(settings, profile),
    {.name = "stats", .kind = OPT_FLAG, AT(stats), .help = "times and rates on standard error"},
    {.name = "json", .kind = OPT_FLAG, AT(json),
     .help = "one object a prompt: prompt, text, ids, tokens, finish (length, stop, eos, context)"},
    {0},
};

typedef struct job {
    const settings *s;
    const char *path;
    double began, loaded;
    session m;
    generate_rules rules;
    int32_t *bias_ids;
    float *bias_values;
    prompt *prompts;
    size_t n_prompts;
    uint32_t n_slots; /* sequences evaluated together */
    generation *generations;
    size_t printed; /* --batch: prompts whose result is out; otherwise bytes of the text */
    generate_timing timing;
    lnt_error err;
} job;

static int read_biases(job *j) {
    const opt_list *given = &j->s->biases;
    if (given->n > MAX_BIASES) return cli_usage("more than %d times --logit-bias", MAX_BIASES);
    j->bias_ids = calloc(given->n + 1, sizeof *j->bias_ids);
    j->bias_values = calloc(given->n + 1, sizeof *j->bias_values);
    if (!j->bias_ids || !j->bias_values) return cli_failf("out of memory for the logit biases");
    for (size_t i = 0; i < given->n; i++) {
        const char *text = given->items[i], *equals = strchr(text, '=');
        char id[24];
        uint64_t value;
        double bias;
        snprintf(id, sizeof id, "%.*s", equals && equals - text < 20 ? (int)(equals - text) : 0, text);
        if (!opt_read_u64(id, &value) || !opt_read_double(equals + 1, &bias) || bias == INFINITY)
            return cli_usage("--logit-bias: \"%s\" is not ID=V, a token's id and a number", text);
        if (value >= j->m.info.vocab_size)
            return cli_failf("%s: id %s of --logit-bias is outside the vocabulary, expected 0 to %u", j->path, id,
                             j->m.info.vocab_size - 1);
        j->bias_ids[i] = (int32_t)value;
        j->bias_values[i] = (float)bias;
    }
    return CLI_OK;
}

static int set_rules(job *j) {
    const settings *s = j->s;
    for (size_t i = 0; i < s->stops.n; i++)
        if (!*s->stops.items[i]) return cli_usage("--stop: empty, expected a text");
    if (s->stops.n && !j->m.tokenizer)
        return cli_failf("%s: holds no tokenizer, so --stop cannot be used", j->path);
    if (s->ctx > j->m.info.n_ctx)
        return cli_failf("%s: --ctx %u is more than the model's context, expected at most %u", j->path, s->ctx,
                         j->m.info.n_ctx);
    lnt_sampling sampling = lnt_sampling_default();
    sampling.temperature = s->greedy ? 0 : s->temperature;
    sampling.top_k = s->top_k;
    sampling.top_p = s->top_p;
    sampling.min_p = s->min_p;
    sampling.repeat_penalty = s->repeat_penalty;
    sampling.repeat_last = s->repeat_last;
    sampling.seed = s->seed;
    sampling.bias_ids = j->bias_ids;
    sampling.bias_values = j->bias_values;
    sampling.n_bias = s->biases.n;
    j->rules = (generate_rules){
        .model = j->m.model,
        .sampling = sampling,
        .stops = s->stops.items,
        .n_stops = s->stops.n,
        .n = s->n,
        .n_ctx = s->ctx ? s->ctx : j->m.info.n_ctx,
        .eos_id = s->ignore_eos ? -1 : j->m.info.eos_id,
        .shift = s->shift,
        .with_text = j->m.tokenizer != NULL,
    };
    return CLI_OK;
}

static int add_prompt(job *j, prompt *p) {
    if ((j->n_prompts & (j->n_prompts - 1)) == 0) {
        size_t capacity = j->n_prompts ? 2 * j->n_prompts : 1;
        prompt *bigger = realloc(j->prompts, capacity * sizeof *bigger);
        if (!bigger) return cli_failf("out of memory for %zu prompts", capacity);
        j->prompts = bigger;
    }
    j->prompts[j->n_prompts++] = *p;
    *p = (prompt){0};
    return CLI_OK;
}

static int check_length(job *j, const prompt *p, const char *shown) {
    if (p->n_ids <= j->rules.n_ctx) return CLI_OK;
    return cli_failf("%s: the prompt has %zu tokens, expected at most the context's %u", shown, p->n_ids,
                     j->rules.n_ctx);
}

static int read_batch(job *j) {
    io_lines lines;
    if (io_lines_open(&lines, j->s->batch, &j->err) != 0) return cli_fail(&j->err);
    int status = CLI_OK, more = 0;
    while (status == CLI_OK && (more = io_lines_next(&lines, &j->err)) > 0) {
        char shown[300];
        snprintf(shown, sizeof shown, "%.250s: line %zu", lines.path, lines.number);
        prompt p = {0};
        size_t n = lines.line.n ? text_unescape(lines.line.data, lines.line.n) : 0;
        if (io_append(&p.text, lines.line.data, n) != 0)
            status = cli_failf("%s: out of memory", shown);
        else if (prompt_from_bytes(&p, p.text.data, p.text.n, shown, j->m.model, j->m.tokenizer, &j->err) != 0)
            status = cli_fail(&j->err);
        else if ((status = check_length(j, &p, shown)) == CLI_OK)
            status = add_prompt(j, &p);
        prompt_free(&p);
    }
    if (more < 0) status = cli_fail(&j->err);
    if (status == CLI_OK && j->n_prompts == 0)
        status = cli_failf("%s: empty, expected a prompt a line", lines.path);
    io_lines_close(&lines);
    return status;
}

static int read_prompts(job *j, const char *file) {
    if (j->s->batch) return read_batch(j);
    prompt p;
    prompt_source source = {j->s->prompt, j->s->ids, file};
    int status = prompt_read(&p, &source, j->m.model, j->m.tokenizer, &j->err) == 0 ? CLI_OK : cli_fail(&j->err);
    if (status == CLI_OK) status = check_length(j, &p, j->path);
    if (status == CLI_OK) status = add_prompt(j, &p);
    prompt_free(&p);
    return status;
}

/* Makes the generations and a context with room for the longest of them, not for more. */
static int prepare(job *j) {
    size_t longest = 0;
    j->generations = calloc(j->n_prompts, sizeof *j->generations);
    if (!j->generations) return cli_failf("out of memory for %zu prompts", j->n_prompts);
    for (size_t i = 0; i < j->n_prompts; i++) {
        j->generations[i].prompt = j->prompts[i].ids;
        j->generations[i].n_prompt = j->prompts[i].n_ids;
        if (j->prompts[i].n_ids > longest) longest = j->prompts[i].n_ids;
    }
    size_t room = longest + j->s->n;
    j->n_slots = j->n_prompts < j->s->parallel ? (uint32_t)j->n_prompts : j->s->parallel;
    lnt_context_options context = {
        .n_threads = j->s->threads,
        .n_ctx = room < j->rules.n_ctx ? (uint32_t)room : j->rules.n_ctx,
        .n_sequences = j->n_slots,
        .n_outputs = j->n_slots,
    };
    if (session_context(&j->m, &context, &j->err) != 0) return cli_fail(&j->err);
    j->loaded = cli_seconds();
    return CLI_OK;
}

static void print_json(const job *j, const prompt *p, const generation *g) {
    if (p->text.data && j->m.tokenizer) {
        fputs("{\"prompt\": ", stdout);
        text_json(p->text.data, p->text.n);
    } else {
        fputs("{\"prompt_ids\": ", stdout);
        prompt_print_ids(p->ids, p->n_ids, true);
    }
    if (j->m.tokenizer) {
        fputs(", \"text\": ", stdout);
        text_json(g->stream.ready.data, g->stream.ready.n);
    }
    fputs(", \"ids\": ", stdout);
    prompt_print_ids(g->ids, g->n_ids, true);
    printf(", \"tokens\": %zu, \"finish\": \"%s\"}\n", g->n_ids, g->finish);
}

static void print_result(const job *j, size_t i) {
    const prompt *p = &j->prompts[i];
    const generation *g = &j->generations[i];
    if (j->s->json) {
        print_json(j, p, g);
        return;
    }
    printf("%s==> ", i ? "\n" : "");
    text_escaped(p->text.data, p->text.n);
    fputs(" <==\n", stdout);
    if (j->m.tokenizer)
        text_print(g->stream.ready.data, g->stream.ready.n);
    else
        prompt_print_ids(g->ids, g->n_ids, false);
    putchar('\n');
}

static void note_full_context(const job *j, const generation *g) {
    if (strcmp(g->finish, "context") != 0) return;
    fprintf(stderr,
            "linnet: %s: the context of %u tokens is full, the text ends after %zu new ones (--shift goes on)\n",
            j->path, j->rules.n_ctx, g->n_ids);
}

/* Results go out in the order of the prompts. */
static int batch_listener(void *user, const generation *g) {
    job *j = user;
    if (!g->finish) return 0;
    size_t before = j->printed;
    for (; j->printed < j->n_prompts && j->generations[j->printed].finish; j->printed++) {
        print_result(j, j->printed);
        note_full_context(j, &j->generations[j->printed]);
        generate_free(&j->generations[j->printed]);
    }
    return j->printed > before ? io_flush() : 0;
}

static int stream_listener(void *user, const generation *g) {
    job *j = user;
    if (j->s->json) {
        if (!g->finish) return 0;
        print_json(j, &j->prompts[0], g);
        note_full_context(j, g);
        return io_flush();
    }
    if (j->m.tokenizer) {
        size_t n = g->stream.ready.n - j->printed;
        if (n) text_print(g->stream.ready.data + j->printed, n);
        j->printed = g->stream.ready.n;
        if (n == 0 && !g->finish) return 0;
    } else {
        for (; j->printed < g->n_ids; j->printed++) {
            if (j->printed) putchar(' ');
            io_put_int(g->ids[j->printed]);
        }
    }
    if (!g->finish) return io_flush();
    putchar('\n');
    int failed = io_flush();
    note_full_context(j, g);
    return failed;
}

static double rate(size_t n, double seconds) {
    return seconds > 0 ? (double)n / seconds : 0;
}

static void print_stats(const job *j) {
    const generate_timing *t = &j->timing;
    fprintf(stderr, "threads %u, level %s\n", lnt_context_threads(j->m.ctx), lnt_cpu_level());
    fprintf(stderr, "load                 %9.2f ms\n", 1e3 * (j->loaded - j->began));
    fprintf(stderr, "time to first token  %9.2f ms, load included\n",
            t->first_token > 0 ? 1e3 * (t->first_token - j->began) : 0);
    fprintf(stderr, "prompt               %9zu tokens in %.2f ms, %.1f tokens/s\n", t->prompt_tokens,
            1e3 * t->prompt_seconds, rate(t->prompt_tokens, t->prompt_seconds));
    fprintf(stderr, "generated            %9zu tokens; after the first, %.1f tokens/s in %.2f ms\n", t->new_tokens,
            rate(t->later_tokens, t->token_seconds), 1e3 * t->token_seconds);
}

static void on_interrupt(int number) {
    (void)number;
    generate_interrupted = 1;
}

static int generate(job *j) {
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)}; /* the second one kills */
    sigaction(SIGINT, &action, NULL);
    int result = generate_run(j->m.ctx, j->generations, j->n_prompts, j->n_slots, &j->rules,
                              j->s->batch ? batch_listener : stream_listener, j, &j->timing, &j->err);
    io_flush();
    if (result < 0) return cli_fail(&j->err);
    if (j->s->stats) print_stats(j);
    return generate_interrupted ? CLI_KILLED + SIGINT : CLI_OK;
}

static int complete(job *j, const char *file) {
    bool from_ids = j->s->ids != NULL || j->s->batch != NULL;
    if (session_open(&j->m, j->path, "causal-lm", from_ids ? 0 : SESSION_TOKENIZER, &j->err) != 0)
        return cli_fail(&j->err);
    int status = read_biases(j);
    if (status == CLI_OK) status = set_rules(j);
    if (status == CLI_OK) status = read_prompts(j, file);
    if (status == CLI_OK) status = prepare(j);
    if (status == CLI_OK) status = generate(j);
    return status;
}

static int run(const void *given, const char *const *operands, size_t n_operands) {
    const settings *s = given;
    const char *file = n_operands > 1 ? operands[1] : NULL;
    if (s->batch && (s->prompt || s->ids || file)) return cli_usage("--batch takes the prompts from its FILE alone");
    prompt_source source = {s->prompt, s->ids, file};
    if (!s->batch && prompt_source_check(&source) != 0) return CLI_USAGE;
    job j = {.s = s, .path = operands[0], .began = cli_seconds()};
    int status = complete(&j, file);
    for (size_t i = 0; j.generations && i < j.n_prompts; i++) generate_free(&j.generations[i]);
    for (size_t i = 0; i < j.n_prompts; i++) prompt_free(&j.prompts[i]);
    free(j.generations);
    free(j.prompts);
    free(j.bias_ids);
    free(j.bias_values);
    session_close(&j.m);
    return status;
}

const cli_verb verb_complete = {
    .name = "complete",
    .summary = "complete a text, streamed",
    .operands = "MODEL (-p TEXT | --ids IDS | FILE | - | --batch FILE)",
    .notes = "The prompt is taken as it is, a file's last newline included. Without a tokenizer in the model the\n"
             "prompt is --ids, and ids are printed. --batch prints \"==> PROMPT <==\" before each text.\n",
    .examples = "linnet complete gpt2.lnt -p \"The nightingale\" -n 40\n"
                "linnet complete gpt2.lnt story.txt --greedy --stop \"The End\" --stats\n"
                "linnet complete gpt2.lnt --batch prompts.txt --json\n",
    .min_operands = 1,
    .max_operands = 2,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
