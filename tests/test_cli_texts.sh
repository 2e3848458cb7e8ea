#!/bin/bash
# The verbs that take many texts, as a person meets them: test_cli_texts.sh BINARY ENCODERS CAUSAL
# ENCODERS is the folder of small checkpoints that tests/golden/encoders.py makes, CAUSAL a model with another task.
linnet=$1 encoders=$2 causal=$3
[ -x "$linnet" ] && [ -d "$encoders" ] && [ -r "$causal" ] || { echo "usage: test_cli_texts.sh BINARY ENCODERS CAUSAL" >&2; exit 2; }
. "$(dirname "$0")/cli.sh"
linnet=$(realpath "$linnet") encoders=$(realpath "$encoders") causal=$(realpath "$causal")
cd "$dir" || exit 2

# --- models: the checkpoints with a vocabulary of letters, so that every word is spelled
vocabulary() {
    printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' {a..z} '##'{a..z} . , '?' 1
}
for name in sentence bert-model bert-text bert-text-many bert-text-one bert-tokens bert-masked bert-next-sentence cross-encoder; do
    cp -r "$encoders/$name" "$name.folder" && vocabulary >"$name.folder/vocab.txt"
    runs 0 convert "$name.folder" -o "$name.lnt" --type f32
done
sentence=sentence.lnt

values() { # FILE.npy: its values as numbers
    od -An -v -tf4 -w4 -j 128 "$1"
}
embeds() { # name of the result, arguments...
    local out=$1
    shift
    runs 0 embed $sentence -o "$out" "$@"
}
equal() { # what, two files
    check "$1" cmp -s "$2" "$3"
}

# --- wrong command lines
misused "-o V.npy is needed" embed $sentence -p a
misused "no text" embed $sentence -o x.npy
misused "only one of -p TEXT and FILES" embed $sentence -o x.npy -p a b
misused "--output-format can say" embed $sentence -o x.bin -p a
misused "--output-format can say" embed $sentence -o x -p a
misused "cannot go to standard output" embed $sentence -o - -p a --output-format npy
misused "--resume cannot go with" embed $sentence -o - -p a --resume
misused "--json cannot go with" embed $sentence -o - -p a --json
misused "only one of --prompt" embed $sentence -o x.npy -p a --prompt query --prompt-text a
misused "is not one of" embed $sentence -o x.npy -p a --output-type f64
misused "is not one of" embed $sentence -o x.npy -p a --pooling median
misused "--overlap goes with" embed $sentence -o x.npy -p a --overlap 3
misused "more than half" embed $sentence -o x.npy -p a --chunk-tokens 8 --overlap 5
misused "is not a whole number" embed $sentence -o x.npy -p a --dims 0
misused "--pair goes with" classify bert-text.lnt x --pair b
misused "--no-header needs" classify bert-text.lnt x.csv --no-header
misused "only one of --words" tag bert-tokens.lnt -p a --words --json
misused "no text" tag bert-tokens.lnt
misused "no text" fill bert-masked.lnt
misused "only one of TEXT" fill bert-masked.lnt a --file x
misused "only one of TEXT" fill bert-masked.lnt a -p b
misused "too few operands" rerank cross-encoder.lnt
misused "no text" rerank cross-encoder.lnt query
misused "--segments goes with" output bert-text.lnt --want logits -o x.npy -p a --segments "0 0"
misused "--pair goes with" output bert-text.lnt --want logits -o x.npy --ids "2 3" --pair a

# --- wrong models
refused "is a 'masked-lm' model, expected one for 'token-classification'" tag bert-masked.lnt -p a
refused "is a 'token-classification' model, expected one for 'sequence-classification'" classify bert-tokens.lnt -p a
refused "is a 'sequence-classification' model, expected one for 'masked-lm'" fill bert-text.lnt a
refused "is a model without a task" rerank $sentence query -p a
refused "has 3 labels, expected the one score" rerank bert-text.lnt query -p a
refused "expected one for 'causal-lm'" complete bert-masked.lnt -p a
refused "expected one for 'causal-lm'" score bert-text.lnt -p a
refused "expected one for 'sequence-classification'" classify "$causal" -p a
refused "'next_sentence'" output bert-tokens.lnt --want next_sentence -o x.npy -p a
refused "'logits'" output $sentence --want logits -o x.npy -p a
cp -r "$encoders/bert-text" mute && runs 0 convert mute -o mute.lnt --type f32
refused "holds no tokenizer" classify mute.lnt -p a
refused "holds no tokenizer" embed mute.lnt -o x.npy -p a
refused "has no prompt" embed $sentence -o x.npy -p a --prompt nothing
says "query"
refused "--max-tokens 25" embed $sentence -o x.npy -p a --max-tokens 25
refused "--chunk-tokens 23 is more than the model takes, expected at most 22" embed $sentence -o x.npy -p a --chunk-tokens 23 --prompt-text ''
refused "expected at most 16" embed $sentence -o x.npy -p a --chunk-tokens 17
refused "dims" embed $sentence -o x.npy -p a --dims 21
refused "./none/x.npy" embed $sentence -o ./none/x.npy -p a
refused "is not a regular file" embed $sentence -o /dev/full --output-format raw -p a
refused "is not a regular file" embed $sentence -o . --output-format raw -p a
check "nothing is left behind" [ -z "$(ls x.npy* none 2>/dev/null)" ]

