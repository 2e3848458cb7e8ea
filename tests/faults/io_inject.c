#define _GNU_SOURCE
#include "tests/faults/io_inject.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_SECONDS = 60, ROOM = 1, INTERRUPTS = 2, MOVES = 4, POSITIONED = 8, WRITES = 16 };

/* What each takes part in. Numbers and places of arguments are those of all 64-bit Linux systems. */
static const struct call {
    int number;
    const char *name;
    unsigned is;
} CALLS[] = {
    {SYS_read, "read", INTERRUPTS | MOVES}, {SYS_pread64, "pread", INTERRUPTS | MOVES | POSITIONED},
    {SYS_write, "write", ROOM | INTERRUPTS | MOVES | WRITES}, {SYS_pwrite64, "pwrite", ROOM | INTERRUPTS | MOVES | POSITIONED | WRITES},
    {SYS_writev, "writev", ROOM | INTERRUPTS}, {SYS_readv, "readv", INTERRUPTS},
    {SYS_openat, "openat", INTERRUPTS}, {SYS_close, "close", 0}, {SYS_fstat, "fstat", 0}, {SYS_newfstatat, "fstatat", 0}, {SYS_statx, "statx", 0},
    {SYS_mmap, "mmap", 0}, {SYS_mremap, "mremap", 0}, {SYS_fsync, "fsync", INTERRUPTS}, {SYS_fdatasync, "fdatasync", INTERRUPTS},
    {SYS_ftruncate, "ftruncate", INTERRUPTS}, {SYS_fallocate, "fallocate", ROOM | INTERRUPTS}, {SYS_renameat2, "renameat2", 0},
    {SYS_unlinkat, "unlinkat", 0}, {SYS_mkdirat, "mkdirat", ROOM}, {SYS_linkat, "linkat", ROOM}, {SYS_getdents64, "getdents", 0},
    {SYS_flock, "flock", 0}, {SYS_fcntl, "fcntl", 0}, {SYS_lseek, "lseek", 0}, {SYS_fadvise64, "fadvise", 0},
#ifdef SYS_open
    {SYS_open, "open", INTERRUPTS}, {SYS_stat, "stat", 0}, {SYS_lstat, "lstat", 0}, {SYS_rename, "rename", 0}, {SYS_unlink, "unlink", 0},
    {SYS_mkdir, "mkdir", ROOM}, {SYS_access, "access", 0}, {SYS_readlink, "readlink", 0},
#endif
};
enum { N_CALLS = sizeof CALLS / sizeof *CALLS };

static const struct call *call_of(int number) {
    for (size_t i = 0; i < N_CALLS; i++)
        if (CALLS[i].number == number) return &CALLS[i];
    return NULL;
}

/* ---- the program ---- */

static int install_filter(void) {
    struct sock_filter code[2 * N_CALLS + 2];
    unsigned short n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < N_CALLS; i++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)CALLS[i].number, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {n, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

typedef union passing {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
} passing;

static void send_fd(int to, int fd) {
    passing p = {.header = {.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct iovec one = {"", 1};
    struct msghdr m = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = &p, .msg_controllen = sizeof p};
    memcpy(CMSG_DATA(&p.header), &fd, sizeof fd);
    if (sendmsg(to, &m, 0) != 1) _exit(126);
}

static int receive_fd(int from) {
    passing p;
    char byte;
    struct iovec one = {&byte, 1};
    struct msghdr m = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = &p, .msg_controllen = sizeof p};
    int fd = -1;
    if (recvmsg(from, &m, MSG_CMSG_CLOEXEC) == 1 && m.msg_controllen) memcpy(&fd, CMSG_DATA(&p.header), sizeof fd);
    return fd;
}

static void put_stream(int fd, const char *path, int flags) {
    int opened = open(path, flags, 0666);
    if (opened < 0 || dup2(opened, fd) < 0) _exit(126);
    close(opened);
}

static void become(const io_run *run, int channel) {
    int ends[2];
    if (chdir(run->folder)) _exit(126);
    put_stream(0, run->input ? run->input : "/dev/null", O_RDONLY);
    put_stream(2, run->error, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
    if (run->closed) {
        if (pipe(ends) || dup2(ends[1], 1) < 0) _exit(126);
        close(ends[0]);
        close(ends[1]);
    } else {
        put_stream(1, run->output, O_WRONLY | O_CREAT | O_TRUNC);
    }
    if (channel >= 0) {
        int listener = install_filter();
        if (listener < 0) _exit(126);
        send_fd(channel, listener);
        fcntl(listener, F_SETFD, FD_CLOEXEC);
    }
    execv(run->arguments[0], run->arguments);
    _exit(126);
}

/* ---- faults ---- */

static void change_file(const io_run *run, const io_fault *fault) {
    char path[4096], other[4200], bytes[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", run->folder, fault->path);
    if (fault->kind == IO_REPLACE) {
        snprintf(other, sizeof other, "%s/../other", run->folder);
        int fd = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd >= 0) close(fd);
        if (fd < 0 || rename(other, path)) abort();
        return;
    }
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st)) abort();
    memset(bytes, 0x5a, sizeof bytes);
    if (fault->kind != IO_OVERWRITE && ftruncate(fd, fault->kind == IO_EMPTY ? 0 : st.st_size / 2)) abort();
    for (off_t at = 0; fault->kind == IO_OVERWRITE && at < st.st_size; at += (off_t)sizeof bytes)
        if (pwrite(fd, bytes, st.st_size - at < (off_t)sizeof bytes ? (size_t)(st.st_size - at) : sizeof bytes, at) < 0) abort();
    close(fd);
}

