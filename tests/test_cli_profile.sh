#!/bin/bash
# --profile, of every verb that computes: test_cli_profile.sh BINARY GOLDEN CAUSAL SENTENCES
# GOLDEN is the folder tests/golden, whose small checkpoints are converted here; CAUSAL and SENTENCES are models that ship.
linnet=$1 golden=$2 causal=$3 sentences=$4
[ -x "$linnet" ] && [ -d "$golden" ] && [ -r "$causal" ] && [ -r "$sentences" ] ||
    { echo "usage: test_cli_profile.sh BINARY GOLDEN CAUSAL SENTENCES" >&2; exit 2; }
. "$(dirname "$0")/cli.sh"
linnet=$(realpath "$linnet") golden=$(realpath "$golden") causal=$(realpath "$causal") sentences=$(realpath "$sentences")
cd "$dir" || exit 2

for name in bert-text bert-tokens bert-masked cross-encoder; do
    cp -r "$golden/encoders/$name" "$name.folder" && printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' {a..z} '##'{a..z} . , '?' 1 >"$name.folder/vocab.txt"
    runs 0 convert "$name.folder" -o "$name.lnt" --type f32
done
cp -r "$golden/vit/vit-image" image.folder
printf '{"image_processor_type": "ViTImageProcessor", "do_resize": true, "size": {"height": 13, "width": 13}, "resample": 2}' >image.folder/preprocessor_config.json
runs 0 convert image.folder -o image.lnt --type q8
printf 'P2\n2 2\n255\n0 90\n200 255\n' >grey.pgm
printf 'the sea\nthe king and the queen\n\na rose by any other name\n' >texts.txt
printf 'ROMEO:\nJULIET:\n' >prompts.txt
printf 'a\trose\nb\tking\n' >queries.tsv
printf 'a 0 texts.txt 1\nb 0 texts.txt 1\n' >qrels.txt

# What the verb prints and writes is the same with and without, and standard error holds a table with these steps.
profiles() { # steps between "|", arguments...
    local steps=$1 step
    shift
    rm -rf made plain_made
    runs 0 "$@"
    cp out plain_out
    [ -e made ] && mv made plain_made
    runs 0 "$@" --profile
    check "linnet $*: the same output with --profile" cmp -s out plain_out
    [ -f plain_made ] && check "linnet $*: the same file with --profile" cmp -s made plain_made
    check "linnet $*: the first line of the profile" grep -q '^profile: [0-9]* threads\{0,1\}, [0-9.]* s, [0-9.]* s of cores, level ' err
    check "linnet $*: the roof" grep -q '^roof: [0-9.]* GFLOP/s fp32 .* GB/s memory$' err
    check "linnet $*: the head of the table" grep -q '^step  *calls  *rows  *ms  *wait ms  *%  *MB  *speed' err
    check "linnet $*: all of the time" grep -q '^all threads .* 100\.0$' err
    while [ "$steps" ]; do
        step=${steps%%|*} steps=${steps#"$step"} steps=${steps#|}
        check "linnet $*: a line for $step" grep -q "^$step.*[0-9]" err
    done
}

common="open|waiting for other threads|idle threads"
profiles "$common|linear q8 .* GOP/s|linear q8 .* GB/s|attention|sample|tokenize|write results" complete "$causal" texts.txt -n 20
profiles "$common|linear|sample|write results" complete "$causal" --batch prompts.txt -n 5 --threads 3
profiles "$common|linear|log-probabilities|tokenize" score "$causal" texts.txt --tokens
texts="$common|linear|attention|norm|embed|tokenize|results|read input|write results|end of a window|start and end of a run"
profiles "$texts|quantize|pool" embed "$sentences" texts.txt -o made --output-format raw
profiles "$texts|quantize|pool" embed "$sentences" texts.txt -o - --threads 1
profiles "$texts" classify bert-text.lnt texts.txt --top 0
profiles "$texts" fill bert-masked.lnt "a [MASK] b"
profiles "$texts" tag bert-tokens.lnt texts.txt
profiles "${texts%|write results*}" rerank cross-encoder.lnt "a rose" texts.txt
profiles "$common|linear|attention|decode pictures|resize pictures|results|patches|positions" classify image.lnt grey.pgm
profiles "$common|linear|decode pictures|resize pictures" embed image.lnt grey.pgm -o - --pooling mean
profiles "$common|linear|tokenize|write results" output "$causal" --want hidden -p "the sea" -o made
profiles "$common|linear|read pictures|write results" output image.lnt --want logits grey.pgm -o made
profiles "$texts|pool" index "$sentences" texts.txt -o made
runs 0 index "$sentences" texts.txt -o texts.index
profiles "$common|linear|scan int8|full text|tokenize|write results" search texts.index "a rose"
profiles "$common|full text" search texts.index rose --mode text
profiles "$common|linear|scan int8|full text" search texts.index --batch queries.tsv
profiles "$common|linear|scan int8|full text" eval texts.index queries.tsv qrels.txt
profiles "open|tokenize|write results" tokenize "$causal" texts.txt

# --- as JSON, and how much there was to do
runs 0 complete "$causal" -p ROMEO: -n 4 --json --profile --threads 2
same "one object" "$(wc -l <err)" 1
check "an object" grep -q '^{"threads": 2, "seconds": [0-9.]*, "cpu": [0-9.]*, "waiting": [0-9.]*, "rest": [0-9.]*, "level": ".*", "roof": {"fp32": .*}, "steps": \[{"name": .*}\]}$' err
check "steps with their roof" grep -q '"name": "linear [^"]*", "calls": [0-9]*, "rows": [0-9]*, "values": [0-9]*, "operations": [0-9]*, "bytes": [0-9]*, "seconds": [0-9.]*, "waiting": [0-9.]*, "bound": "memory", "speed": [0-9.]*, "of_roof": [0-9.]*}' err
check "tokens chosen" grep -q '"name": "sample", "calls": 4, "rows": 4,' err
runs 0 classify bert-text.lnt texts.txt --json --profile
check "texts" grep -q '"name": "tokenize", "calls": [0-9]*, "rows": 4,' err

# --- nothing of it where it does not belong
runs 0 complete "$causal" -p ROMEO: -n 4
quiet
runs 1 complete missing.lnt -p a --profile
one_line
misused "takes no value" complete "$causal" -p a --profile=yes
misused "-o V.npy is needed" embed "$sentences" texts.txt --profile
misused "only one of" search texts.index rose --batch queries.tsv --profile
misused "unknown option --profile" verify "$causal" --profile
runs 1 classify image.lnt grey.pgm missing.pgm --profile
says "linnet: 1 of 2 pictures could not be read"
says "all threads"
for verb in complete score embed classify fill tag rerank index search eval tokenize output; do
    "$linnet" $verb --help >help
    check "$verb --help names --profile" grep -q -- '--profile' help
done
the_end