# --- embed: the same texts from everywhere
printf '%s\n' 'the cat sat' 'a dog, and "more"' '' 'x y z' 'so long a line that it is cut off somewhere' >lines.txt
sed 's/$/\r/' lines.txt >windows.txt
printf '\357\273\277' | cat - lines.txt >marked.txt
head -c -1 lines.txt >unended.txt
{
    echo '{"id": 1, "text": "the cat sat", "a.b": "x", "deep": {"body": "the cat sat"}}'
    echo '{"text": "a dog, and \u0022more\"", "deep": {"body": "a dog, and \"more\""}}'
    echo
    echo ' {"text": "", "deep": {"body": ""}, "text": ""}'
    printf '{"text": "x y z", "deep": {"body": "x y z"}}\r\n'
    echo '{"text": "so long a line that it is cut off somewhere", "deep": {"body": "so long a line that it is cut off somewhere"}}'
} >lines.jsonl
{
    printf 'n,text,"the ""rest"""\r\n1,the cat sat,a\r\n2,"a dog, and ""more""",b\r\n\r\n3,,c\r\n4,"x y z","c\nd"\r\n'
    printf '5,so long a line that it is cut off somewhere,e'
} >lines.csv
{
    printf 'n\tbody\r\n'
    nl -ba -w1 lines.txt
} >lines.tsv
printf '"the cat\nsat"\n' >quoted.csv # one column, a text of two lines
embeds lines.npy lines.txt
same "truncation is told" "$(cat err)" "linnet: 1 of 5 texts truncated to 24 tokens"
for source in windows.txt marked.txt unended.txt lines.jsonl lines.csv "lines.tsv --column body" "lines.tsv --column 2" \
    "lines.jsonl --field deep.body" "lines.tsv --format tsv --column 2" "lines.txt --format lines"; do
    embeds other.npy $source
    equal "embed $source" lines.npy other.npy
done
tail -n +2 lines.tsv | "$linnet" embed $sentence - --format tsv --no-header --column 2 -o other.npy 2>err
equal "TSV without a header from a pipe" lines.npy other.npy
"$linnet" embed $sentence - -o other.npy <lines.txt 2>err
equal "standard input" lines.npy other.npy
embeds other.npy <(cat lines.txt)
equal "a named pipe" lines.npy other.npy
mkdir -p folder/b folder/.hidden && printf 'x y z' >folder/b/2.txt && printf 'the cat sat' >folder/a.txt && printf 'no' >folder/.hidden/x
printf 'no' >folder/.x && ln -s a.txt folder/c && ln -s . folder/loop
printf '%s\n' 'the cat sat' 'x y z' 'the cat sat' >three.txt
embeds three.npy three.txt
embeds other.npy folder
equal "a folder, in order" three.npy other.npy
embeds other.npy folder/a.txt folder/b folder/c --format files
equal "files and folders" three.npy other.npy
embeds one.raw -p 'the cat sat'
embeds other.raw --output-format raw folder/a.txt --format files
equal "-p" one.raw other.raw
head -c $((128 + 80)) lines.npy | tail -c 80 >other.raw
equal "a text alone and among others" one.raw other.raw
embeds other.npy lines.txt --threads 1 --batch-tokens 16
equal "one thread, small batches" lines.npy other.npy
LINNET_CPU=scalar "$linnet" embed $sentence lines.txt -o other.npy --threads 3 2>err
equal "another instruction set" lines.npy other.npy
printf 'the cat\nsat' >newline.txt
embeds other.raw quoted.csv --column 1 --no-header && embeds one.raw newline.txt --format files
equal "a newline in quotes" one.raw other.raw
embeds empty.npy /dev/null --json
same "no texts" "$(json_field count)/$(head -c 128 empty.npy | grep -ao "'shape': ([0-9, ]*)")" "0/'shape': (0, 20)"
: >nothing.csv
embeds empty.npy nothing.csv --json
same "no header, no texts" "$(json_field count)" 0

# bad input
printf '{"text": "a"}\n{"text": 5}\n{"text": "b"\n[1]\n{"body": "c"}\n{"text": "\\ud800"}\n{"text": "d"}\n' >bad.jsonl
refused "bad.jsonl: line 2: field \"text\" is not a string" embed $sentence bad.jsonl -o x.npy
check "nothing under the final name" [ ! -e x.npy ]
for n in 3 4 5 6; do
    { echo '{"text": "a"}' && sed -n ${n}p bad.jsonl; } >one.jsonl
    refused "one.jsonl: line 2: " embed $sentence one.jsonl -o x.npy
