#!/bin/bash
# The command as a person meets it: test_cli.sh BINARY MODEL [CHECKPOINT]
# MODEL has a byte-level tokenizer and a context of at least 64 tokens; with a CHECKPOINT folder convert and quantize
# are run to their end too.
linnet=$1 model=$2 checkpoint=$3
[ -x "$linnet" ] && [ -r "$model" ] || { echo "usage: test_cli.sh BINARY MODEL [CHECKPOINT]" >&2; exit 2; }
. "$(dirname "$0")/cli.sh"

# --- help and wrong command lines
runs 0 --version && grep -q '^linnet [0-9]' "$dir/out" || fail "--version"
runs 0 --help
verbs="complete score embed classify fill tag rerank tokenize output convert quantize inspect verify bench cpu"
for verb in $verbs; do
    check "--help lists $verb" grep -q "^  $verb " "$dir/out"
done
for verb in $verbs; do
    "$linnet" "$verb" --help >"$dir/help" 2>"$dir/err"
    same "$verb --help" $? 0
    check "$verb --help has an example" grep -q "^  .*linnet $verb" "$dir/help"
done
misused "a verb is needed"
misused "did you mean complete?" compelte "$model"
misused "unknown verb" frobnicate
misused "did you mean --version?" --vresion
misused "did you mean --temperature?" complete "$model" -p a --temprature 1
misused "needs a value" complete "$model" -p
misused "unknown option -z" complete "$model" -z
misused "is not a whole number" complete "$model" -p a -n 5x
misused "is not a whole number" complete "$model" -p a -n -1
misused "is not a whole number" complete "$model" -p a -n ""
misused "is not a whole number" complete "$model" -p a --threads 0
misused "is not a whole number" complete "$model" -p a --seed 18446744073709551616
misused "is not a number" complete "$model" -p a --temperature nan
misused "is not a number" complete "$model" -p a --top-p 1.5
misused "takes no value" complete "$model" -p a --greedy=yes
misused "no text" complete "$model"
misused "only one of" complete "$model" -p a --ids "1"
misused "unexpected operand" complete "$model" a b
misused "too few operands" complete
misused "alone" complete "$model" --batch - -p a
misused "is not ID=V" complete "$model" -p a --logit-bias 5
misused "--stop: empty" complete "$model" -p a --stop ""
misused "did you mean logits?" output "$model" --want logit -o x.npy -p a
misused "-o X.npy is needed" output "$model" --want logits -p a
misused "-o M.lnt is needed" convert "$dir"
misused "is not one of f32|f16|q8|q4" convert "$dir" -o "$dir/x.lnt" --type q9
misused "--type" quantize "$model" -o "$dir/x.lnt"

# --- bad input: one line, status 1
printf 'not a model' >"$dir/text"
: >"$dir/empty"
head -c 1000 "$model" >"$dir/short"
for verb in inspect verify "complete -p a" "score -p a" "tokenize -p a" "output --want logits -o $dir/x.npy -p a"; do
    for bad in "$dir/text" "$dir/empty" "$dir/short" "$dir" "$dir/missing" /dev/null; do
        refused "$bad" $verb "$bad"
    done
