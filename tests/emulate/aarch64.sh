#!/bin/sh
# One answer on another architecture: the command for 64-bit ARM, built by CMake, runs in QEMU at every level, each on a CPU that has
# no more, and what it makes of the shipped models and of checkpoints (tests/ports/outputs.sh) is what this machine makes, byte by byte.
# Then the shipped models' numbers have the bits that tests/golden/*.hash says. Minutes of CPU time. Debian, with arm64 as a foreign
# architecture: gcc-aarch64-linux-gnu qemu-user, and of arm64 libc6-dev libjansson-dev libxxhash-dev libjpeg-dev libpng-dev libsqlite3-dev
# libedit-dev check libsubunit-dev.
#   aarch64.sh BUILD/linnet [FOLDER]     FOLDER: an ARM build to use and to keep; exits 77 with "skipped" where something is missing
set -eu
linnet=$(realpath "$1")
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/needs.sh"
need_arm64
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
arm=${2:-$dir/arm}
cmake -S "$root" -B "$arm" --toolchain "$root/cmake/aarch64.cmake" -DLINNET_BENCH=OFF >"$dir/log" || { cat "$dir/log"; exit 1; }
cmake --build "$arm" -j "$(nproc)" --target linnet test_batcher test_vit test_matrix >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
arm=$(realpath "$arm")

outputs=$root/tests/ports/outputs.sh
"$outputs" "$dir/here" "$linnet"
for cpu in cortex-a53:scalar cortex-a53:neon cortex-a76:dotprod max:i8mm; do
    level=${cpu#*:}
    LINNET_CPU=$level "$outputs" "$dir/there" "$qemu" -cpu "${cpu%:*}" "$arm/linnet"
    diff -r "$dir/here" "$dir/there"
    rm -r "$dir/there"
    echo "$level on ${cpu%:*}: the same bytes as here"
done
for test in ways:test_batcher vit:test_vit shipped:test_matrix; do # the last: at all levels
    CK_RUN_CASE=${test%:*} CK_TIMEOUT_MULTIPLIER=20 LINNET_TEST_CASES=1 "$qemu" -cpu max "$arm/tests/${test#*:}" >"$dir/log" || { cat "$dir/log"; exit 1; }
    echo "${test#*:}: the bits of tests/golden"
done
