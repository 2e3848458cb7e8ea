#!/bin/sh
# Disks of every size that are too small, mounted for real: io_full.sh LINNET SOURCES. Each verb that writes a file says that the
# disk is full and leaves it as it was; when there is room again the same command works. Skipped where nothing can be mounted.
set -eu
linnet=$1 sources=$2
if [ -z "${IO_FULL_INSIDE-}" ]; then # a namespace of its own, whose mounts go with it
    . "$(dirname "$0")/../needs.sh"
    need unshare
    unshare -m sh -c 'mount --make-rprivate / && mount -t tmpfs none /tmp' 2>/dev/null || skip "a small disk cannot be mounted here"
    IO_FULL_INSIDE=1 exec unshare -m "$0" "$@"
fi
mount --make-rprivate /
work=$(mktemp -d "${TMPDIR:-/tmp}/linnet-full-XXXXXX")
trap 'umount "$work/disk" 2>/dev/null || :; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
mkdir "$work/disk" "$work/texts"
mount -t tmpfs -o size=4k none "$work/disk"
cd "$work"
failures=0 full=0
fail() {
    failures=$((failures + 1))
    echo "FAILED: $*: $(cat error)"
}

model=$sources/models/sentences/sentences.lnt
i=0
while [ $i -lt 200 ]; do
    i=$((i + 1))
    echo "{\"text\": \"The cat number $i sat on a mat, and looked at $((i * 7)) birds\"}" >>texts/many.jsonl
done
"$linnet" convert "$sources/tests/golden/gpt2/tied-f16" -o f32.lnt --type f32 --no-check >expected
"$linnet" embed "$model" texts/many.jsonl -o expected.npy
"$linnet" index "$model" texts -o expected.index
"$linnet" search expected.index 'cats and birds' --top 3 >expected.hits

resize() { # KIB
    mount -o "remount,size=${1}k" disk
}
in_use() {
    find disk -mindepth 1 | wc -l
}
fits() { # what, arguments...: 0: it was done; 1: the disk was full, and that was said
    what=$1
    shift
    if "$linnet" "$@" >out 2>error; then return 0; fi
    full=$((full + 1))
    [ "$(wc -l <error)" = 1 ] && grep -q '^linnet: disk/.*' error && grep -Eq 'No space|disk is full|disk I/O error' error || fail "$what"
    return 1
}
empty() { # what
    [ "$(in_use)" = 0 ] || fail "$1: $(ls disk) is left"
    rm -rf disk/*
}

for size in 4 8 16 32 48 64 96 128 192 256 1024; do
    resize $size
    if fits "convert, $size KiB" convert "$sources/tests/golden/gpt2/tied-f16" -o disk/m.lnt --type q8; then rm disk/m.lnt; fi
    empty "convert, $size KiB"
    if fits "quantize, $size KiB" quantize f32.lnt -o disk/m.lnt --type q4 --no-check; then rm disk/m.lnt; fi
    empty "quantize, $size KiB"
    if fits "output, $size KiB" output f32.lnt --want hidden --ids "1 2 3 4 5 6 7 8" -o disk/x.npy; then rm disk/x.npy; fi
    empty "output, $size KiB"
    fits "embed, $size KiB" embed "$model" texts/many.jsonl -o disk/v.npy || {
        resize 4096
        "$linnet" embed "$model" texts/many.jsonl -o disk/v.npy --resume 2>error || fail "embed, resumed"
    }
    cmp -s disk/v.npy expected.npy || fail "embed, $size KiB: its values are others"
    rm disk/*
    resize $size
    fits "index, $size KiB" index "$model" texts -o disk/index || {
        resize 4096
        [ ! -s disk/index/documents.db ] || "$linnet" index --check disk/index >out 2>error || grep -q 'holds no index' error || fail "index, $size KiB, checked"
        "$linnet" index "$model" texts -o disk/index 2>error || fail "index, $size KiB, again"
    }
    "$linnet" index --check disk/index >out 2>error || fail "index, $size KiB, whole"
    "$linnet" search disk/index 'cats and birds' --top 3 2>error | cmp -s - expected.hits || fail "index, $size KiB: it finds others"
    rm -r disk/index
done
echo "$full full disks survived, $failures failures"
[ $full -gt 20 ] && [ $failures = 0 ]
