#!/bin/sh
# Runs tests/test_kernels.c on emulated CPUs that have AVX-512, with and without VNNI, whatever this machine has.
# Needs Bochs (Debian: bochs) and the static libraries of Check and libc; says "skipped" (exit 77) without them.
#   tests/emulate/run.sh [CASES]      random cases per kernel, 4 unless told; about a minute each
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
cases=${1:-4}
cc=${CC:-gcc}
. "$root/tests/needs.sh"
need bochs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

flags="-std=gnu11 -O2 -ffp-contract=off -fno-math-errno -fno-trapping-math -I$root -I$root/include"
avx2="-mavx2 -mfma -mf16c"
avx512="$avx2 -mavx512f -mavx512bw -mavx512dq -mavx512vl"
cd "$work"
$cc $flags -c "$root/simd/scalar.c" "$root/simd/select.c" "$root/tests/test_kernels.c"
$cc $flags $avx2 -c "$root/simd/x86/avx2.c" "$root/simd/x86/avxvnni.c"
$cc $flags $avx512 -c "$root/simd/x86/avx512.c"
$cc $flags $avx512 -mavx512vnni -c "$root/simd/x86/avx512vnni.c"
$cc -static -no-pie -o program ./*.o -lcheck -lsubunit -lrt -lm -lpthread 2>link.log || {
    cat link.log
    grep -q 'cannot find -l' link.log || exit 1
    skip "no static libraries of check, subunit and libc"
}
strip program

sectors=$(($(wc -c <program) / 512 + 1))
$cc -m64 -nostdlib -no-pie -Wl,-Ttext=0x7c00,--oformat=binary,--build-id=none -o boot.bin "$here/boot.S"
$cc -std=gnu11 -O2 -ffreestanding -fno-pie -no-pie -mno-red-zone -mgeneral-regs-only -fno-stack-protector -nostdlib -static \
    -DPROGRAM_SECTORS=$sectors -DCASES="\"$cases\"" -Wl,-T,"$here/link.ld",--build-id=none,--no-warn-rwx-segments \
    -o system.elf "$here/emulate.c"
objcopy -O binary system.elf system.bin
cylinders=32 # of 16 heads and 63 sectors: 16 MiB
dd if=/dev/zero of=disk bs=516096 count=$cylinders status=none
dd if=boot.bin of=disk conv=notrunc status=none
dd if=system.bin of=disk bs=512 seek=1 conv=notrunc status=none
dd if=program of=disk bs=512 seek=128 conv=notrunc status=none

printf 'continue\nquit\n' >commands # for a Bochs built with its debugger
failed=0
for cpu in corei7_skylake_x:avx512 corei7_icelake_u:avx512vnni; do
    cat >bochsrc <<END
cpu: model=${cpu%:*}, count=1, ips=100000000, reset_on_triple_fault=0
memory: guest=1024, host=1024
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path=disk, mode=flat, cylinders=$cylinders, heads=16, spt=63
boot: disk
display_library: rfb, options="timeout=0"
port_e9_hack: enabled=1
panic: action=fatal
error: action=ignore
info: action=ignore
log: bochs.log
clock: sync=none
speaker: enabled=0
plugin_ctrl: speaker=0, parallel=0, serial=0, gameport=0, extfpuirq=0
END
    echo "== ${cpu%:*}, expected to reach level ${cpu#*:}"
    timeout 1800 stdbuf -o0 bochs -q -f bochsrc -rc commands >out.log 2>&1 </dev/null || true
    grep -a -E '^(level|[0-9]+%|.*:[FE]:)' out.log || true
    if ! grep -a -q "^level ${cpu#*:}$" out.log || ! grep -a -q '^exit 00' out.log; then
        failed=1
        tail -n 5 out.log
        grep -a PANIC bochs.log || true
    fi
done
exit $failed
