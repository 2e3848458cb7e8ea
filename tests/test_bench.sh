#!/bin/sh
# linnet-bench runs what a filter names, and says how much of the roof it reaches.
set -eu
bench=$1
fail() {
    echo "FAIL: $1" >&2
    exit 1
}
few='/(384x384/rows:8|attention/32/rows:11|norm|quantize/768|hamming|weight_row|kv_store|f16_to|f32_to|add|pool).*threads:1$'
listed=$("$bench" --benchmark_list_tests --benchmark_filter="$few" | wc -l)
[ "$listed" -ge 20 ] || fail "$listed cases listed"
out=$("$bench" --benchmark_filter="$few" --benchmark_min_time=0.0001 2>/dev/null) || fail "status $?"
rows=$(echo "$out" | grep -cE '^[a-z0-9]+/.* %roof=[0-9.]+[a-zA-Z]? ') || fail "no rows: $out"
[ "$rows" = "$listed" ] || fail "$rows rows of $listed: $out"
echo "$out" | grep '^scalar/add/768/' | grep -q 'GB/s=[0-9.]* ns/element=[0-9.]' || fail "no columns: $out"
echo "$out" | grep -q '=\(nan\|inf\|0 \)' && fail "$out"
"$bench" --benchmark_list_tests --benchmark_filter='layer/.*/on:1' | grep -q '^layer/bert-base/q8/4x128/on:1' || fail "layers are not listed"
"$bench" --benchmark_filter='^nothing$' >/dev/null 2>&1 && fail "a filter that names nothing passes"
"$bench" --model=/nonexistent.lnt >/dev/null 2>&1 && fail "a model that is not there passes"
"$bench" --rows=1 >/dev/null 2>&1 && fail "an unknown option passes"
out=$("$bench" --model="$2" --benchmark_filter='lnt/' --benchmark_min_time=0.001 2>/dev/null) || fail "a model: status $?"
echo "$out" | grep -q '/decode/.* tokens/s=[0-9]' || fail "no decoding: $out"
out=$("$bench" --benchmark_filter='layer/(gpt2.*/1x8|minilm.*/1x11|vit.*/1x197)/on:1' --benchmark_min_time=0.001 2>/dev/null) || fail "layers: status $?"
[ "$(echo "$out" | grep -c '^layer/.* tokens/s=[0-9]')" = 12 ] || fail "not 12 layers: $out"
exit 0
