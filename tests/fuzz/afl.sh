#!/bin/sh
# The same targets under AFL++ (package afl++): tests/fuzz/afl.sh SECONDS [TARGET ...], one after the other, SECONDS each.
# LINNET_FUZZ_BUILD: where (build/afl). Prints what afl-fuzz did; exits 1 and names the inputs if one made a target fail.
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd)
build=${LINNET_FUZZ_BUILD:-$source/build/afl} seconds=${1:?usage: afl.sh SECONDS [TARGET ...]}
shift
[ $# -gt 0 ] || set -- $(cd "$source/tests/fuzz" && grep -l '^/\* fuzz: ' ./*.c | sed 's,^\./,,; s,\.c$,,')
. "$source/tests/needs.sh"
need afl-fuzz afl-clang-fast
export AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 AFL_NO_AFFINITY=1 AFL_QUIET=1
mkdir -p "$build"
cmake -S "$source" -B "$build" -DLINNET_FUZZ=ON -DLINNET_BENCH=OFF -DCMAKE_BUILD_TYPE=Fuzz -DCMAKE_C_COMPILER=afl-clang-fast -DCMAKE_C_FLAGS=-O2 >"$build.log" 2>&1 &&
    cmake --build "$build" -j "$(nproc)" --target fuzz_seed_files $(printf 'fuzz_%s ' "$@") >>"$build.log" 2>&1 || { tail -50 "$build.log"; exit 1; }
FUZZ_FOLDER=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)" linnet-afl.XXXXXX)
trap 'rm -rf "$FUZZ_FOLDER"' EXIT
export FUZZ_FOLDER
export ASAN_OPTIONS=abort_on_error=1:symbolize=0:detect_leaks=0:quarantine_size_mb=16:allocator_may_return_null=1
export UBSAN_OPTIONS=abort_on_error=1:symbolize=0:halt_on_error=1
failed=
printf '%-12s %10s %8s %7s %7s %7s\n' target executions a_second edges corpus crashes
for target; do
    in=$FUZZ_FOLDER/$target out=$build/out/$target n=0
    mkdir -p "$in" "$out"
    for folder in "$source/tests/fuzz/seeds/$target" "$build/fuzz-seeds/$target" \
        $(sed -n '1s/.*seeds=\([^ *]*\).*/\1/p' "$source/tests/fuzz/$target.c" | tr , '\n' | sed "s,^,$source/tests/,"); do
        [ -d "$folder" ] || continue
        for seed in "$folder"/*; do
            n=$((n + 1))
            [ ! -f "$seed" ] || cp "$seed" "$in/$n"
        done
    done
    dictionary=$(sed -n '1s/.*dict=\([a-z]*\).*/\1/p' "$source/tests/fuzz/$target.c")
    dictionary=$source/tests/fuzz/${dictionary:-$target}.dict
    [ -f "$dictionary" ] && dictionary="-x $dictionary" || dictionary=
    # shellcheck disable=SC2086 # two words
    afl-fuzz -i "$in" -o "$out" -m none -t 2000+ -V "$seconds" $dictionary -- "$build/fuzz_$target" >"$out/log" 2>&1 || { tail -20 "$out/log"; exit 1; }
    stat() { sed -n "s/^$1 *: *//p" "$out/default/fuzzer_stats"; }
    printf '%-12s %10s %8s %7s %7s %7s\n' "$target" "$(stat execs_done)" "$(stat execs_per_sec)" "$(stat edges_found)" "$(stat corpus_count)" "$(stat saved_crashes)"
    [ "$(stat saved_crashes)" = 0 ] || failed="$failed $out/default/crashes"
done
[ -z "$failed" ] || { echo "crashes:$failed"; exit 1; }