done
refused "there is no field \"nope\"" embed $sentence bad.jsonl --field nope -o x.npy
runs 0 embed $sentence bad.jsonl -o x.npy --skip-bad --json
says "5 records skipped, the first: bad.jsonl: line 2"
same "--skip-bad goes on" "$(json_field count)/$(json_field skipped)" "2/5"
printf 'a\nd\n' >ad.txt && embeds other.npy ad.txt
equal "--skip-bad keeps the good ones" x.npy other.npy
printf 'n,text\n1,a\n2\n3,"b" c\n4,d\n5,"e\n' >bad.csv
refused "bad.csv: line 3: has 1 columns, expected at least 2" embed $sentence bad.csv -o x2.npy
embeds other.npy bad.csv --skip-bad
says "3 records skipped"
equal "--skip-bad of CSV" x.npy other.npy
printf 'text\n"a\nb\n' >open.csv
refused "open.csv: line 2: a quote is not closed" embed $sentence open.csv -o x2.npy
refused "there is no column \"nope\", expected one of: n, text, the \"rest\"" embed $sentence lines.csv --column nope -o x2.npy
refused "there is no column \"4\"" embed $sentence lines.csv --column 4 -o x2.npy
refused "which column is the text? expected --column, one of: n, body" embed $sentence lines.tsv -o x2.npy
refused "--field is for JSONL, expected --format jsonl" embed $sentence folder/a.txt lines.csv --column text --field x --format csv -o x2.npy
refused "--field is for JSONL" embed $sentence folder --field text -o x2.npy
refused "--column is for CSV and TSV" embed $sentence lines.txt --column 1 -o x2.npy
refused "--pair-column is for CSV and TSV" classify bert-text.lnt lines.jsonl --pair-column 2
"$linnet" embed $sentence - --field text -o other.npy <lines.jsonl 2>err
equal "JSONL without a name" lines.npy other.npy
refused "missing.txt: cannot be opened" embed $sentence lines.txt missing.txt -o x2.npy
refused "given twice" embed $sentence - - -o x2.npy
mkdir hollow && refused "hollow: holds no files" embed $sentence hollow -o x2.npy
check "nothing is left behind" [ -z "$(ls x2.npy* 2>/dev/null)" ]
printf 'caf\303\251\n\377\376 x\nabc\303\n' >invalid.txt
printf 'caf\303\251\n\357\277\275\357\277\275 x\nabc\357\277\275\n' >replaced.txt
embeds x.npy invalid.txt
says "2 of 3 texts not UTF-8, such bytes read as U+FFFD"
embeds other.npy replaced.txt && quiet
equal "invalid bytes are U+FFFD" x.npy other.npy
printf '{"text": "\377\376 x"}\n' >invalid.jsonl
embeds x.raw invalid.jsonl
says "1 of 1 texts not UTF-8"
sed -n 2p replaced.txt >one.txt && embeds other.raw one.txt
equal "invalid bytes in JSON" x.raw other.raw
{ echo a && yes 'x y z' | head -c 10000000 | tr '\n' ' ' && echo && echo d; } >long.txt
embeds x.npy long.txt --json
same "a line of 10 MB" "$(json_field count)/$(json_field truncated)" 3/1
embeds ad.npy ad.txt
check "its neighbours" cmp -s <(values x.npy | sed '21,40d') <(values ad.npy)
{ echo a && head -c 70000000 /dev/zero | tr '\0' 'x' && echo && echo d; } >toolong.txt
refused "toolong.txt: line 2 is longer than" embed $sentence toolong.txt -o x.npy
rm -f x.npy*
embeds x.npy toolong.txt --skip-bad
says "1 record skipped"
equal "--skip-bad of a line too long" x.npy ad.npy
rm -f long.txt toolong.txt

# what is written
header=$(head -c 128 lines.npy | tr -d '\0\n')
check ".npy header" grep -qF "'descr': '<f4', 'fortran_order': False, 'shape': (5, 20), }" <<<"$header"
same ".npy size" "$(wc -c <lines.npy)" $((128 + 5 * 20 * 4))
embeds x.raw lines.txt
tail -c +129 lines.npy >other.raw
equal "raw is .npy without its header" x.raw other.raw
"$linnet" embed $sentence lines.txt -o - --output-format raw >x.raw 2>err
equal "raw on standard output" x.raw other.raw
embeds lines.jsonl.out lines.txt --output-format jsonl
"$linnet" embed $sentence lines.txt -o - >x.jsonl 2>err
equal "JSONL is what standard output gets" lines.jsonl.out x.jsonl
same "an object a line" "$(grep -c '^{"input": ".*", "embedding": \[-\{0,1\}[0-9].*\]}$' x.jsonl)" 5
check "the numbers of JSONL" awk 'NR == FNR { v[NR] = $1; next } { d = v[FNR] - $1; if (d * d > 1e-12) bad = 1 } END { exit bad }' \
    <(values lines.npy) <(sed 's/.*\[//; s/\].*//; s/, /\n/g' x.jsonl)
