#!/bin/sh
# One answer on another architecture: builds the command for 64-bit ARM (scalar kernels so far), runs it in QEMU and compares
# logits, sampled text, a converted file and the pixels and labels of pictures with this machine's, byte by byte. Debian, with arm64 as a foreign architecture:
#     gcc-aarch64-linux-gnu qemu-user-static libc6-dev:arm64 libjansson-dev:arm64 libxxhash-dev:arm64 libjpeg-dev:arm64 libpng-dev:arm64
# aarch64.sh BUILD/linnet; exits 77 with "skipped" where something of that is missing.
set -eu
linnet=$(realpath "$1")
cd "$(dirname "$0")/../.."
for tool in aarch64-linux-gnu-gcc qemu-aarch64-static; do
    command -v $tool >/dev/null || { echo "skipped: $tool is missing"; exit 77; }
done
for library in jansson xxhash jpeg png; do
    [ -e /usr/lib/aarch64-linux-gnu/lib$library.so ] || { echo "skipped: lib$library of arm64 is missing"; exit 77; }
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
aarch64-linux-gnu-gcc -O2 -std=gnu11 -ffp-contract=off -fno-math-errno -fno-trapping-math -I. -Iinclude \
    formats/*.c engine/*.c convert/*.c simd/*.c cli/*.c -lxxhash -ljansson -ljpeg -lpng -lpthread -lm -o "$dir/linnet"
model=models/shakespeare/shakespeare.lnt
run() { # NAME COMMAND...
    name=$1
    shift
    "$@" output $model --want logits -p "But soft, what light through yonder window breaks?" -o "$dir/$name.npy"
    "$@" complete $model -p "ROMEO:" -n 40 --seed 5 >"$dir/$name.text"
    "$@" convert tests/golden/gpt2/torch-tanh -o "$dir/$name.lnt" --type q4 --no-check >/dev/null
    "$@" classify models/fashion/fashion.lnt models/fashion --top 0 --json >"$dir/$name.labels"
}
run here "$linnet"
run there qemu-aarch64-static "$dir/linnet"
for kind in npy text lnt labels; do
    cmp "$dir/here.$kind" "$dir/there.$kind"
done
echo "same logits, same text, same file, same labels"
