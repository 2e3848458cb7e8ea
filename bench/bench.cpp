/* Kernels of every level on GPT-2's shapes, and the machine's roof in the same run. A filter chooses:
     linnet-bench --benchmark_filter='roof|avx2/q8' */
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

extern "C" {
#include "bench/roof.h"
#include "simd/kernels.h"
}

using benchmark::Counter;
using benchmark::RegisterBenchmark;
using benchmark::State;

namespace {

const char *const type_names[] = {"f32", "f16", "q8", "q4"};

struct Free {
    void operator()(void *p) const { std::free(p); }
};
using Bytes = std::unique_ptr<char, Free>;

Bytes allocate(size_t bytes) {
    Bytes p(static_cast<char *>(std::aligned_alloc(64, round_up(bytes + 1, 64))));
    std::memset(p.get(), 0, round_up(bytes + 1, 64));
    return p;
}

float draw() {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return static_cast<float>(state >> 40) * 0x1p-23f - 1;
}

Bytes draw_floats(size_t n) {
    Bytes p = allocate(n * sizeof(float));
    for (size_t i = 0; i < n; i++) reinterpret_cast<float *>(p.get())[i] = draw();
    return p;
}

float *floats(const Bytes &p) { return reinterpret_cast<float *>(p.get()); }

/* Bytes of weights and scales that one row of x meets */
size_t matrix_bytes(weight_type type, size_t k, size_t n) {
    const size_t outputs = round_up(n, LANES), kp = round_up(k, QUANT_PAD);
    const size_t per_output[] = {4 * k, 2 * k, kp + 4, kp / 2 + kp / QUANT_GROUP * 2};
    return outputs * per_output[type];
}

/* One linear layer; enough copies of the weights that a single row reads them from memory. */
struct Linear {
    linear_args args = {};
    std::vector<Bytes> w;
    Bytes x, quantized, scale, sum, bias, y;

    Linear(const kernels *level, weight_type type, size_t rows, size_t k, size_t n) {
        const size_t outputs = round_up(n, LANES), kp = round_up(k, QUANT_PAD);
        x = draw_floats(rows * kp), bias = draw_floats(outputs), y = allocate(rows * outputs * 4);
        scale = allocate(outputs * std::max<size_t>(4, kp / QUANT_GROUP * 2)), sum = allocate(outputs * 4);
        const size_t bytes = matrix_bytes(type, k, n), memory = size_t(256) << 20;
        for (size_t i = 0; i < (rows > 1 ? 1 : 1 + memory / bytes); i++) w.push_back(weights(level, type, outputs * kp));
        if (type == WEIGHT_Q8) std::fill_n(floats(scale), outputs, 0.01f);
        if (type == WEIGHT_Q4) std::fill_n(reinterpret_cast<uint16_t *>(scale.get()), outputs * kp / QUANT_GROUP, uint16_t(0x2000));
        args.x = x.get(), args.x_stride = kp * sizeof(float), args.k = k;
        args.w_scale = scale.get(), args.w_sum = sum.get(), args.bias = floats(bias);
        args.y = floats(y), args.y_stride = outputs, args.stream = rows == 1;
        if (type < WEIGHT_Q8) return;
        args.x_stride = quantized_row_bytes(k);
        quantized = allocate(rows * args.x_stride);
        args.x = quantized.get();
        for (size_t r = 0; r < rows; r++) level->quantize(floats(x) + r * kp, nullptr, k, quantized.get() + r * args.x_stride);
    }

