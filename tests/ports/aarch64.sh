#!/bin/sh
# The library, the command and all test suites cross-built for 64-bit ARM (cmake/aarch64.cmake) and run by QEMU: on a CPU with everything,
# and on one that has NEON and nothing more. What the command makes there is what it makes here. Minutes to hours; tests/emulate/aarch64.sh
# is the short form.
#   tests/ports/aarch64.sh LINNET [FOLDER [CTEST ARGUMENTS]]      FOLDER: where to build; a temporary one unless told
# Needs, on Debian: gcc-aarch64-linux-gnu qemu-user cmake util-linux, and of arm64 (dpkg --add-architecture arm64) libxxhash-dev libjansson-dev
# libjpeg-dev libpng-dev libsqlite3-dev libedit-dev check.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
linnet=$(realpath "$1")
. "$here/../needs.sh"
need_arm64
need unshare

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build=${2:-$work/build}
[ $# -lt 2 ] || shift
shift

# Scripts and programs that start programs need a kernel that knows QEMU. In a namespace of our own it can be told, without being root (Linux 6.7).
cat >"$work/tell" <<'END'
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc && [ -e /proc/sys/fs/binfmt_misc/register ] || exit 1
same='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
printf '%s' ':linnet:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:'$same":$1:" >/proc/sys/fs/binfmt_misc/register || exit 1
shift
exec "$@"
END
unshare --map-root-user --mount sh "$work/tell" "$qemu" true || skip "this kernel cannot be told of QEMU"
run="unshare --map-root-user --mount sh $work/tell $qemu"

cmake -S "$root" -B "$build" --toolchain "$root/cmake/aarch64.cmake" -DLINNET_BENCH=OFF ${CMAKE_ARGUMENTS:-} >"$work/log"
cmake --build "$build" -j "$(nproc)" >"$work/log" 2>&1 || { tail -n 30 "$work/log"; exit 1; }
"$here/outputs.sh" "$work/here" "$linnet"
for cpu in max cortex-a57; do
    echo "== $cpu: $(QEMU_CPU=$cpu $qemu "$build/linnet" cpu | sed -n 's/^level  *//p')"
    QEMU_CPU=$cpu "$here/outputs.sh" "$work/$cpu" $qemu "$build/linnet"
    diff -r "$work/here" "$work/$cpu"
    QEMU_CPU=$cpu CK_TIMEOUT_MULTIPLIER=100 $run ctest --test-dir "$build" --output-on-failure --timeout 7200 "$@"
done
