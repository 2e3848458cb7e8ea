#!/bin/sh
# The command built without optimisation, with -O3, and by every compiler that is there makes the same bytes as the one given.
#   tests/ports/compilers.sh LINNET [CASE...]      CASE: COMPILER:FLAGS, "gcc:-O0" alone unless told; "all" for all of them
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../needs.sh"
linnet=$(realpath "$1")
shift
[ $# -gt 0 ] || set -- gcc:-O0
[ "$1" != all ] || set -- gcc:-O0 gcc:-O1 gcc:-O3 "gcc:-O3 -march=native" "gcc:-O2 -flto" clang:-O0 clang:-O3 clang-14:-O2 clang-14:-O3 clang-16:-O0 clang-16:-O2 clang-16:-O3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compared=0

"$here/outputs.sh" "$work/given" "$linnet"
for case; do
    cc=${case%%:*} flags=${case#*:}
    command -v "$cc" >/dev/null || { echo "left out: $cc is missing"; continue; }
    rm -rf "$work/build" "$work/made"
    # -O comes behind -O2 of a release, and a release has no assertions
    cmake -S "$here/../.." -B "$work/build" -DCMAKE_C_COMPILER="$cc" -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS="$flags" -DLINNET_TESTS=OFF -DLINNET_BENCH=OFF \
        ${CMAKE_ARGUMENTS:-} >"$work/log"
    cmake --build "$work/build" --target linnet -j "$(nproc)" >"$work/log" 2>&1 || { tail -n 30 "$work/log"; exit 1; }
    "$here/outputs.sh" "$work/made" "$work/build/linnet"
    diff -r "$work/given" "$work/made"
    LINNET_CPU=scalar "$here/outputs.sh" "$work/made" "$work/build/linnet"
    diff -r "$work/given" "$work/made"
    echo "$cc $flags: $(find "$work/made" -type f | wc -l) files at the best level and at scalar, none differs"
    compared=$((compared + 1))
done
[ $compared -gt 0 ] || skip "no compiler is there"
