#!/bin/sh
# Static analysis of what ships: clang-tidy with the project's .clang-tidy, and cppcheck with suppressions.txt, where each
# exception says why. Debian: clang clang-tidy cppcheck. run.sh BUILD [quick]: a folder for the commands of a build, of which
# nothing is compiled; quick: cppcheck alone, seconds instead of minutes.
set -eu
build=$(realpath "$1")
cd "$(dirname "$0")/../.."
. ./tests/needs.sh
need clang clang-tidy cppcheck
jobs=$(nproc)
own=$(mktemp)
trap 'rm -f "$own"' EXIT
grep -v '^#' tests/static/suppressions.txt >"$own"
failed=0
cmake -S . -B "$build" -DCMAKE_C_COMPILER=clang -DCMAKE_EXPORT_COMPILE_COMMANDS=ON -DLINNET_TESTS=OFF -DLINNET_BENCH=OFF >/dev/null
cppcheck -q -j "$jobs" --enable=warning,performance,portability --inline-suppr --std=c11 -I. -Iinclude --error-exitcode=1 \
    --suppressions-list="$own" --template='{file}:{line}: {severity}: {id}: {message}' formats engine simd convert search cli measure || failed=1
# Only what this build compiles: a level of another architecture has no command.
[ "${2:-}" = quick ] || sed -n 's/^ *"file": "\(.*\.c\)".*/\1/p' "$build/compile_commands.json" | grep -E "^$PWD/(formats|engine|simd|convert|search|cli|measure)/" | sort -u |
    xargs -P "$jobs" -n 4 clang-tidy --quiet -p "$build" 2>/dev/null || failed=1
[ $failed = 0 ] || exit 1
echo "nothing found"