embeds half.npy lines.txt --output-type f16 && embeds bytes.npy lines.txt --output-type int8 && embeds bits.npy lines.txt --output-type binary
for type in "half <f2 20 40" "bytes |i1 20 20" "bits |u1 3 3"; do
    set -- $type
    check "header of $1.npy" grep -qaF "'descr': '$2', 'fortran_order': False, 'shape': (5, $3)" "$1.npy"
    same "size of $1.npy" "$(wc -c <"$1.npy")" $((128 + 5 * $4))
done
check "int8 is round(x * 127 / max |x|)" awk 'NR == FNR { v[NR] = $1; a = $1 < 0 ? -$1 : $1; r = int((NR - 1) / 20); if (a > m[r]) m[r] = a; next }
    { e = v[FNR] * 127 / m[int((FNR - 1) / 20)] - $1; if (e > 0.5001 || e < -0.5001) bad = 1 } END { exit bad || FNR != 100 }' \
    <(values lines.npy) <(od -An -v -td1 -w1 -j 128 bytes.npy)
check "binary is packbits(x > 0)" cmp -s <(values lines.npy | awk '{ b = 2 * b + ($1 > 0) } NR % 20 == 8 || NR % 20 == 16 { print b; b = 0 }
    NR % 20 == 0 { print b * 16; b = 0 }') <(od -An -v -tu1 -w1 -j 128 bits.npy | tr -d ' ')
half() { # 16 bits as a number
    od -An -v -tu2 -w2 -j 128 half.npy | awk '{ s = $1 >= 32768 ? -1 : 1; b = $1 % 32768; e = int(b / 1024); f = b % 1024
        print s * (e ? (1 + f / 1024) * 2 ^ (e - 15) : f * 2 ^ -24) }'
}
check "f16 is the nearest half" awk 'NR == FNR { v[NR] = $1; next } { d = v[FNR] - $1; a = v[FNR] < 0 ? -v[FNR] : v[FNR]
    if ((d < 0 ? -d : d) > a / 2048 + 3e-8) bad = 1 } END { exit bad || FNR != 100 }' <(values lines.npy) <(half)
for type in f16 int8 binary; do
    "$linnet" embed $sentence lines.txt -o - --output-type $type >x.jsonl 2>err
    same "$type as JSONL" "$(grep -c '"embedding": \[-\{0,1\}[0-9]' x.jsonl)" 5
done
embeds x.npy lines.txt --dims 7
check "--dims" cmp -s <(values x.npy) <(values lines.npy | awk 'NR % 20 >= 1 && NR % 20 <= 7')
embeds x.npy lines.txt --dims 7 --normalize
check "--normalize" awk '{ s += $1 * $1 } NR % 7 == 0 { if (s < 0.99999 || s > 1.00001) bad = 1; s = 0 } END { exit bad || NR != 35 }' <(values x.npy)
embeds plain.npy lines.txt --prompt-text ''
embeds x.npy lines.txt --prompt document
equal "a prompt without text" plain.npy x.npy
embeds x.npy lines.txt --prompt query
equal "the default prompt" lines.npy x.npy
embeds x.npy lines.txt --prompt-text 'Frage: '
equal "--prompt-text" lines.npy x.npy
sed 's/^/Frage: /' lines.txt >prompted.txt && embeds x.npy prompted.txt --prompt-text ''
equal "a prompt stands before the text" lines.npy x.npy
check "it makes a difference" test -n "$(cmp lines.npy plain.npy)"
for pooling in cls mean max mean_sqrt weighted_mean last; do
    embeds $pooling.npy lines.txt --pooling $pooling
    runs 0 embed bert-model.lnt lines.txt --pooling $pooling -o x.npy --json
    same "bert-model.lnt, $pooling" "$(json_field dims)" 36
done
same "every pooling is another" "$(md5sum cls.npy mean.npy max.npy mean_sqrt.npy weighted_mean.npy last.npy | cut -d ' ' -f 1 | sort -u | wc -l)" 6
runs 0 embed $sentence lines.txt -o x.npy --max-tokens 8 --json
same "--max-tokens" "$(json_field truncated)/$(json_field count)/$(json_field output)/$(json_field type)" 4/5/x.npy/f32
"$linnet" embed $sentence lines.txt -o - >/dev/full 2>err
same "a full disk behind standard output" $? 1
one_line