/* Half of a read or a write, done here: the number of bytes, or -errno. */
static int64_t do_half(pid_t pid, const struct call *call, const __u64 *arguments) {
    int process = (int)syscall(SYS_pidfd_open, pid, 0), fd = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, (int)arguments[0], 0);
    size_t n = (size_t)arguments[2] / 2;
    char *bytes = malloc(n);
    struct iovec here = {bytes, n}, there = {(void *)(uintptr_t)arguments[1], n};
    int64_t done = -EIO;
    if (fd >= 0 && bytes && (!(call->is & WRITES) || process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)n)) {
        if (call->is & WRITES) done = call->is & POSITIONED ? pwrite(fd, bytes, n, (off_t)arguments[3]) : write(fd, bytes, n);
        else done = call->is & POSITIONED ? pread(fd, bytes, n, (off_t)arguments[3]) : read(fd, bytes, n);
        if (done < 0) done = -errno;
        here.iov_len = there.iov_len = done > 0 ? (size_t)done : 0;
        if (done > 0 && !(call->is & WRITES) && process_vm_writev(pid, &here, 1, &there, 1, 0) != done) done = -EIO;
    }
    if (fd >= 0) close(fd);
    if (process >= 0) close(process);
    free(bytes);
    return done;
}

typedef struct listening {
    const io_run *run;
    const io_fault *fault;
    io_outcome *outcome;
    pid_t pid;
    bool began, full;
} listening;

/* Whether a call is one that the fault can come at. */
static bool counts(const io_fault *fault, const struct call *call, const struct seccomp_data *data) {
    bool takes_room = call->is & ROOM || ((!strcmp(call->name, "openat") || !strcmp(call->name, "open")) &&
                                          data->args[call->number == SYS_openat ? 2 : 1] & O_CREAT);
    if (call->number == SYS_mmap && data->args[3] & MAP_ANONYMOUS) return false;
    if (call->number == SYS_fcntl && data->args[1] != F_SETLK) return false;
    if (fault->kind == IO_FULL) return takes_room && !(call->is & WRITES && data->args[0] == 2);
    if (fault->kind == IO_SHORT) return call->is & MOVES && data->args[2] > 1 && data->args[0] != 2;
    if (fault->kind == IO_ERROR && fault->value == EINTR) return call->is & INTERRUPTS && !(call->is & WRITES && data->args[0] <= 2);
    return !(call->is & WRITES && data->args[0] == 2); /* what is wrong can then not be said */
}