done
refused "empty" complete "$model" -p ""
refused "empty" complete "$model" "$dir/empty"
refused "empty" complete "$model" --ids ""
refused "empty" score "$model" "$dir/empty"
refused "outside the vocabulary" complete "$model" --ids "1 99999999"
refused "outside the vocabulary" complete "$model" --ids "1 99999999999999999999999"
refused "is not an id" complete "$model" --ids "1 -2"
refused "outside the vocabulary" complete "$model" -p a --logit-bias 99999999=1
refused "is not an id" score "$model" --ids "1 x"
refused "outside the vocabulary" output "$model" --want logits -o "$dir/x.npy" --ids 99999999
refused "$dir/missing" complete "$model" "$dir/missing"
refused "$dir" complete "$model" "$dir"
refused "at least 2" score "$model" --ids 1
refused "--ctx" complete "$model" -p a --ctx 999999999
refused "--stride" score "$model" --ids "1 2 3" --ctx 4 --stride 5
refused "$dir/missing" convert "$dir/missing" -o "$dir/x.lnt"
refused "$dir/text" convert "$dir/text" -o "$dir/x.lnt"
mkdir "$dir/nothing"
refused "$dir/nothing" convert "$dir/nothing" -o "$dir/x.lnt"
refused "$dir/text" quantize "$dir/text" -o "$dir/x.lnt" --type q8
check "nothing is left behind" [ ! -e "$dir/x.lnt" ]
check "no .npy is left behind" [ ! -e "$dir/x.npy" ]
long=$(printf 'the sea and the king %.0s' $(seq 2000))
refused "context" complete "$model" -p "$long"
refused "context" output "$model" --want logits -o "$dir/x.npy" -p "$long"
"$linnet" complete "$model" - <&- >"$dir/out" 2>"$dir/err"
same "closed standard input" $? 1
one_line

# --- cpu, inspect, verify
runs 0 cpu && grep -q '^level' "$dir/out" || fail "cpu"
runs 0 cpu --json && grep -q '^{"level": ".*"levels": \[".*"threads": [1-9]' "$dir/out" || fail "cpu --json"
same "LINNET_CPU=scalar" "$(LINNET_CPU=scalar "$linnet" cpu --json | sed 's/{"level": "\([a-z]*\)".*/\1/')" scalar
LINNET_CPU=abacus "$linnet" cpu >"$dir/out" 2>"$dir/err"
same "a level that there is not" $? 1
one_line
runs 0 inspect "$model" && quiet && check "inspect prints" [ -s "$dir/out" ]
runs 0 inspect "$model" --json && grep -q '^{' "$dir/out" || fail "inspect --json"
runs 0 inspect "$model" --tensors --graph
runs 0 verify "$model" && grep -q whole "$dir/out" || fail "verify"
runs 0 verify --json "$model" && grep -q '"whole": true' "$dir/out" || fail "verify --json"
cp "$model" "$dir/damaged" # one bit of the last kilobyte: tensor data, that only verify reads
at=$(($(wc -c <"$model") - 1000))
byte=$(od -An -tu1 -j $at -N 1 "$model")
printf "\\$(printf %o $((byte ^ 1)))" | dd of="$dir/damaged" bs=1 seek=$at conv=notrunc 2>/dev/null
refused "$dir/damaged" verify "$dir/damaged"

# --- tokenize: any bytes there and back
printf 'To be, or not to be\n\ncaf\303\251 \360\237\230\200 \344\270\255\n\377\376\200 bytes\000 \t x  \n<|endoftext|> tail' >"$dir/mixed"
runs 0 tokenize "$model" "$dir/mixed" && cp "$dir/out" "$dir/ids" && quiet
same "a line of ids a line of text" "$(wc -l <"$dir/ids")" 5
same "an empty line has no ids" "$(sed -n 2p "$dir/ids")" ""
runs 0 tokenize "$model" --decode "$dir/ids"
(cat "$dir/mixed" && echo) | check "decoded lines" cmp -s - "$dir/out"
for special in "" --no-special; do
    "$linnet" tokenize "$model" --whole $special "$dir/mixed" | "$linnet" tokenize "$model" --whole --decode >"$dir/out"
    check "the whole file there and back $special" cmp -s "$dir/mixed" "$dir/out"
done
same "-p is a line of standard input" "$(echo 'Good morrow' | "$linnet" tokenize "$model" -)" \
    "$("$linnet" tokenize "$model" -p 'Good morrow')"
runs 0 tokenize "$model" -p "$(printf 'a"\\\001\303')" --json
check "tokens as JSON" grep -q '^{"ids": \[[0-9, ]*\], "tokens": \["a.*\\"' "$dir/out"
check "control bytes are escaped" grep -qF '\u0001' "$dir/out"
check "invalid bytes are replaced" grep -q "$(printf '\357\277\275')" "$dir/out"
echo "1 99999999" >"$dir/bad_ids"
refused "line 1: id 99999999" tokenize "$model" --decode "$dir/bad_ids"