    static Bytes weights(const kernels *level, weight_type type, size_t n) {
        Bytes f = draw_floats(type < WEIGHT_Q8 ? n : n / 4);
        if (type != WEIGHT_F16) return f;
        Bytes h = allocate(n * 2);
        level->f32_to_f16(floats(f), reinterpret_cast<uint16_t *>(h.get()), n);
        return h;
    }
};

void linear(State &state, const kernels *level, weight_type type, size_t rows, size_t k, size_t n) {
    static std::unique_ptr<Linear> shared;
    if (state.thread_index() == 0) shared = std::make_unique<Linear>(level, type, rows, k, n);
    const size_t panels = (n + LANES - 1) / LANES, threads = size_t(state.threads()), index = size_t(state.thread_index());
    const size_t begin = panels * index / threads, end = panels * (index + 1) / threads;
    size_t done = 0;
    for (auto _ : state) {
        linear_args a = shared->args;
        a.w = shared->w[done++ % shared->w.size()].get();
        level->linear[type](&a, 0, rows, begin, end);
    }
    const double part = double(done) * double(end - begin) / double(panels);
    state.counters["GFLOP/s"] = Counter(part * 2e-9 * double(rows * k * n), Counter::kIsRate);
    if (rows == 1) state.counters["GB/s"] = Counter(part * 1e-9 * double(matrix_bytes(type, k, n)), Counter::kIsRate);
}

void attention(State &state, const kernels *level, size_t rows, size_t keys) {
    const size_t d = 64;
    Bytes q = draw_floats(rows * d), k = draw_floats(keys * d), v = draw_floats(keys * d), out = allocate(rows * d * 4);
    Bytes scratch = allocate(attention_scratch_floats(keys, d) * 4);
    attention_args a = {};
    a.q = floats(q), a.q_stride = d, a.k_panels = floats(k), a.v_panels = floats(v), a.capacity = keys, a.head_dim = d;
    a.n_rows = rows, a.n_keys = keys, a.causal = true, a.scale = 0.125f;
    a.out = floats(out), a.out_stride = d, a.scratch = floats(scratch);
    for (auto _ : state) level->attention(&a);
    const double pairs = double(rows) * double(keys - rows) + double(rows) * double(rows + 1) / 2;
    state.counters["GFLOP/s"] = Counter(pairs * double(4 * d) * 1e-9, Counter::kIsIterationInvariantRate);
}

/* f(x, y) over n floats of x into y */
template <class F> void elements(State &state, size_t n, F f) {
    Bytes x = draw_floats(round_up(n, QUANT_PAD)), y = draw_floats(2 * round_up(n, QUANT_PAD));
    for (size_t i = 0; i < n; i++) floats(x)[i] *= 4;
    for (auto _ : state) f(floats(x), floats(y));
    state.counters["s/element"] = Counter(double(n), Counter::kIsIterationInvariantRate | Counter::kInvert);
}

void register_elements(const kernels *level) {
    const std::string name = std::string(level->level) + "/";
    auto add = [&](const std::string &what, size_t n, auto f) {
        RegisterBenchmark((name + what + "/" + std::to_string(n)).c_str(), [=](State &state) { elements(state, n, f); });
    };
    const char *const acts[] = {"none", "gelu_tanh", "gelu_erf", "relu", "silu", "tanh"};
    for (int act = ACT_GELU_TANH; act < ACTIVATIONS; act++)
        add(acts[act], 3072, [=](float *x, float *y) { level->activate(activation(act), x, y, 3072); });
    add("exp_sum", 512, [=](float *x, float *y) { benchmark::DoNotOptimize(level->exp_sum(x, 512, 1, 4, y)); });
    add("exp_sum", 50257, [=](float *x, float *) { benchmark::DoNotOptimize(level->exp_sum(x, 50257, 1, 4, nullptr)); });
    add("max", 50257, [=](float *x, float *) { benchmark::DoNotOptimize(level->max(x, 50257)); });
    add("norm", 768, [=](float *x, float *y) { level->norm(NORM_LAYER, x, x, x, 1e-5f, 768, y); });
    for (size_t n : {size_t(768), size_t(3072)}) add("quantize", n, [=](float *x, float *y) { level->quantize(x, nullptr, n, y); });
}

void register_level(const kernels *level) {
    struct { size_t k, n; } shapes[] = {{384, 384}, {384, 1536}, {1536, 384}, {768, 2304}, {768, 768}, {768, 3072}, {3072, 768}, {768, 50257}};
    const std::string name = std::string(level->level) + "/";
    for (int t = 0; t < WEIGHT_TYPES; t++)
        for (auto s : shapes)
            for (size_t rows : {size_t(1), size_t(128), size_t(512)}) {
                if (s.n > 50000 && rows > 1) continue; /* only the last row of a prompt meets the head */
                auto run = [=](State &state) { linear(state, level, weight_type(t), rows, s.k, s.n); };
                const std::string shape = std::to_string(s.k) + "x" + std::to_string(s.n) + "/rows:" + std::to_string(rows);
                RegisterBenchmark((name + type_names[t] + "/" + shape).c_str(), run)->Threads(1)->Threads(2)->UseRealTime();
            }
    RegisterBenchmark((name + "attention/rows:512/keys:512").c_str(), [=](State &state) { attention(state, level, 512, 512); });
    RegisterBenchmark((name + "attention/rows:1/keys:512").c_str(), [=](State &state) { attention(state, level, 1, 512); });
    register_elements(level);
}

void roof_arithmetic(State &state) {
    double operations = 0;
    for (auto _ : state) operations += roof_fma(1000);
    state.counters["GFLOP/s"] = Counter(operations * 1e-9, Counter::kIsRate);
}

void roof_memory(State &state) {
    const size_t bytes = size_t(256) << 20;
    Bytes p = allocate(bytes);
    std::memset(p.get(), 1, bytes);
    double read = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(roof_read(p.get(), bytes));
        read += double(bytes);
    }
    state.counters["GB/s"] = Counter(read * 1e-9, Counter::kIsRate);
}

} // namespace

int main(int argc, char **argv) {
    RegisterBenchmark("roof/fma", roof_arithmetic)->Threads(1)->Threads(2)->UseRealTime();
    RegisterBenchmark("roof/read", roof_memory)->Threads(1)->Threads(2)->UseRealTime();
    for (const char *const *name = kernels_levels(); *name; name++) register_level(kernels_level(*name));
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