# chunks: every word of a long text is in one, none is longer than asked for
for i in $(seq 300); do printf 'Ab c%s d. ' $((i % 10)); [ $((i % 40)) = 0 ] && printf '\n\n'; done >folder/a.txt
"$linnet" embed $sentence folder/a.txt --format files --chunk-tokens 18 --overlap 4 --prompt-text '' -o - >x.jsonl 2>err
same "no chunk is cut off" "$(cat err)" ""
check "chunks have places" grep -q '^{"input": "folder/a.txt", "begin": 0, "end": [0-9]*, "embedding"' x.jsonl
check "chunks overlap, and none is missing" awk -F '[:,]' '{ b = $4 + 0; e = $6 + 0; if (b > last || e <= last || (NR > 1 && b == last)) bad = 1; last = e } END { exit bad }' x.jsonl
same "the last ends with the text" "$(tail -1 x.jsonl | sed 's/.*"end": \([0-9]*\).*/\1/')" "$(sed -z 's/[ \n]*$//' folder/a.txt | wc -c)"
cut -d ' ' -f 6 x.jsonl | tr -d , | while read -r end; do head -c "$end" folder/a.txt | tail -c 2; echo; done | sort -u >ends
check "chunks end with sentences" [ "$(cat ends)" = "d." ]
embeds chunks.npy folder --chunk-tokens 16 && quiet
embeds other.npy folder --chunk-tokens 16 --threads 1
equal "chunks of a folder" chunks.npy other.npy

mkdir here && printf 'x y z' >here/a.txt && embeds one.raw here/a.txt --format files
for run in 1 2; do
    embeds here/all.raw here --output-format raw
    equal "the output among the input, run $run" here/all.raw one.raw
done
: >here/all.raw.part && : >here/all.raw.journal && embeds here/all.raw here --resume
equal "a part among the input" here/all.raw one.raw

# --- resume
n_many=$(lines 60000 16000)
seq $n_many | awk '{ for (i = 0; i < 3; i++) { $1 = $1 * 7919 % 1000003; printf "%c%c ", 97 + $1 % 26, 97 + int($1 / 26) % 26 } print "" }' >many.txt
embeds many.npy many.txt --json
same "many texts" "$(json_field count)" $n_many
resumed() { # name of the result, arguments...: killed again and again until it is done
    local out=$1 pause
    shift
    rm -f "$out" "$out".*
    for pause in 0.02 0.3 0.5 0.7 0.1 0.4 0.9 0.05 0.2 0.6 0.3 0.8 1 1.5 2 4 8 16 32 64; do
        { timeout --foreground -s KILL $pause "$linnet" embed $sentence -o "$out" --resume "$@" 2>err; } 2>/dev/null && break
    done
    check "no half file, $*" [ -e "$out" ]
    same "nothing else is left, $*" "$(ls "$out".* 2>/dev/null)" ""
}
resumed x.npy many.txt
equal "killed, resumed, the same .npy" many.npy x.npy
embeds half.jsonl many.txt --output-type int8
resumed x.jsonl many.txt --output-type int8
equal "killed, resumed, the same .jsonl" half.jsonl x.jsonl
rm -f x.npy
for pause in 0.4 0.7 60; do
    { cat many.txt | timeout --foreground -s KILL $pause "$linnet" embed $sentence - -o x.npy --resume 2>err; } 2>/dev/null && break
done
equal "the same from a pipe" many.npy x.npy

interrupt() { # arguments...: begun and interrupted after a note in the journal
    rm -f x.npy x.npy.*
    "$linnet" embed $sentence -o x.npy "$@" >out 2>err &
    local process=$! i
    for ((i = 0; i < 300; i++)); do
        [ "$(wc -l 2>/dev/null <x.npy.journal || echo 0)" -gt 1 ] && break
        sleep 0.05
    done
    kill -INT $process
    wait $process
}
interrupt many.txt
same "Ctrl-C" $? 130
one_line
says "with --resume goes on"
check "what is there can be resumed" [ -e x.npy.part ] && [ -e x.npy.journal ] && [ ! -e x.npy ]
cp x.npy.part part && cp x.npy.journal journal
again() { # puts the interrupted run back
    cp part x.npy.part && cp journal x.npy.journal
}
refused "another --output-type" embed $sentence -o x.npy many.txt --resume --output-type f16
refused "another --dims" embed $sentence -o x.npy many.txt --resume --dims 5
refused "another --prompt" embed $sentence -o x.npy many.txt --resume --prompt document
refused "another --max-tokens" embed $sentence -o x.npy many.txt --resume --max-tokens 12
refused "another number of files" embed $sentence -o x.npy many.txt many.txt --resume
refused "other files than lines.txt" embed $sentence -o x.npy lines.txt --resume
refused "another model" embed bert-model.lnt -o x.npy many.txt --resume --pooling mean
touch -d '2001-01-01' many.txt
refused "many.txt: has changed since x.npy.part was begun" embed $sentence -o x.npy many.txt --resume
interrupt many.txt
cp x.npy.part part && cp x.npy.journal journal
printf '{"texts": 99' >>x.npy.journal
head -c 5000 /dev/urandom >>x.npy.part
embeds x.npy many.txt --resume
equal "a torn journal and what no note stands for" many.npy x.npy
again && : >x.npy.part
embeds x.npy many.txt --resume
equal "a part that is gone is begun anew" many.npy x.npy
again && : >x.npy.journal
embeds x.npy many.txt --resume
equal "so is one without a journal" many.npy x.npy
again
embeds x.npy many.txt
equal "and one that nobody wants to resume" many.npy x.npy
embeds x.npy many.txt --resume
equal "what is done is done again" many.npy x.npy
"$linnet" embed $sentence -o x.npy many.txt 2>/dev/null &
process=$!
for ((i = 0; i < 300; i++)); do
    [ -s x.npy.journal ] && break
    sleep 0.02
