#!/bin/sh
# Runs tests/test_kernels.c on 64-bit ARM CPUs that QEMU emulates: without dot products, with them, and with products of matrices.
# An instruction above a CPU's level would end the program there. Needs a cross compiler and the arm64 libraries of Check (Debian:
# gcc-aarch64-linux-gnu qemu-user check:arm64 libsubunit-dev:arm64); says "skipped" (exit 77) without them.
#   tests/emulate/neon.sh [CASES]     random cases per kernel, 12 unless told; CC: another compiler, as "clang --target=aarch64-linux-gnu"
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cases=${1:-12}
cc=${CC:-aarch64-linux-gnu-gcc}
. "$root/tests/needs.sh"
need ${cc%% *} aarch64-linux-gnu-gcc
need_qemu aarch64
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

flags="-std=gnu11 -O2 -ffp-contract=off -fno-math-errno -fno-trapping-math -I$root -I$root/include"
case $cc in *gcc*) arm="-fno-schedule-insns" ;; *) arm="" ;; esac
compile() { $cc $flags "$@" -c; }
cd "$work"
compile "$root/simd/scalar.c" "$root/simd/select.c" "$root/tests/test_kernels.c"
compile $arm "$root/simd/arm/neon.c"
compile $arm -march=armv8.2-a+dotprod "$root/simd/arm/dotprod.c"
compile $arm -march=armv8.2-a+dotprod+i8mm "$root/simd/arm/i8mm.c"
aarch64-linux-gnu-gcc -static -o program ./*.o -lcheck -lsubunit -lrt -lm -lpthread 2>link.log ||
    skip "no static libraries of check and subunit for arm64"

failed=0
for cpu in cortex-a53:neon cortex-a76:dotprod max:i8mm; do
    level=${cpu#*:}
    echo "== ${cpu%:*}, expected to reach level $level"
    run() { "$qemu" -cpu "${cpu%:*}" ./program "$@"; }
    CK_EXCLUDE_TAGS=starts-itself CK_TIMEOUT_MULTIPLIER=20 LINNET_TEST_CASES=$cases run >out.log 2>&1 || failed=1
    grep -E '^(level|[0-9]+%|.*:[FE]:)' out.log || cat out.log
    for cap in scalar neon dotprod i8mm; do # the CPU's best up to the cap
        best=$(LINNET_CPU=$cap run best)
        [ "$cap" != "$level" ] || [ "$best" = "$level" ] || { echo "LINNET_CPU=$cap gives $best"; failed=1; }
        [ "$best" = "$cap" ] || [ "$best" = "$level" ] || { echo "LINNET_CPU=$cap gives $best"; failed=1; }
    done
    [ "$(LINNET_CPU='' run best)" = "$level" ] || failed=1
done
exit $failed
