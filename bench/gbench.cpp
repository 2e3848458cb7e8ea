#include "bench/gbench.h"
#include "measure/clock.h"
#include "measure/spread.h"
#include <algorithm>
#include <benchmark/benchmark.h>
#include <cstddef>
#include <cstring>
#include <vector>

using benchmark::Counter;
using benchmark::State;

/* One case runs at a time; its first thread makes the job before Google Benchmark lets all threads begin together. */
static void *job;
static gbench_work work;
static lnt_error error;

/* By the time since a thread's first iteration; threads are averaged. */
static void count(State &state, double seconds) {
    const double runs = double(state.iterations()) / seconds;
    auto show = [&](const char *name, double value) {
        if (value > 0) state.counters[name] = Counter(value, Counter::kAvgThreads);
    };
    show("GOP/s", work.operations * runs * 1e-9);
    show("GB/s", work.bytes * runs * 1e-9);
    show("ns/element", work.elements > 0 ? 1e9 / (work.elements * runs) : 0);
    show("%roof", work.ideal_seconds * runs * 100);
    if (work.item) show(work.item, work.items * runs);
}

static void run(State &state, const gbench_case &c, const void *arg) {
    if (state.thread_index() == 0) {
        work = gbench_work();
        job = c.begin(arg, c.threads, &work, &error);
    }
    spread_set before = {};
    if (c.threads > 1) spread_to(spread_cpu(uint32_t(state.thread_index())), &before); /* the job is made: nothing else starts threads here */
    bool failed = false;
    double begin = 0;
    for (auto _ : state) {
        if (begin == 0) begin = measure_seconds();
        if (!job || failed) continue;
        failed = c.run(job, uint32_t(state.thread_index()), &error) != 0;
    }
    if (!job || failed)
        state.SkipWithError(error.text);
    else
        count(state, measure_seconds() - begin);
    spread_back(&before);
    if (state.thread_index() == 0 && job) c.end(job);
}

static double least(const std::vector<double> &v) { return *std::min_element(v.begin(), v.end()); }
static double most(const std::vector<double> &v) { return *std::max_element(v.begin(), v.end()); }

static std::vector<std::max_align_t> copy_of(const void *bytes, size_t n) {
    std::vector<std::max_align_t> copy((n + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t));
    if (n) std::memcpy(copy.data(), bytes, n);
    return copy;
}

void gbench_add(const gbench_case *c) {
    const gbench_case copy = *c;
    const std::vector<std::max_align_t> arg = copy_of(c->arg, c->arg_bytes);
    benchmark::RegisterBenchmark(c->name, [copy, arg](State &state) { run(state, copy, arg.data()); })
        ->Threads(int(c->threads))
        ->UseRealTime()
        ->ComputeStatistics("min", least)
        ->ComputeStatistics("max", most);
}

void gbench_start(int *argc, char **argv) { benchmark::Initialize(argc, argv); }

size_t gbench_run() { return benchmark::RunSpecifiedBenchmarks(); }
