#!/bin/sh
# Targets that cannot work are refused in words, by CMake and by the compiler: big-endian, 32 bits, and what breaks "one answer".
#   tests/ports/refused.sh
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/needs.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0

refused() { # WORDS COMPILER [FLAGS]: both say "Linnet needs WORDS"
    words="Linnet needs $1" cc=$2 flags=${3:-}
    command -v "$cc" >/dev/null || { echo "left out: $cc is missing"; return 0; }
    # shellcheck disable=SC2086 # flags are words
    if $cc $flags -std=gnu11 -fsyntax-only -I"$root" -x c "$root/formats/lnt_bytes.h" 2>"$dir/said"; then
        echo "$cc $flags compiles"
        exit 1
    fi
    grep -q "error.*$words" "$dir/said" || { echo "$cc $flags does not say \"$words\":"; cat "$dir/said"; exit 1; }
    rm -rf "$dir/build"
    if cmake -S "$root" -B "$dir/build" -DCMAKE_C_COMPILER="$cc" -DCMAKE_C_FLAGS="$flags" >"$dir/said" 2>&1; then
        echo "CMake goes on with $cc $flags"
        exit 1
    fi
    tr -s ' \n' ' ' <"$dir/said" | grep -q "CMake Error at .*$words" || { echo "CMake does not say \"$words\" of $cc $flags:"; cat "$dir/said"; exit 1; }
    echo "refused: $cc $flags"
    n=$((n + 1))
}

refused "a little-endian CPU" s390x-linux-gnu-gcc
refused "a 64-bit CPU" i686-linux-gnu-gcc
refused "a compiler that keeps the order of sums" gcc -ffast-math
refused "a compiler that keeps the order of sums" gcc -Ofast
refused "a compiler that keeps the order of sums" clang -ffast-math
refused "IEEE single and double arithmetic" gcc -mfpmath=387
[ $n -gt 0 ] || skip "no compiler is there"