done
refused "is being written by another process" embed $sentence -o x.npy many.txt
wait $process
equal "which did not mind" many.npy x.npy
n_early=$((n_many / 6 * 5))
{ head -$n_early many.txt | sed 's/.*/{"text": "&"}/' && echo '{' && echo '{"text": "a"}'; } >late.jsonl
rm -f x.npy
refused "late.jsonl: line $((n_early + 1)): " embed $sentence late.jsonl -o x.npy
check "what came before it is kept" [ -s x.npy.part ] && [ ! -e x.npy ]
runs 0 embed $sentence late.jsonl -o x.npy --resume --skip-bad --json
same "--skip-bad may come later" "$(json_field count)/$(json_field skipped)" $((n_early + 1))/1
embeds other.npy late.jsonl --skip-bad
equal "with the same result" other.npy x.npy

# a disk that takes only some blocks
rm -f x.npy*
(trap '' XFSZ && ulimit -f $(($(stat -c %s many.npy) / 5 * 4 / 1024)) && exec "$linnet" embed $sentence many.txt -o x.npy) >out 2>err
same "a full disk" $? 1
one_line
says "x.npy.part: cannot be written"
check "nothing under the final name" [ ! -e x.npy ]
embeds x.npy many.txt --resume
equal "with room it goes on" many.npy x.npy
(trap '' XFSZ && ulimit -f 0 && exec "$linnet" embed $sentence lines.txt -o y.npy) >out 2>err
same "a disk without room" $? 1
check "nothing is left behind" [ -z "$(ls y.npy* 2>/dev/null)" ]

# --- memory: a pipe of many lines
if ! is_sanitized; then
    cat many.txt many.txt many.txt | "$linnet" embed $sentence - -o - --output-format raw >/dev/null 2>err &
    process=$! most=0
    while [ -d /proc/$process ] && size=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' /proc/$process/status 2>/dev/null); do
        [ "${size:-0}" -gt $most ] && most=$size
        sleep 0.1
    done
    wait $process
    check "memory stays bounded: $most kB" [ $most -gt 1000 -a $most -lt 100000 ]
fi

# --- classify
printf '%s\n' 'good cat' 'bad "dog"' '' >texts.txt
runs 0 classify bert-text.lnt texts.txt && quiet
same "a line a text" "$(cut -f 3 out)" "$(cat texts.txt)"
check "label, score, text" [ "$(grep -cE $'^(bad|so so|gut \303\274)\t0\\.[0-9]{6}\t' out)" = 3 ]
runs 0 classify bert-text.lnt texts.txt --top 0 --json && cp out all.json && quiet
same "an object a line" "$(grep -c '^{"input": "[^{]*", "labels": \[{"label": "[^"]*", "score": 0\.[0-9]*}, {.*}, {.*}\]}$' out)" 3
check "probabilities add up, best first" awk -F '"score": ' '{ s = 0; last = 2; for (i = 2; i <= NF; i++) { v = $i + 0; if (v > last) bad = 1; last = v; s += v }
    if (s < 0.999999 || s > 1.000001) bad = 1 } END { exit bad || NR != 3 }' all.json
runs 0 classify bert-text.lnt - --top 0 --json <texts.txt && equal "from a pipe" out all.json
runs 0 classify bert-text.lnt -p 'good cat' --top 2 --json
same "--top" "$(grep -o '"label"' out | wc -l)" 2
same "-p" "$(sed 's/\]}$//' out)" "$(sed -n '1s/}, {[^}]*}\]}$/}/p' all.json)"
runs 0 classify bert-text.lnt -p 'good cat' --top 0 --threshold 1 && same "--threshold" "$(cat out)" ""
runs 0 classify bert-text.lnt -p 'good cat' --threshold 1 --json && same "--threshold, JSON" "$(cat out)" '{"input": "good cat", "labels": []}'
runs 0 classify bert-text-many.lnt -p 'good cat' && same "labels that don't exclude each other" "$(wc -l <out)" 2
runs 0 classify bert-text-many.lnt -p 'good cat' --json && cp out both.json
runs 0 output bert-text-many.lnt --want logits -p 'good cat' -o x.npy
check "sigmoid of the logits" awk 'NR == FNR { l[NR] = 1 / (1 + exp(-$1)); next } { for (i = 0; i < 2; i++) { match($0, "LABEL_" i "\", \"score\": [0-9.e-]*")
    v = substr($0, RSTART, RLENGTH); sub(/.*: /, "", v); d = v - l[i + 1]; if (d * d > 1e-12) bad = 1 } } END { exit bad }' \
    <(od -An -v -tf4 -w4 -j 128 x.npy) both.json