# --- complete
prompt='ROMEO: But soft'
runs 0 complete "$model" -p "$prompt" -n 30 && cp "$dir/out" "$dir/text30" && quiet
printf '%s' "$prompt" >"$dir/prompt"
for source in "$dir/prompt" -; do
    "$linnet" complete "$model" "$source" -n 30 <"$dir/prompt" >"$dir/out" 2>"$dir/err"
    check "the prompt from $source" cmp -s "$dir/out" "$dir/text30"
done
ids=$("$linnet" tokenize "$model" -p "$prompt")
runs 0 complete "$model" --ids "$ids" -n 30 && check "the prompt as ids" cmp -s "$dir/out" "$dir/text30"
runs 0 complete -n30 --seed=0 --threads 1 -p "$prompt" -- "$model" && check "options elsewhere" cmp -s "$dir/out" "$dir/text30"
runs 0 complete "$model" -p "$prompt" -n 30 --seed 1 && check "another seed" test -n "$(cmp "$dir/out" "$dir/text30")"
runs 0 complete "$model" -p "$prompt" -n 30 --greedy && cp "$dir/out" "$dir/greedy"
runs 0 complete "$model" -p "$prompt" -n 30 --temperature 0 && check "temperature 0 is greedy" cmp -s "$dir/out" "$dir/greedy"
runs 0 complete "$model" -p "$prompt" -n 30 --top-k 1 && check "top-k 1 is greedy" cmp -s "$dir/out" "$dir/greedy"
runs 0 complete "$model" -p "$prompt" -n 0 && same "-n 0" "$(cat "$dir/out")" ""
runs 0 complete "$model" -p "$prompt" -n 5 --stats
for word in load "time to first token" prompt generated; do says "$word"; done
runs 0 complete "$model" -p "$prompt" -n 30 --json && quiet
same "tokens" "$(json_field tokens)" 30
same "finish" "$(json_field finish)" length

# a token of one byte again and again, through --logit-bias
a=$("$linnet" tokenize "$model" -p a)
runs 0 complete "$model" -p "$prompt" -n 5 --logit-bias "$a=1e6" && same "a logit bias" "$(cat "$dir/out")" aaaaa
runs 0 complete "$model" -p "$prompt" -n 9 --logit-bias "$a=1e6" --stop x --stop aaa --json
same "a stop string" "$(json_field text)/$(json_field tokens)/$(json_field finish)" "/3/stop"
runs 0 complete "$model" -p "$prompt" -n 2 --logit-bias "$a=1e6" --stop aaa && same "half a stop string" "$(cat "$dir/out")" aa
half=$(printf '\303' | "$linnet" tokenize "$model" --whole)
runs 0 complete "$model" -p "$prompt" -n 3 --logit-bias "$half=1e6"
same "half characters" "$(cat "$dir/out")" "$(printf '\357\277\275\357\277\275\357\277\275')"
for seed in 1 2 3 4 5; do
    "$linnet" complete "$model" -p "$(printf '\303\251\360\237')" -n 40 --temperature 50 --top-k 0 --seed $seed --ignore-eos >"$dir/out"
    check "valid UTF-8, seed $seed" iconv -f UTF-8 -t UTF-8 -o /dev/null "$dir/out"
done

# stop strings cut a text where they first occur
text=$("$linnet" complete "$model" -p "$prompt" -n 60 --seed 3)
for start in 3 8 15; do
    stop=${text:start:4}
    runs 0 complete "$model" -p "$prompt" -n 60 --seed 3 --stop "$stop"
    same "--stop <$stop>" "$(cat "$dir/out")" "$(printf '%s' "${text%%"$stop"*}")"
done

