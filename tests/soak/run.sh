#!/bin/sh
# What CI does in minutes, for hours: tests/soak/run.sh [HOURS [FOLDER]]. Half of the time is fuzzing, whose corpora FOLDER (build/soak) keeps for the
# next run; the rest is done whole, however long it takes (about four hours on two cores). One line for each part; their logs are in FOLDER.
# What a part needs beyond the README's packages it says, and is skipped: clang llvm afl++ valgrind qemu-user bochs bochsbios, and for ARM what
# tests/ports/aarch64.sh names.
set -u
cd "$(dirname "$0")/../.."
hours=${1:-8} folder=$(mkdir -p "${2:-build/soak}" && cd "${2:-build/soak}" && pwd)
plain=$folder/plain sanitized=$folder/sanitized failed=0

part() { # NAME COMMAND...
    name=$1 begun=$(date +%s)
    shift
    "$@" >"$folder/$name.log" 2>&1
    case $? in
    0) echo "$name: passed after $(($(date +%s) - begun)) s" ;;
    77) echo "$name: $(tail -n 1 "$folder/$name.log")" ;;
    *) echo "$name: FAILED, see $folder/$name.log" && failed=1 ;;
    esac
}
build() { cmake -S . -B "$1" -DLINNET_BENCH=OFF $2 && cmake --build "$1" -j "$(nproc)"; }

part build build "$plain" ""
part build-sanitized build "$sanitized" -DLINNET_SANITIZE=ON
part static tests/static/run.sh "$folder/static"
part matrix env LINNET_TEST_CASES=60 LINNET_TEST_SECONDS=1800 CK_TIMEOUT_MULTIPLIER=100 "$plain/tests/test_matrix"
part matrix-sanitized env LINNET_TEST_CASES=20 LINNET_TEST_SECONDS=600 CK_TIMEOUT_MULTIPLIER=100 "$sanitized/tests/test_matrix"
part kernels env LINNET_TEST_CASES=2000 CK_TIMEOUT_MULTIPLIER=100 "$plain/tests/test_kernels"
part allocations env LINNET_TEST_CASES=all CK_TIMEOUT_MULTIPLIER=1000 "$plain/tests/faults/alloc_test"
part allocations-of-the-command env LINNET_TEST_CASES=all "$plain/tests/faults/alloc_command" "$plain/linnet" "$plain/tests/faults/liballoc_faults.so"
part calls "$plain/tests/faults/io_faults" "$plain/linnet" "$PWD" all
part calls-sanitized env LINNET_TEST_SECONDS=1200 "$sanitized/tests/faults/io_faults" "$sanitized/linnet" "$PWD"
part full-disks tests/faults/io_full.sh "$plain/linnet" "$PWD"
part threads tests/dynamic/tsan.sh "$folder/tsan"
part valgrind tests/dynamic/valgrind.sh "$plain"
part suites-sanitized env LINNET_TEST_SECONDS=600 CK_TIMEOUT_MULTIPLIER=10 ctest --test-dir "$sanitized" --output-on-failure --timeout 7200
part avx512 tests/emulate/run.sh 40
part neon tests/emulate/neon.sh 100
part aarch64 tests/emulate/aarch64.sh "$plain/linnet"
part aarch64-suites tests/ports/aarch64.sh "$plain/linnet"
part compilers tests/ports/compilers.sh "$plain/linnet" all
part fuzzing env LINNET_FUZZ_CORPUS="$folder/corpus" LINNET_FUZZ_BUILD="$folder/fuzz" tests/fuzz/run.sh $((hours * 1800 * $(nproc))) "$(nproc)"
part afl env LINNET_FUZZ_BUILD="$folder/afl" tests/fuzz/afl.sh 300
part coverage tests/fuzz/coverage.sh "$folder/corpus"
exit $failed