printf 'a\tgood cat\tdog\nb\tx\ty\n' >pairs.tsv
runs 0 classify bert-text.lnt pairs.tsv --no-header --column 2 --pair-column 3 --json && cp out pair.json
check "a pair" grep -qF '{"input": ["good cat", "dog"], "labels": [{' pair.json
runs 0 classify bert-text.lnt -p 'good cat' --pair dog --json && same "-p and --pair" "$(cat out)" "$(head -1 pair.json)"
printf '{"text": "good cat", "second": "dog"}\n' >pair.jsonl
runs 0 classify bert-text.lnt pair.jsonl --pair-field second --json && same "--pair-field" "$(cat out)" "$(head -1 pair.json)"
printf '{"text": "good cat", "second": null}\n' >pair.jsonl
refused "pair.jsonl: line 1: field \"second\" is not a string" classify bert-text.lnt pair.jsonl --pair-field second
runs 0 classify bert-text.lnt -p 'good cat' --pair dog && same "a pair as a line" "$(cut -f 3- out)" "$(printf 'good cat\tdog')"
runs 0 classify bert-text.lnt folder/b --json && check "a file's name" grep -q '^{"input": "folder/b/2.txt", "labels"' out
printf 'a\tb\377\n' >odd.txt
runs 0 classify bert-text.lnt odd.txt && same "a text in a line" "$(cut -f 3- out)" "$(printf 'a b\357\277\275')"
says "1 of 1 texts not UTF-8"

coproc talk { exec "$linnet" classify bert-text.lnt -; }
answered=0
for i in 1 2 3; do
    echo 'good cat' >&"${talk[1]}" && read -r -t 60 answer <&"${talk[0]}" && [ "${answer##*	}" = 'good cat' ] && answered=$((answered + 1))
done
eval "exec ${talk[1]}>&-"
wait "$talk_PID" 2>/dev/null
same "a line into a pipe is answered" $answered 3

# --- fill
runs 0 fill bert-masked.lnt 'a [MASK] b [MASK] c' --top 3 && quiet
same "words and empty lines" "$(grep -cE $'^[^\t]+\t0\\.[0-9]{6}$' out)/$(grep -c '^$' out)" 6/2
runs 0 fill bert-masked.lnt 'a [MASK] b [MASK] c' --top 61 --json
check "an object" grep -qE '^\{"input": "a \[MASK\] b \[MASK\] c", "masks": \[\{"words": \[\{"word": "[^"]*", "id": [0-9]+, "score": 0\.[0-9]+\}, ' out
check "all probabilities add up" awk -F '"score": ' '{ s = 0; for (i = 2; i <= NF; i++) s += $i; if (s < 1.99999 || s > 2.00001) exit 1 }' out
printf '%s\n' 'x [MASK]' '[MASK] y' >masks.txt
runs 0 fill bert-masked.lnt --file masks.txt --json && same "texts from a file" "$(wc -l <out)" 2
runs 0 fill bert-masked.lnt --file - --json <masks.txt && same "texts from standard input" "$(wc -l <out)" 2
refused "no mask in 1 of 1 texts, expected [MASK]" fill bert-masked.lnt 'a b'

# --- tag
runs 0 tag bert-tokens.lnt -p 'a bc d. e' --words && cp out words
same "a word a line" "$(cut -f 1 words)" "$(printf 'a\nbc\nd.\ne\n')"
check "with its label" [ "$(grep -cE $'\t(O|[BI]-(PER|LOC))$' words)" = 4 ]
runs 0 output bert-tokens.lnt --want logits -p 'a bc d. e' -o x.npy --json
same "the label is the first piece's" "$(od -An -v -tf4 -w20 -j 128 x.npy | awk 'BEGIN { split("O B-PER I-PER B-LOC I-LOC", name, " ") }
    { best = 1; for (i = 2; i <= 5; i++) if ($i + 0 > $best + 0) best = i; if (NR == 2 || NR == 3 || NR == 5 || NR == 7) print name[best] }')" "$(cut -f 2 words | head -4)"
