/* Linked into tests/test_kernels.c's program: does what vpdpbusd of AVX-VNNI does when the CPU takes it for an invalid instruction. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

/* Where the kernel keeps the registers of a process that met a signal: the XSAVE area's standard form (Intel SDM volume 1, 13.4), whose
   extent it writes into the bytes that the hardware leaves to software. */
enum { XMM = 160, EXTENT = 464, HEADER = 512, HIGH_HALVES = 576, YMM_STATE = 4 };

static void stop(const char *why) {
    if (write(2, why, strlen(why)) < 0) _exit(4);
    _exit(3);
}

/* The half of a ymm register */
static uint8_t *half_of(uint8_t *saved, unsigned which, unsigned high) { return saved + (high ? HIGH_HALVES : XMM) + 16 * which; }

static void dot(uint8_t *saved, unsigned to, unsigned x, unsigned w) {
    for (unsigned high = 0; high < 2; high++) {
        const uint8_t *q = half_of(saved, x, high), *v = half_of(saved, w, high);
        uint8_t *sums = half_of(saved, to, high);
        uint32_t sum[4];
        memcpy(sum, sums, sizeof sum);
        for (unsigned i = 0; i < 16; i++) sum[i / 4] += (uint32_t)(q[i] * (int8_t)v[i]);
        memcpy(sums, sum, sizeof sum);
    }
}

/* VEX.256.66.0F38.W0 50 /r between registers: C4, inverted R, X, B with the map, W, inverted second operand, L and prefix, 50, ModRM. */
static void take(int signal, siginfo_t *info, void *context) {
    mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
    const uint8_t *code = (const uint8_t *)m->gregs[REG_RIP];
    (void)signal, (void)info;
    if (code[0] != 0xc4 || (code[1] & 0x1f) != 2 || (code[2] & 0x87) != 0x05 || code[3] != 0x50 || code[4] < 0xc0)
        stop("an invalid instruction that is not vpdpbusd ymm, ymm, ymm\n");
    uint8_t *saved = (uint8_t *)m->fpregs;
    uint32_t magic;
    uint64_t in_use;
    memcpy(&magic, saved + EXTENT, sizeof magic);
    memcpy(&in_use, saved + HEADER, sizeof in_use);
    if (magic != 0x46505853) stop("the kernel did not save ymm registers\n");
    if (!(in_use & YMM_STATE)) { /* they were all zero, and not written */
        memset(saved + HIGH_HALVES, 0, 256);
        in_use |= YMM_STATE;
        memcpy(saved + HEADER, &in_use, sizeof in_use);
    }
    dot(saved, (code[4] >> 3 & 7) | (~code[1] >> 4 & 8), ~code[2] >> 3 & 15, (code[4] & 7) | (~code[1] >> 2 & 8));
    m->gregs[REG_RIP] += 5;
}

__attribute__((constructor)) static void install(void) {
    struct sigaction action = {.sa_sigaction = take, .sa_flags = SA_SIGINFO | SA_NODEFER};
    if (sigaction(SIGILL, &action, NULL)) stop("sigaction failed\n");
}