# the end of the context
context=$("$linnet" complete "$model" -p "$prompt" -n 1000000 --ignore-eos --ctx 40 --json 2>"$dir/err")
same "a full context" "$(printf '%s' "$context" | sed 's/.*"finish": "\([a-z]*\)".*/\1/')" context
says "is full"
runs 0 complete "$model" -p "$prompt" -n 100 --ignore-eos --ctx 40 --shift --json
same "--shift goes on" "$(json_field tokens)/$(json_field finish)" 100/length
quiet

# the end token ends a text, and is not printed
eos=$("$linnet" tokenize "$model" -p '<|endoftext|>')
if [ "$(echo "$eos" | wc -w)" = 1 ]; then
    runs 0 complete "$model" -p "$prompt" -n 5 --logit-bias "$eos=1e6" --json
    same "the end token" "$(json_field text)/$(json_field tokens)/$(json_field finish)" "/0/eos"
    runs 0 complete "$model" -p "$prompt" -n 5 --logit-bias "$eos=1e6" --ignore-eos --json
    same "--ignore-eos" "$(json_field tokens)/$(json_field finish)" 5/length
fi

# --batch: the same texts as one by one, in order, however many go together
cat >"$dir/prompts" <<'END'
ROMEO: But soft
To be
KING HENRY:\nOnce more
a
The quality of mercy is not strained, it droppeth as the gentle rain from heaven
\tTab \\ backslash \x
Now is the winter of our discontent made glorious summer
O
JULIET:
Friends, Romans, countrymen, lend me your ears
END
while IFS= read -r line; do
    raw=$(printf '%s\n' "$line" | sed 's/\\x/\\\\x/')
    "$linnet" complete "$model" -p "$(printf '%b' "$raw")" -n 12 --stop e --json
done <"$dir/prompts" >"$dir/one_by_one"
for parallel in 1 3 8; do
    runs 0 complete "$model" --batch "$dir/prompts" -n 12 --stop e --json --parallel $parallel
    check "--batch --parallel $parallel" cmp -s "$dir/out" "$dir/one_by_one"
done
runs 0 complete "$model" --batch - -n 12 --stop e <"$dir/prompts"
same "a header a prompt" "$(grep -c '^==> .* <==$' "$dir/out")" 10
printf 'one\n\nthree\n' >"$dir/holes"
refused "line 2: empty" complete "$model" --batch "$dir/holes"
refused "empty" complete "$model" --batch "$dir/empty"

# --- output that cannot be written, and interruption
for full in "complete $model -p a -n 3" "complete $model -p a -n 3 --json" "tokenize $model -p a" "score $model -p tale" \
    "inspect $model" cpu --help --version; do
    "$linnet" $full >/dev/full 2>"$dir/err"
    same "linnet $full: full disk" $? 1
    one_line
    says "standard output"
    "$linnet" $full >&- 2>"$dir/err"
    same "linnet $full: closed output" $? 1
    one_line
done
refused "/dev/full" output "$model" --want logits -o /dev/full -p a
refused "$dir/none/x.npy" output "$model" --want logits -o "$dir/none/x.npy" -p a
"$linnet" complete "$model" -p a -n 100000000 --ignore-eos --shift 2>"$dir/err" | head -c 20 >"$dir/out"
same "a reader that leaves ends it" "${PIPESTATUS[0]}/$(wc -c <"$dir/out")" "141/20"
# --foreground: without it timeout signals twice, and the second Ctrl-C is meant to kill
for mode in "-p a" "--batch $dir/prompts --parallel 20"; do
    timeout --foreground --preserve-status -k 30 -s INT 5 "$linnet" complete "$model" $mode -n 100000000 --ignore-eos --shift \
        >"$dir/out" 2>"$dir/err"
    same "Ctrl-C, $mode" $? 130
    check "what came so far is printed, $mode" [ "$(wc -c <"$dir/out")" -gt 20 ]
    check "and is valid UTF-8, $mode" iconv -f UTF-8 -t UTF-8 -o /dev/null "$dir/out"
    quiet
done

