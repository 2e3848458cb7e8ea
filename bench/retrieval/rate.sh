#!/bin/bash
# Texts a second of `linnet embed` and of `linnet index` (which also writes documents and full text), of the same lines in turns:
#   rate.sh BINARY MODEL LINES [ROUNDS]
# Prints each round, then the medians and their quotient; and the same of the processor time that a text takes, which other work on the machine
# disturbs less.
set -eu
linnet=$1 model=$2 lines=$3 rounds=${4:-5}
work=$(mktemp -d "${TMPDIR:-/tmp}/linnet-rate-XXXXXX")
trap 'rm -rf "$work"' EXIT
TIMEFORMAT='%U %S'
n=$(wc -l <"$lines")

measure() { # name, command...: texts a second, and microseconds of processor time for each, to the files of that name
    local name=$1
    shift
    { time "$@" --json >"$work/out" 2>"$work/said"; } 2>"$work/time"
    sed -n 's/.*"rate": \([0-9.]*\).*/\1/p' "$work/out" >>"$work/$name.rate"
    awk -v n="$n" '{ printf "%.1f\n", 1e6 * ($1 + $2) / n }' "$work/time" >>"$work/$name.cpu"
}
median() { # of a file
    sort -g "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}
percent() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f %%", 100 * a / b }'
}

for ((i = 1; i <= rounds; i++)); do
    measure embed "$linnet" embed "$model" "$lines" -o "$work/v.npy"
    rm -rf "$work/index"
    measure index "$linnet" index "$model" "$lines" -o "$work/index" --format lines
    for name in embed index; do echo "round $i: $name $(tail -1 "$work/$name.rate") texts/s, $(tail -1 "$work/$name.cpu") us of processor time a text"; done
done
embed=$(median "$work/embed.rate") index=$(median "$work/index.rate")
echo "median: embed $embed, index $index texts/s: $(percent "$index" "$embed")"
embed=$(median "$work/embed.cpu") index=$(median "$work/index.cpu")
echo "median: embed $embed, index $index us of processor time a text: $(percent "$index" "$embed")"
