/* What a machine and its cgroups allow, read of folders that look like /proc and /sys: both versions, nested groups, "max", parts of a
   CPU; and contexts that there is no memory for. */
#include "engine/machine.h"
#include "tests/testing.h"
#include <sched.h>

/* A file of a machine, and the folders above it. */
static void put(const char *root, const char *path, const char *text) {
    char command[1024];
    snprintf(command, sizeof command, "mkdir -p \"$(dirname '%s%s')\"", root, path);
    ck_assert_int_eq(system(command), 0);
    write_file(path_of("%s%s", root, path), text, strlen(text));
}

typedef struct machine {
    const char *files[6][2];
    double quota;
    uint64_t memory;
    uint32_t threads; /* of 8 CPUs */
} machine;

#define MEMINFO {"/proc/meminfo", "MemTotal:        8000 kB\nMemFree: 1 kB\n"}
enum { ALL = 8000 * 1024 };

static const machine MACHINES[] = {
    {{{NULL}}, 0, 0, 8},
    {{MEMINFO}, 0, ALL, 8},
    {{MEMINFO, {"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "150000 100000\n"}, {"/sys/fs/cgroup/memory.max", "1048576\n"}}, 1.5, 1048576, 1},
    {{MEMINFO, {"/proc/self/cgroup", "0::/a/b\n"}, {"/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"}, {"/sys/fs/cgroup/a/b/memory.max", "max\n"}}, 0, ALL, 8},
    /* the least of those above counts */
    {{MEMINFO, {"/proc/self/cgroup", "0::/a/b\n"}, {"/sys/fs/cgroup/a/b/cpu.max", "400000 100000\n"}, {"/sys/fs/cgroup/a/cpu.max", "299999 100000\n"},
      {"/sys/fs/cgroup/a/b/memory.max", "4096\n"}, {"/sys/fs/cgroup/a/memory.max", "8192\n"}}, 2.99999, 4096, 2},
    {{MEMINFO, {"/proc/self/cgroup", "0::/a/b\n"}, {"/sys/fs/cgroup/a/memory.max", "8192\n"}, {"/sys/fs/cgroup/cpu.max", "50000 100000\n"}}, 0.5, 8192, 1},
    {{MEMINFO, {"/proc/self/cgroup", "0::/a\n"}, {"/sys/fs/cgroup/a/cpu.max", "900000 100000\n"}, {"/sys/fs/cgroup/a/memory.max", "99999999999\n"}}, 9, ALL, 8},
    /* version 1 */
    {{MEMINFO, {"/proc/self/cgroup", "3:memory:/x/y\n2:cpu,cpuacct:/x\n1:name=systemd:/z\n"}, {"/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "300000\n"},
      {"/sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n"}, {"/sys/fs/cgroup/memory/x/y/memory.limit_in_bytes", "65536\n"},
      {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}}, 3, 65536, 3},
    {{MEMINFO, {"/proc/self/cgroup", "2:cpuacct,cpu:/docker/1\n1:memory:/docker/1\n"}, {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
      {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}, {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}}, 0, ALL, 8},
    /* not of the controllers looked for */
    {{MEMINFO, {"/proc/self/cgroup", "2:cpuset:/\n1:xmemory,cpuacct:/\n"}, {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n"},
      {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}, {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "4096\n"}}, 0, ALL, 8},
    /* nonsense */
    {{{"/proc/meminfo", "nothing\n"}, {"/proc/self/cgroup", "::\n0::\nx\n\n0::/../..\n"}, {"/sys/fs/cgroup/cpu.max", "-5 0\n"}, {"/sys/fs/cgroup/memory.max", "many\n"}}, 0, 0, 8},
};
enum { N = sizeof MACHINES / sizeof *MACHINES };

START_TEST(test_limits) {
    const machine *m = &MACHINES[_i];
    char root[300];
    machine_limits limits;
    snprintf(root, sizeof root, "%s/%d", test_folder, _i);
    for (int i = 0; i < 6 && m->files[i][0]; i++) put(root, m->files[i][0], m->files[i][1]);
    machine_read_limits_in(root, &limits);
    ck_assert_double_eq(limits.quota, m->quota);
    ck_assert_uint_eq(limits.memory, m->memory);
    limits.allowed = 8;
    limits.fast = 0;
    ck_assert_uint_eq(machine_threads(&limits), m->threads);
}
END_TEST

START_TEST(test_performance_cores) {
    char root[300];
    machine_limits limits;
    snprintf(root, sizeof root, "%s/hybrid", test_folder);
    put(root, "/sys/devices/cpu_core/cpus", "0-1023\n");
    machine_read_limits_in(root, &limits);
    ck_assert_uint_eq(limits.fast, limits.allowed);
    limits = (machine_limits){.allowed = 8, .fast = 3, .quota = 2.5};
    ck_assert_uint_eq(machine_threads(&limits), 2);
    limits.quota = 4;
    ck_assert_uint_eq(machine_threads(&limits), 3);
}
END_TEST

START_TEST(test_this_machine) {
    machine_limits limits;
    machine_read_limits(&limits);
    ck_assert_uint_gt(limits.memory, 1 << 20);
    ck_assert_uint_ge(limits.allowed, 1);
    ck_assert_uint_eq(lnt_default_threads(), machine_threads(&limits));
}
END_TEST

/* Keys and values of so many sequences are more than any machine has. */
START_TEST(test_context_that_is_too_large) {
    lnt_error err;
    machine_limits limits;
    machine_read_limits(&limits);
    lnt_model *m = lnt_open(LINNET_SOURCE_DIR "/models/shakespeare/shakespeare.lnt", &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    lnt_info info;
    lnt_model_info(m, &info);
    const uint64_t each = (uint64_t)info.n_ctx * info.n_layers * info.width * 2 * sizeof(float), n = limits.memory / each + 1;
    ck_assert_uint_lt(n, 1 << 20);
    ck_assert_ptr_null(lnt_context_new(m, &(lnt_context_options){.n_threads = 1, .n_sequences = (uint32_t)n}, &err));
    CHECK_ERROR(&err, "shakespeare.lnt", "MiB", "of memory");
    lnt_context *c = lnt_context_new(m, &(lnt_context_options){.n_threads = 1, .n_sequences = (uint32_t)(n / 2)}, &err);
    ck_assert_msg(c != NULL, "%s", err.text);
    lnt_context_free(c);
    lnt_close(m);
}
END_TEST

int main(void) {
    make_test_folder();
    TCase *c = tcase_create("machine");
    tcase_add_loop_test(c, test_limits, 0, N);
    tcase_add_test(c, test_performance_cores);
    tcase_add_test(c, test_this_machine);
    tcase_add_test(c, test_context_that_is_too_large);
    int failed = run_suite("machine", (TCase *const[]){c, NULL});
    remove_test_folder();
    return failed;
}
