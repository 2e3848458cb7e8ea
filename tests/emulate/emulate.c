/* All the operating system that a static Linux program needs to run Check tests on a bare emulated machine: it loads the
   program from the disk, starts it in the same privilege level, and answers its system calls. */
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum { PROGRAM_SECTOR = 128, SECTOR = 512, PAGE = 4096 };
#define PROGRAM ((unsigned char *)0x10000000) /* the file as read; its segments lie where it wants them */
#define BREAK 0x20000000ull
#define MAPPINGS 0x30000000ull
#define STACK_TOP 0x0ff00000ull

static void out8(uint16_t port, uint8_t x) { __asm__ volatile("outb %0, %1" ::"a"(x), "Nd"(port)); }
static uint8_t in8(uint16_t port) {
    uint8_t x;
    __asm__ volatile("inb %1, %0" : "=a"(x) : "Nd"(port));
    return x;
}
static void write_msr(uint32_t msr, uint64_t x) {
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)x), "d"((uint32_t)(x >> 32)));
}

void *memcpy(void *to, const void *from, size_t n) {
    void *p = to;
    __asm__ volatile("rep movsb" : "+D"(p), "+S"(from), "+c"(n)::"memory");
    return to;
}
void *memset(void *to, int x, size_t n) {
    void *p = to;
    __asm__ volatile("rep stosb" : "+D"(p), "+c"(n) : "a"(x) : "memory");
    return to;
}

/* Bochs prints what goes to port 0xe9, and ends at an exception that nobody handles. */
static void print(const char *s, size_t n) {
    while (n--) out8(0xe9, (uint8_t)*s++);
}
static _Noreturn void stop(int status) {
    const char digits[] = {'\n', 'e', 'x', 'i', 't', ' ', (char)('0' + (status & 127) / 10), (char)('0' + (status & 127) % 10), '\n'};
    print(digits, sizeof digits);
    __builtin_trap();
}

static void read_sector(uint32_t sector, void *to) {
    out8(0x1f2, 1);
    out8(0x1f3, (uint8_t)sector);
    out8(0x1f4, (uint8_t)(sector >> 8));
    out8(0x1f5, (uint8_t)(sector >> 16));
    out8(0x1f6, (uint8_t)(0xe0 | sector >> 24));
    out8(0x1f7, 0x20);
    while ((in8(0x1f7) & 0x88) != 0x08) continue;
    size_t words = SECTOR / 2;
    __asm__ volatile("rep insw" : "+D"(to), "+c"(words) : "d"(0x1f0) : "memory");
}

/* ---- system calls ---- */

typedef struct registers { int64_t number, a, b, c, d, e, f; } registers;

static uint64_t program_break = BREAK, next_mapping = MAPPINGS, ticks;

/* Files that the program creates: Check sends itself messages through one. */
enum { FILES = 64, FIRST_FILE = 3, FILE_BYTES = 1 << 18 };
static struct file { unsigned char *bytes; int64_t at, size; } files[FILES];
static int64_t n_files;

static int64_t open_file(int64_t flags) {
    if (!(flags & 0100) || n_files == FILES) return -2; /* only new ones */
    files[n_files] = (struct file){.bytes = (unsigned char *)next_mapping};
    next_mapping += FILE_BYTES;
    return FIRST_FILE + n_files++;
}

static struct file *file_of(int64_t fd) { return fd >= FIRST_FILE && fd < FIRST_FILE + n_files ? &files[fd - FIRST_FILE] : NULL; }

static int64_t write_bytes(int64_t fd, const void *p, int64_t n) {
    struct file *f = file_of(fd);
    if (!f) {
        print(p, (size_t)n);
        return n;
    }
    if (f->at + n > FILE_BYTES) return -28;
    memcpy(f->bytes + f->at, p, (size_t)n);
    f->at += n;
    if (f->size < f->at) f->size = f->at;
    return n;
}

static int64_t write_parts(int64_t fd, const struct iovec *parts, int64_t n) {
    int64_t written = 0;
    for (int64_t i = 0; i < n; i++) written += write_bytes(fd, parts[i].iov_base, (int64_t)parts[i].iov_len);
    return written;
}

static int64_t read_bytes(int64_t fd, void *p, int64_t n) {
    struct file *f = file_of(fd);
    if (!f) return 0;
    if (n > f->size - f->at) n = f->size - f->at;
    memcpy(p, f->bytes + f->at, (size_t)n);
    f->at += n;
    return n;
}

static int64_t seek(int64_t fd, int64_t offset, int64_t whence) {
    struct file *f = file_of(fd);
    if (!f) return -29;
    return f->at = offset + (whence == 1 ? f->at : whence == 2 ? f->size : 0);
}

static int64_t map(const registers *r) {
    if (r->e != -1) return -19; /* anonymous memory only */
    const uint64_t at = next_mapping, bytes = ((uint64_t)r->b + PAGE - 1) / PAGE * PAGE;
    next_mapping += bytes;
    memset((void *)at, 0, bytes);
    return (int64_t)at;
}

