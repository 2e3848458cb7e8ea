#!/bin/sh
# Whatever runs in several threads, under ThreadSanitizer: the pool and its users under stress, the matrix, batchers, scans.
#   tests/dynamic/tsan.sh BUILD      a folder of its own; it is configured and built there, with CC
# LINNET_TEST_SECONDS, LINNET_TEST_CASES: as the tests take them.
set -eu
build=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
tests="pool pool_users scan batcher matrix"
cmake -S "$root" -B "$build" -DLINNET_SANITIZE=thread -DLINNET_BENCH=OFF >/dev/null
cmake --build "$build" -j "$(nproc)" --target $(for t in $tests; do echo "test_$t"; done) >"$build/make.log" 2>&1 || { tail -n 20 "$build/make.log"; exit 1; }
export LINNET_TEST_CASES="${LINNET_TEST_CASES-2}" LINNET_TEST_SECONDS="${LINNET_TEST_SECONDS-3}" CK_TIMEOUT_MULTIPLIER=10
failed=0
for test in $tests; do
    began=$(date +%s)
    # A program whose addresses are laid out at random with many bits does not start under older versions of it.
    if setarch "$(uname -m)" -R "$build/tests/test_$test" >"$build/$test.log" 2>&1 && ! grep -q ThreadSanitizer "$build/$test.log"; then
        echo "tsan: $test: clean, $(($(date +%s) - began)) s"
    else
        failed=1
        echo "tsan: $test: fails"
        cat "$build/$test.log"
    fi
done
exit $failed