# --- score
passage='Tomorrow, and tomorrow, and tomorrow, creeps in this petty pace from day to day'
n=$("$linnet" tokenize "$model" -p "$passage" | wc -w)
runs 0 score "$model" -p "$passage" && grep -q '^perplexity' "$dir/out" && quiet || fail score
for options in "" "--stride 1 --ctx 8" "--stride 7 --ctx 8" "--stride 8 --ctx 16 --threads 2"; do
    runs 0 score "$model" -p "$passage" $options --json
    same "tokens scored, $options" "$(json_field tokens_scored)/$(json_field tokens)" "$((n - 1))/$n"
done
runs 0 score "$model" -p "$passage" --json --stride 4 --ctx 4 # windows apart: the first of each has no context
same "tokens scored, windows apart" "$(json_field tokens_scored)" $((n - (n + 3) / 4))
runs 0 score "$model" -p "$passage" --json
perplexity=$(json_field perplexity) bits=$(json_field bits_per_byte)
runs 0 score "$model" --ids "$("$linnet" tokenize "$model" -p "$passage")" --json
same "a text and its ids" "$(json_field perplexity)" "$perplexity"
runs 0 score "$model" -p "$passage" --tokens
same "perplexity is that of the tokens" "$(awk -F'\t' 'NF == 4 && $3 != "null" { s -= $3; k++ } END { printf "%.5g", exp(s / k) }' "$dir/out")" \
    "$(printf '%.5g' "$perplexity")"
same "a line a token" "$(grep -c '	"' "$dir/out")" "$n"
first=$(sed -n 1p "$dir/out" | cut -f 4 | tr -d '"' | wc -c) # with a newline
same "bits per byte" "$(awk -F'\t' -v bytes=$((${#passage} - first + 1)) 'NF == 4 && $3 != "null" { s -= $3 }
    END { printf "%.5g", s / log(2) / bytes }' "$dir/out")" "$(printf '%.5g' "$bits")"

# --- output
for want in logits hidden attention; do
    runs 0 output "$model" --want $want --ids "5 17 3" -o "$dir/$want.npy" --json && quiet
    shape=$(sed 's/.*"shape": \[\([0-9, ]*\)\].*/\1/' "$dir/out")
    check "$want.npy has its shape" grep -qaF "'shape': ($shape)" "$dir/$want.npy"
    check "$want.npy is float32" grep -qaF "'descr': '<f4'" "$dir/$want.npy"
    header=$(($(od -An -tu2 -j 8 -N 2 "$dir/$want.npy") + 10))
    same "$want.npy has its values" "$(($(wc -c <"$dir/$want.npy") - header))" "$((4 * ${shape//, / * }))"
done
# the probabilities a first token sees are all its own
same "the first token's attention" "$(od -An -tf4 -w12 -j $header -N 12 "$dir/attention.npy" | tr -s ' ')" " 1 0 0"

# --- convert and quantize
if [ -n "$checkpoint" ]; then
    for type in f32 f16 q8 q4; do
        runs 0 convert "$checkpoint" -o "$dir/$type.lnt" --type $type && quiet && check "$type is shown" [ -s "$dir/out" ]
        runs 0 verify "$dir/$type.lnt"
    done
    for type in q8 q4; do
        runs 0 quantize "$dir/f32.lnt" -o "$dir/from.lnt" --type $type --no-check --json && quiet
        runs 0 verify "$dir/from.lnt"
    done
    refused "$dir/q4.lnt" quantize "$dir/q4.lnt" -o "$dir/no.lnt" --type q8
    refused "/dev/full" convert "$checkpoint" -o /dev/full/x.lnt
    mkdir "$dir/small" # a disk that takes 16 blocks
    (trap '' XFSZ && ulimit -f 16 && exec "$linnet" convert "$checkpoint" -o "$dir/small/no.lnt") >"$dir/out" 2>"$dir/err"
    same "a full disk" $? 1
    says "$dir/small/no.lnt: cannot be written"
    check "nothing is left behind" rmdir "$dir/small"
    check "nothing is left behind" [ ! -e "$dir/no.lnt" ]
fi

the_end
