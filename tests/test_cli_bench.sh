#!/bin/bash
# linnet bench and linnet cpu: what they print, and that it can be read again. No speed is asked for.
#   test_cli_bench.sh LINNET GPT2.lnt SENTENCES.lnt FASHION.lnt
linnet=$1 gpt2=$2 sentences=$3 fashion=$4
. "$(dirname "$0")/cli.sh"
export LC_ALL=C

numbers() { # key: every number under it in $dir/out, a line each
    grep -oE "\"$1\": [-0-9.e+]+" "$dir/out" | sed 's/.*: //'
}
positive() { # key, how many at least: finite and above 0
    checks=$((checks + 1))
    numbers "$1" | awk -v n="$2" '!($1 > 0 && $1 < 1e15) { bad = 1 } END { exit bad || NR < n }' || fail "$1: $(numbers "$1" | tr '\n' ' ')"
}
bracketed() { # braces and brackets pair up
    same "brackets of JSON" "$(tr -cd '{[' <"$dir/out" | wc -c)" "$(tr -cd '}]' <"$dir/out" | wc -c)"
}

# --- cpu
runs 0 cpu && quiet
for name in level levels cpu features caches pages threads system; do check "cpu: $name" grep -q "^$name " "$dir/out"; done
runs 0 cpu --json && quiet && bracketed
for name in cpu features caches memory_bytes memory_allowed_bytes page_bytes huge_page_bytes cpus_online cpus_allowed threads_reason system compiler version; do
    check "cpu --json: $name" grep -q "\"$name\": " "$dir/out"
done
positive threads 1 && positive page_bytes 1 && positive cpus_allowed 1
same "threads of one CPU" "$(taskset -c "$(taskset -pc $$ | sed 's/.*: //; s/[,-].*//')" "$linnet" cpu --json | sed 's/.*"threads": \([0-9]*\).*/\1/')" 1

# --- bench
runs 0 bench --help && check "an example" grep -q "^  linnet bench " "$dir/out"
runs 0 bench --seconds 0.002 --threads 2 --json && quiet && bracketed
same "one line" "$(wc -l <"$dir/out")" 1
for name in machine roofs kernels level version cpu features; do check "bench --json: $name" grep -q "\"$name\": " "$dir/out"; done
for key in fp32 int8 int4 memory; do positive "$key" 1; done
positive share 16 && positive gops 9 && positive gbs 4 && positive ns 5
check "every kernel has a share" [ "$(numbers share | wc -l)" = "$(grep -o '"bound"' "$dir/out" | wc -l)" ]
check "no model, no work" sh -c "! grep -q '\"work\"' '$dir/out'"
cp "$dir/out" "$dir/a.json"
runs 0 bench --seconds 0.002 --threads 1 && quiet
for name in cpu features caches system level "the roof" kernel; do check "bench: $name" grep -q "^$name" "$dir/out"; done

runs 0 bench --seconds 0.001 --threads 1 --json "$gpt2"
same "level" "$(grep -o '"level": "[a-z0-9]*"' "$dir/out")" "$("$linnet" cpu --json | grep -o '"level": "[a-z0-9]*"')"
for name in decode prefill tokens/s; do check "bench GPT-2: $name" grep -q "\"name\": \"$name\|\"unit\": \"$name\"" "$dir/out"; done
positive rate 2 && positive load_seconds 1
cp "$dir/out" "$dir/b.json"
runs 0 bench --seconds 0.001 --threads 1 --json "$sentences" && positive rate 2 && check "texts" grep -q '"texts/11".*"texts/s"' "$dir/out"
runs 0 bench --seconds 0.001 --threads 1 "$fashion" && check "images" grep -q '^images/4 .*images/s' "$dir/out"

# --- compare
runs 0 bench --compare "$dir/a.json" "$dir/a.json" && quiet
check "a kernel beside itself" grep -qE '^q8/768x3072/rows:128 +1 .* 1\.000$' "$dir/out"
runs 0 bench --compare "$dir/b.json" "$dir/b.json" && check "work beside itself" grep -qE '^decode +1 .*tokens/s +1\.000$' "$dir/out"
runs 0 bench --compare "$dir/a.json" "$dir/b.json" && check "no work in common" sh -c "! grep -q '^decode' '$dir/out'"
printf '{"linnet_bench": 1, "roofs": [], "kernels": [{"name": "\\u001b[31m", "threads": 1, "ns": 1}], "machine": {"cpu": 7}}' >"$dir/odd.json"
runs 0 bench --compare "$dir/odd.json" "$dir/odd.json" && check "control bytes are not printed" sh -c "! grep -q '$(printf '\033')' '$dir/out'"

refused "missing.json" bench --compare "$dir/a.json" "$dir/missing.json"
echo '{"threads": 2}' >"$dir/other.json" && refused "not a result of linnet bench" bench --compare "$dir/a.json" "$dir/other.json"
echo '{"linnet_bench": 1, "roofs": [1], "kernels": [], "machine": {}}' >"$dir/bad.json" && refused "not a result of linnet bench" bench --compare "$dir/bad.json" "$dir/a.json"
sed 's/"linnet_bench": 1/"linnet_bench": 99/' "$dir/a.json" >"$dir/new.json" && refused "format 99" bench --compare "$dir/a.json" "$dir/new.json"
head -c 300 "$dir/a.json" >"$dir/cut.json" && refused "cut.json" bench --compare "$dir/cut.json" "$dir/a.json"
{
    printf '{"linnet_bench": 1, "roofs": [], "machine": {}, "kernels": [{}'
    yes ', {}' | head -n 5000 | tr -d '\n'
    printf ']}'
} >"$dir/long.json" && refused "5001" bench --compare "$dir/a.json" "$dir/long.json"
misused "takes two files" bench --compare "$dir/a.json"
misused "without --json" bench --compare --json "$dir/a.json" "$dir/a.json"
misused "unexpected operand" bench "$gpt2" "$gpt2"
misused "seconds" bench --seconds 0
refused "missing.lnt" bench --seconds 0.001 "$dir/missing.lnt"
LINNET_CPU=abacus refused "LINNET_CPU" bench --seconds 0.001

the_end
