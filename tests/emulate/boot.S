/* A boot sector: loads the machine's program (emulate.c, behind it on the disk) to 64 KiB, turns on 64-bit mode with the
   first 4 GiB mapped one to one, SSE, AVX and AVX-512, and calls it. */
    .code16
    .globl _start
_start:
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7c00, %sp
    mov $packet, %si
    mov $0x42, %ah          /* BIOS: extended read from the drive in dl */
    int $0x13
    jc .
    in $0x92, %al           /* the A20 line */
    or $2, %al
    out %al, $0x92
    lgdt gdt_register
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmp $0x18, $protected

    .balign 4
packet:
    .byte 16, 0
    .word 64                /* sectors */
    .word 0, 0x1000         /* to 0x1000:0 */
    .quad 1

    .code32
protected:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $0x80000, %edi      /* page tables: 1 PML4, 1 PDPT, 4 directories of 2 MiB pages */
    mov $0x1800, %ecx
    xor %eax, %eax
    rep stosl
    movl $0x81003, 0x80000
    mov $4, %ecx
1:  mov %ecx, %eax
    shl $12, %eax
    add $0x81003, %eax
    mov %eax, 0x81000 - 8(, %ecx, 8)
    loop 1b
    mov $0x83, %eax
    mov $0x82000, %edi
2:  mov %eax, (%edi)
    add $8, %edi
    add $0x200000, %eax
    jnc 2b
    mov $0x80000, %eax
    mov %eax, %cr3
    mov $0x40620, %eax      /* PAE, OSFXSR, OSXMMEXCPT, OSXSAVE */
    mov %eax, %cr4
    mov $0xc0000080, %ecx   /* EFER: SCE, LME */
    mov $0x101, %eax
    xor %edx, %edx
    wrmsr
    mov $0x80000003, %eax   /* PG, MP, PE */
    mov %eax, %cr0
    ljmp $0x08, $long_mode

    .code64
long_mode:
    xor %ecx, %ecx          /* XCR0: x87, SSE, AVX and the three AVX-512 states */
    xor %edx, %edx
    mov $0xe7, %eax
    xsetbv
    mov $0x10000, %eax
    mov $0x7f000, %esp
    jmp *%rax

    .balign 8
gdt:
    .quad 0
    .quad 0x00209a0000000000 /* 0x08: 64-bit code */
    .quad 0x00cf92000000ffff /* 0x10: data */
    .quad 0x00cf9a000000ffff /* 0x18: 32-bit code */
gdt_register:
    .word gdt_register - gdt - 1
    .long gdt

    .org 510
    .word 0xaa55
