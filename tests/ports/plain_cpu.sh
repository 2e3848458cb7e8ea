#!/bin/sh
# The command on emulated x86 CPUs without AVX, and with AVX2 but nothing beyond it: the level is the right one, no instruction is
# unknown there, and everything it makes is what it makes here. A longer form, LINNET_TEST_SECONDS=600 or more, runs test programs, too.
#   tests/ports/plain_cpu.sh build/linnet build/tests
set -eu
here=$(cd "$(dirname "$0")" && pwd)
linnet=$(realpath "$1") tests=$(realpath "$2")
. "$here/../needs.sh"
need_qemu x86_64
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# What x86-64 began with, and what AVX2's first CPU had
plain=qemu64,-sse3,-ssse3,-sse4.1,-sse4.2,-popcnt,-cx16,-abm,-bmi1,-bmi2
haswell=Haswell,-pcid,-x2apic,-tsc-deadline,-hle,-invpcid,-rtm
"$here/outputs.sh" "$dir/native" "$linnet"
for cpu in scalar:$plain avx2:$haswell; do
    level=${cpu%%:*} cpu=${cpu#*:}
    found=$($qemu -cpu "$cpu" "$linnet" cpu | sed -n 's/^level  *//p')
    [ "$found" = "$level" ] || { echo "level $found on $cpu, expected $level"; exit 1; }
    "$here/outputs.sh" "$dir/$level" $qemu -cpu "$cpu" "$linnet"
    diff -r "$dir/native" "$dir/$level"
    echo "$level: $(find "$dir/$level" -type f | wc -l) files, none differs"
    if [ "${LINNET_TEST_SECONDS:-0}" -ge 600 ]; then
        for test in kernels matrix gpt2 encoders vit tokenizer wordpiece batcher; do
            LINNET_TEST_CASES=10 CK_TIMEOUT_MULTIPLIER=100 $qemu -cpu "$cpu" "$tests/test_$test" || exit 1
        done
    fi
done