int64_t system_call(const registers *r) {
    switch (r->number) {
    case SYS_write: return write_bytes(r->a, (const void *)r->b, r->c);
    case SYS_writev: return write_parts(r->a, (const struct iovec *)r->b, r->c);
    case SYS_read: return read_bytes(r->a, (void *)r->b, r->c);
    case SYS_open: return open_file(r->b);
    case SYS_openat: return open_file(r->c);
    case SYS_lseek: return seek(r->a, r->b, r->c);
    case SYS_brk:
        if ((uint64_t)r->a >= BREAK && (uint64_t)r->a < MAPPINGS) {
            if ((uint64_t)r->a > program_break) memset((void *)program_break, 0, (uint64_t)r->a - program_break);
            program_break = (uint64_t)r->a;
        }
        return (int64_t)program_break;
    case SYS_mmap: return map(r);
    case SYS_arch_prctl:
        if (r->a != 0x1002) return -22;
        write_msr(0xc0000100, (uint64_t)r->b);
        return 0;
    case SYS_clock_gettime:
        ((int64_t *)r->b)[0] = 1 + (int64_t)++ticks / 1000;
        ((int64_t *)r->b)[1] = (int64_t)ticks % 1000 * 1000000;
        return 0;
    case SYS_timer_create: *(int32_t *)r->c = 0; return 0;
    case SYS_fcntl: return r->b == 3 ? 2 : 0; /* F_GETFL: O_RDWR */
    case SYS_getpid: case SYS_gettid: case SYS_set_tid_address: return 1;
    case SYS_futex: case SYS_munmap: case SYS_mprotect: case SYS_close: case SYS_unlink: case SYS_rt_sigaction: case SYS_rt_sigprocmask:
    case SYS_timer_settime: case SYS_timer_delete: return 0;
    case SYS_tgkill: stop(99); /* abort */
    case SYS_exit: case SYS_exit_group: stop((int)r->a);
    default: return -38;
    }
}

/* The program runs with our privileges, so a call returns by a jump; below its stack pointer lie 128 bytes of its own. */
void entry(void);
__asm__("entry:\n"
        "lea -128(%rsp), %rsp\n push %rcx\n push %r11\n"
        "push %r9\n push %r8\n push %r10\n push %rdx\n push %rsi\n push %rdi\n push %rax\n"
        "mov %rsp, %rdi\n call system_call\n"
        "add $8, %rsp\n pop %rdi\n pop %rsi\n pop %rdx\n pop %r10\n pop %r8\n pop %r9\n"
        "popf\n pop %rcx\n lea 128(%rsp), %rsp\n jmp *%rcx\n");

/* ---- start ---- */

static void load(uint32_t sectors) {
    for (uint32_t i = 0; i < sectors; i++) read_sector(PROGRAM_SECTOR + i, PROGRAM + (size_t)i * SECTOR);
    const Elf64_Ehdr *elf = (const Elf64_Ehdr *)PROGRAM;
    const Elf64_Phdr *segments = (const Elf64_Phdr *)(PROGRAM + elf->e_phoff);
    for (size_t i = 0; i < elf->e_phnum; i++) {
        if (segments[i].p_type != PT_LOAD) continue;
        memset((void *)segments[i].p_vaddr, 0, segments[i].p_memsz);
        memcpy((void *)segments[i].p_vaddr, PROGRAM + segments[i].p_offset, segments[i].p_filesz);
    }
}

__attribute__((section(".start"))) void start(void) {
    extern unsigned char bss_begin[], bss_end[];
    memset(bss_begin, 0, (size_t)(bss_end - bss_begin));
    write_msr(0xc0000081, 0x08ull << 32);       /* STAR: the code and stack selectors of a system call */
    write_msr(0xc0000082, (uint64_t)entry);     /* LSTAR */
    write_msr(0xc0000084, 0);                   /* SFMASK */
    load(PROGRAM_SECTORS);
    const Elf64_Ehdr *elf = (const Elf64_Ehdr *)PROGRAM;
    static const char *environment[] = {"CK_FORK=no", "CK_EXCLUDE_TAGS=real-cpu", "LINNET_TEST_CASES=" CASES};
    static const uint64_t random[2] = {0x243f6a8885a308d3, 0x13198a2e03707344};
    const uint64_t stack[] = {
        1, (uint64_t)"test", 0,
        (uint64_t)environment[0], (uint64_t)environment[1], (uint64_t)environment[2], 0,
        AT_PHDR, (uint64_t)(PROGRAM + elf->e_phoff), AT_PHENT, sizeof(Elf64_Phdr), AT_PHNUM, elf->e_phnum, AT_PAGESZ, PAGE,
        AT_RANDOM, (uint64_t)random, AT_ENTRY, elf->e_entry, AT_SECURE, 0, AT_NULL, 0};
    uint64_t *top = (uint64_t *)STACK_TOP;
    memcpy(top, stack, sizeof stack);
    __asm__ volatile("mov %0, %%rsp\n xor %%edx, %%edx\n jmp *%1" ::"a"(top), "c"(elf->e_entry));
    __builtin_unreachable();
}