printf '%s\n' 'caf\303\251 ab c, de fg. hi jk lm' '' 'no op' 'qrs tuv wxyz ab cd ef' | xargs -0 printf >entities.txt
runs 0 tag bert-tokens.lnt entities.txt --json && quiet
same "an object a text" "$(grep -c '^{"input": ".*", "entities": \[.*\]}$' out)" 4
check "some entity was found" grep -q '{"label": "\(PER\|LOC\)", "text": "[^"]*", "begin": [0-9]*, "end": [0-9]*, "score": 0\.[0-9]*}' out
while IFS= read -r line; do
    text=$(sed 's/{"input": "\(.*\)", "entities".*/\1/' <<<"$line")
    grep -o '"text": "[^"]*", "begin": [0-9]*, "end": [0-9]*' <<<"$line" | while IFS='"' read -r _ _ _ word _ _ begin _ end; do
        begin=${begin//[^0-9]/} end=${end//[^0-9]/}
        [ "$(LC_ALL=C.UTF-8 bash -c 'printf "%s" "${1:$2:$3}"' - "$text" "$begin" $((end - begin)))" = "$word" ] || echo "$word"
    done
done <out >wrong
same "places in characters" "$(cat wrong)" ""
runs 0 tag bert-tokens.lnt entities.txt
same "an empty line a text" "$(grep -c '^$' out)" 4
check "label, text, places, score" [ "$(grep -v '^$' out | grep -vcE $'^(PER|LOC)\t[^\t]+\t[0-9]+\t[0-9]+\t0\\.[0-9]{6}$')" = 0 ]

# --- rerank
printf '%s\n' 'first cat' 'second dog' 'first cat' '' 'another one' >passages.txt
runs 0 rerank cross-encoder.lnt 'what is it' passages.txt && cp out ranked && quiet
same "all of them" "$(cut -f 2 ranked | sort)" "$(sort passages.txt)"
check "the best first" sort -c -g -r -k 1,1 ranked
runs 0 rerank cross-encoder.lnt 'what is it' passages.txt --json && cp out ranked.json
same "an object a text" "$(grep -c '^{"input": ".*", "score": -\{0,1\}[0-9.e-]*, "index": [0-4]}$' out)" 5
same "of equal ones the first" "$(sed -n 's/.*first cat.*"index": \([0-9]\)}/\1/p' ranked.json | tr '\n' ' ')" "0 2 "
runs 0 rerank cross-encoder.lnt 'what is it' passages.txt --json --top 2 && same "--top" "$(cat out)" "$(head -2 ranked.json)"
third=$(sed -n '3s/.*"score": \([^,]*\),.*/\1/p' ranked.json)
runs 0 rerank cross-encoder.lnt 'what is it' passages.txt --json --threshold "$third" && same "--threshold" "$(cat out)" "$(head -3 ranked.json)"
seq 5000 | sed 's/1/ab/g' >passages.txt
runs 0 rerank cross-encoder.lnt ab passages.txt && cp out ranked
runs 0 rerank cross-encoder.lnt ab - --top 3 <passages.txt && same "--top of many" "$(cat out)" "$(head -3 ranked)"
runs 0 classify cross-encoder.lnt -p ab --pair 'ab2' --json
score=$(sed 's/.*"score": \([^}]*\).*/\1/' out)
runs 0 rerank cross-encoder.lnt ab -p 'ab2' --json && same "query and text are a pair" "$(sed 's/.*"score": \([^,]*\),.*/\1/' out)" "$score"

# --- output
ids="2 5 32 3 8 3" segments="0 0 0 0 1 1" # [CLS] a ##b [SEP] d [SEP]
for want in "hidden 3, 6, 36" "attention 2, 3, 6, 6" "cls 36" "pooled 36" "next_sentence 2"; do
    runs 0 output bert-next-sentence.lnt --want ${want%% *} -p ab --pair d -o text.npy --json && cp out shown && quiet
    same "shape of $want" "$(cat shown)" "{\"want\": \"${want%% *}\", \"shape\": [${want#* }], \"ids\": [${ids// /, }]}"
    runs 0 output bert-next-sentence.lnt --want ${want%% *} --ids "$ids" --segments "$segments" -o ids.npy
    equal "${want%% *}: a pair and its ids" text.npy ids.npy
    runs 0 output bert-next-sentence.lnt --want ${want%% *} --ids "$ids" -o ids.npy
    check "${want%% *}: segments matter" test -n "$(cmp text.npy ids.npy)"
done
runs 0 output bert-next-sentence.lnt --want hidden -p ab -o hidden.npy && runs 0 output bert-next-sentence.lnt --want cls -p ab -o cls.npy
check "cls is the first row of the last hidden state" cmp -s <(tail -c $((4 * 36 * 4)) hidden.npy | head -c $((36 * 4))) <(tail -c $((36 * 4)) cls.npy)
for model in "bert-tokens 4, 5" "bert-masked 4, 61" "bert-text 3"; do
    runs 0 output ${model%% *}.lnt --want logits -p ab -o x.npy --json
    check "logits of $model" grep -qF "\"shape\": [${model#* }]" out
done
printf 'ab' >ab.txt && runs 0 output bert-tokens.lnt --want logits -p ab -o x.npy && runs 0 output bert-tokens.lnt --want logits ab.txt -o other.npy
equal "a file" x.npy other.npy
runs 0 output $sentence --want embedding -p 'x y z' -o x.npy && embeds other.raw -p 'x y z' --prompt-text ''
check "the embedding is embed's" cmp -s <(tail -c 80 x.npy) other.raw
refused "expected one for each" output bert-text.lnt --want logits -o x.npy --ids "2 5 3" --segments "0 1"
refused "segment 3" output bert-text.lnt --want logits -o x.npy --ids "2 5 3" --segments "0 1 3"
refused "at most the context's 24" output bert-text.lnt --want logits -o x.npy -p 'far too long a text for so small a context'

the_end
