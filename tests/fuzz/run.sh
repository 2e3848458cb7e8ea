#!/bin/sh
# Fuzzes the targets with libFuzzer, under AddressSanitizer and UBSan: tests/fuzz/run.sh SECONDS [JOBS [TARGET ...]].
# SECONDS of processor time are shared by weight (the first line of a target says it), JOBS targets run at a time.
#   LINNET_FUZZ_BUILD     where it is built (build/fuzz)
#   LINNET_FUZZ_CORPUS    a folder that keeps what is found to be interesting, for the next run
#   LINNET_FUZZ_SANITIZE  others than address,undefined; "none": several times as fast
#   CC                    a clang (clang)
# Prints a table. What makes a target fail is kept under the build folder's findings/, and named with its report and, where small, in base64, so that a log
# is enough to run it again; the exit code is 1 then.
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd)
build=${LINNET_FUZZ_BUILD:-$source/build/fuzz}

setting() { sed -n "1s/.*[ :]$2=\([^ *]*\).*/\1/p" "$source/tests/fuzz/$1.c"; }
last() { grep -o "$1: *[0-9]*" "$build/logs/$2" | tail -1 | grep -o '[0-9]*$' || echo 0; }

# What is known of a target's failure.
tell() {
    input=$(sed -n 's/.*Test unit written to //p' "$build/logs/$1" | tail -1)
    echo "$1: ${input:-no input was kept}, see $build/logs/$1"
    grep -E 'does not hold|ERROR|SUMMARY|runtime error|^ +#[0-9]+ ' "$build/logs/$1" | head -30
    [ -z "$input" ] || [ "$(wc -c <"$input")" -gt 32768 ] || { echo "gzip and base64 of it:" && gzip -c "$input" | base64; }
}

# One target, seconds: its line of the table.
fuzz() {
    target=$1 seconds=$2 dictionary=$(setting "$1" dict) folders=
    kept=${LINNET_FUZZ_CORPUS:-$FUZZ_FOLDER/corpus}/$target
    mkdir -p "$kept"
    for folder in "$source/tests/fuzz/seeds/$target" "$source/tests/fuzz/regressions/$target" "$build/fuzz-seeds/$target" \
        $(setting "$target" seeds | tr , '\n' | sed "s,^,$source/tests/,"); do
        [ ! -d "$folder" ] || folders="$folders $folder"
    done
    dictionary=$source/tests/fuzz/${dictionary:-$target}.dict
    [ -f "$dictionary" ] && dictionary=-dict=$dictionary || dictionary=-verbosity=1
    # shellcheck disable=SC2086 # the folders are many words
    "$build/fuzz_$target" -max_len="$(setting "$target" max_len)" "$dictionary" -max_total_time="$seconds" -timeout=10 -report_slow_units=10 -rss_limit_mb=1024 \
        -malloc_limit_mb=256 -print_final_stats=1 -artifact_prefix="$build/findings/$target-" "$kept" $folders >"$build/logs/$target" 2>&1 ||
        tell "$target" >>"$build/findings.txt"
    printf '%-12s %10s %8s %7s %7s %7s\n' "$target" "$(last stat::number_of_executed_units "$target")" "$(last stat::average_exec_per_sec "$target")" \
        "$(last cov "$target")" "$(last ft "$target")" "$(find "$kept" -type f | wc -l)"
}

if [ "${1:-}" = --target ]; then
    fuzz "$2" "$3"
    exit
fi

seconds=${1:?usage: run.sh SECONDS [JOBS [TARGET ...]]} jobs=${2:-1}
shift $(($# < 2 ? $# : 2))
[ $# -gt 0 ] || set -- $(cd "$source/tests/fuzz" && grep -l '^/\* fuzz: ' ./*.c | sed 's,^\./,,; s,\.c$,,')
. "$source/tests/needs.sh"
need "${CC:=clang}"
mkdir -p "$build/findings" "$build/logs"
sanitize=${LINNET_FUZZ_SANITIZE:-address,undefined}
[ "$sanitize" != none ] || sanitize=
cmake -S "$source" -B "$build" -DLINNET_FUZZ=ON -DLINNET_BENCH=OFF -DCMAKE_BUILD_TYPE=Fuzz -DCMAKE_C_COMPILER="$CC" -DLINNET_FUZZ_SANITIZE="$sanitize" \
    -DCMAKE_C_FLAGS="-O2 -gline-tables-only" >"$build/logs/build" 2>&1 && cmake --build "$build" --target fuzzers -j "$(nproc)" >>"$build/logs/build" 2>&1 ||
    { tail -50 "$build/logs/build"; exit 1; }

total=0
for target; do total=$((total + $(setting "$target" weight))); done
FUZZ_FOLDER=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)" linnet-fuzz.XXXXXX)
trap 'rm -rf "$FUZZ_FOLDER"' EXIT
export FUZZ_FOLDER LINNET_FUZZ_BUILD="$build" UBSAN_OPTIONS=print_stacktrace=1
export ASAN_OPTIONS="quarantine_size_mb=16:allocator_may_return_null=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
rm -f "$build/findings.txt"
printf '%-12s %10s %8s %7s %7s %7s\n' target executions a_second edges features corpus
for target; do echo "$target $((seconds * $(setting "$target" weight) / total + 1))"; done | xargs -P "$jobs" -L 1 "$0" --target
[ ! -s "$build/findings.txt" ] || { cat "$build/findings.txt"; exit 1; }
