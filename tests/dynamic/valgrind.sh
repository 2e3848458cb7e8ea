#!/bin/sh
# Tests under valgrind's memcheck: uninitialised memory, which no sanitizer here sees, besides what AddressSanitizer does, and what is
# never freed. valgrind knows AVX2, not more.
#   tests/dynamic/valgrind.sh BUILD [TEST...]     of a plain build; the short tests unless told
set -u
build=$1
shift
[ $# -gt 0 ] || set -- kv json npy lnt torch checkpoint verify tokenizer wordpiece encode context resize preprocess images fusion vectors profile pool pool_users index
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../needs.sh"
need valgrind
export LINNET_CPU=avx2 LINNET_TEST_CASES=1 LINNET_TEST_SECONDS=2 CK_TIMEOUT_MULTIPLIER=100
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
for test; do
    began=$(date +%s)
    case $test in
    index) leaks=no ;; # it forks while an index is open, and what such a child leaves is no leak
    *) leaks=full ;;
    esac
    valgrind -q --error-exitcode=99 --leak-check=$leaks --errors-for-leak-kinds=definite --fair-sched=yes --suppressions="$here/valgrind.supp" \
        "$build/tests/test_$test" >"$log" 2>&1
    rc=$?
    if [ $rc -ne 0 ] || grep -q '^==' "$log"; then
        failed=1
        echo "valgrind: $test: fails ($rc)"
        cat "$log"
    else
        echo "valgrind: $test: clean, $(($(date +%s) - began)) s"
    fi
done
exit $failed
