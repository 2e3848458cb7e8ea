#!/bin/sh
# What of each file the fuzz targets reach: tests/fuzz/coverage.sh [CORPORA]. Runs seeds, regressions and a folder of corpora (CORPORA/TARGET/,
# as LINNET_FUZZ_CORPUS of run.sh keeps them) through a build that counts, and prints llvm-cov's lines and branches of the files that read
# what others wrote. LINNET_FUZZ_BUILD: where (build/fuzz-coverage). CC: a clang; its llvm-profdata and llvm-cov are found by its version.
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd)
build=${LINNET_FUZZ_BUILD:-$source/build/fuzz-coverage} corpora=${1:-}
. "$source/tests/needs.sh"
need "${CC:=clang}"
version=-$("$CC" -dumpversion | cut -d. -f1)
command -v "llvm-cov$version" >/dev/null || version=
need "llvm-cov$version"
mkdir -p "$build"
targets=$(cd "$source/tests/fuzz" && grep -l '^/\* fuzz: ' ./*.c | sed 's,^\./,,; s,\.c$,,')
cmake -S "$source" -B "$build" -DLINNET_BENCH=OFF -DCMAKE_BUILD_TYPE=Coverage -DCMAKE_C_COMPILER="$CC" \
    -DCMAKE_C_FLAGS="-O1 -g -fprofile-instr-generate -fcoverage-mapping" >"$build.log" 2>&1 &&
    cmake --build "$build" -j "$(nproc)" --target fuzz_seed_files $(printf "fuzz_%s " $targets) >>"$build.log" 2>&1 || { tail -50 "$build.log"; exit 1; }
rm -f "$build"/*.profraw
objects=
for target in $targets; do
    folders=$(sed -n '1s/.*seeds=\([^ *]*\).*/\1/p' "$source/tests/fuzz/$target.c" | tr , '\n' | sed "s,^,$source/tests/,")
    # shellcheck disable=SC2086 # the folders are many words
    LINNET_TEST_CASES=0 LLVM_PROFILE_FILE="$build/$target.profraw" "$build/fuzz_$target" "$source/tests/fuzz/seeds/$target" \
        "$source/tests/fuzz/regressions/$target" "$build/fuzz-seeds/$target" $folders ${corpora:+"$corpora/$target"} >/dev/null
    objects="$objects ${objects:+-object }$build/fuzz_$target"
done
"llvm-profdata$version" merge -o "$build/all.profdata" "$build"/*.profraw
# shellcheck disable=SC2086
"llvm-cov$version" report $objects -instr-profile="$build/all.profdata" -show-region-summary=0 -show-functions=0 \
    -ignore-filename-regex='(tests|simd|measure|convert/(quality|pack|smooth|emit))' "$source/formats" "$source/engine" "$source/convert" "$source/search" "$source/cli" |
    sed "s,$source/,,"
