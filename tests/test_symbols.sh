#!/bin/sh
# Both libraries define exactly the functions that linnet.h declares, and nothing else.
set -eu
export LC_ALL=C
shared=$1 static=$2 header=$3
declared=$(grep -E '^LNT_API' "$header" | grep -oE 'lnt_[a-z0-9_]+\(' | tr -d '(' | sort -u)
compare() {
    if [ "$1" != "$declared" ]; then
        echo "$2 does not define what linnet.h declares:" >&2
        printf '%s\n' "$1" "$declared" | sort | uniq -u >&2
        exit 1
    fi
}
compare "$(nm -D --defined-only "$shared" | awk '{print $3}' | sort -u)" "$shared"
compare "$(nm -g --defined-only "$static" | awk 'NF == 3 {print $3}' | sort -u)" "$static"