static void name_file(pid_t pid, int fd, char *name, size_t room) {
    char link[64], path[4096];
    struct stat st;
    snprintf(link, sizeof link, "/proc/%ld/fd/%d", (long)pid, fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    const char *last = strrchr(path, '/');
    snprintf(name, room, "%.60s%s", last ? last + 1 : path, !stat(link, &st) && S_ISDIR(st.st_mode) ? "/" : "");
}

static void answer(listening *l, const struct seccomp_notif *asked, struct seccomp_notif_resp *response) {
    const struct seccomp_data *data = &asked->data;
    const struct call *call = call_of(data->nr);
    *response = (struct seccomp_notif_resp){.id = asked->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    if (data->nr == SYS_fcntl && data->args[0] == 0 && data->args[1] == F_GETFD) l->began = true;
    bool nameless = data->nr == SYS_openat && (data->args[2] & O_TMPFILE) == O_TMPFILE;
    if (l->run->named && nameless) {
        response->error = -EOPNOTSUPP;
        response->flags = 0;
        return;
    }
    if (!l->began || !call || !counts(l->fault, call, data)) return;
    l->outcome->calls++;
    bool now = l->outcome->calls == l->fault->at;
    if (!now && !l->full) return;
    if (now) {
        l->outcome->fired = true;
        snprintf(l->outcome->call, sizeof l->outcome->call, "%s", call->name);
        if (strstr(call->name, "sync")) name_file(l->pid, (int)data->args[0], l->outcome->file, sizeof l->outcome->file);
    }
    switch (l->fault->kind) {
    case IO_NONE: return;
    case IO_ERROR: response->error = -l->fault->value; break;
    case IO_FULL:
        l->full = true;
        response->error = -ENOSPC;
        break;
    case IO_SHORT: {
        int64_t n = do_half(l->pid, call, data->args);
        if (n < 0) response->error = (int)n;
        else response->val = n;
        break;
    }
    case IO_SIGNAL: kill(l->pid, l->fault->value); return;
    default: change_file(l->run, l->fault); return;
    }
    response->flags = 0;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Until no process listens any more, or it takes too long. */
static void listen_to(listening *l, int listener, double until) {
    for (;;) {
        struct pollfd p = {listener, POLLIN, 0};
        struct seccomp_notif asked = {0};
        struct seccomp_notif_resp response;
        int left = (int)(1000 * (until - now()));
        if (left <= 0 || poll(&p, 1, left) <= 0 || !(p.revents & POLLIN)) return;
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked)) continue; /* it died meanwhile */
        answer(l, &asked, &response);
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
    }
}

static void wait_until(int process, double until) {
    struct pollfd p = {process, POLLIN, 0};
    double left = until - now();
    struct timespec t = {(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};
    if (left > 0) ppoll(&p, 1, &t, NULL);
}

int io_inject(const io_run *run, const io_fault *fault, io_outcome *outcome) {
    int channel[2], process;
    double began = now();
    siginfo_t gone = {0};
    bool timed = fault->microseconds > 0;
    *outcome = (io_outcome){0};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel)) return -1;
    pid_t pid = fork();
    if (pid == 0) become(run, timed ? -1 : channel[1]);
    close(channel[1]);
    int listener = timed || pid < 0 ? -1 : receive_fd(channel[0]);
    close(channel[0]);
    if (pid < 0) return -1;
    process = (int)syscall(SYS_pidfd_open, pid, 0);
    if (listener >= 0) {
        listening l = {run, fault, outcome, pid, false, false};
        listen_to(&l, listener, began + MOST_SECONDS);
        close(listener);
    } else if (timed) {
        wait_until(process, began + 1e-6 * (double)fault->microseconds);
        outcome->fired = waitid(P_PID, (id_t)pid, &gone, WEXITED | WNOHANG | WNOWAIT) == 0 && gone.si_pid == 0;
        if (outcome->fired && fault->kind == IO_SIGNAL) kill(pid, fault->value);
        else if (outcome->fired) change_file(run, fault);
        snprintf(outcome->call, sizeof outcome->call, "a time");
    }
    wait_until(process, began + MOST_SECONDS);
    outcome->hung = now() > began + MOST_SECONDS;
    if (outcome->hung) kill(pid, SIGKILL);
    waitpid(pid, &outcome->status, 0);
    close(process);
    outcome->seconds = now() - began;
    if (WIFEXITED(outcome->status) && WEXITSTATUS(outcome->status) == 126) return -1;
    return 0;
}
