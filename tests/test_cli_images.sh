#!/bin/bash
# The verbs that take pictures, as a person meets them: test_cli_images.sh BINARY GOLDEN CAUSAL
# GOLDEN is the folder tests/golden, whose small checkpoints are converted here; CAUSAL a model of texts.
linnet=$1 golden=$2 causal=$3
[ -x "$linnet" ] && [ -d "$golden" ] && [ -r "$causal" ] || { echo "usage: test_cli_images.sh BINARY GOLDEN CAUSAL" >&2; exit 2; }
. "$(dirname "$0")/cli.sh"
linnet=$(realpath "$linnet") golden=$(realpath "$golden") causal=$(realpath "$causal")
cd "$dir" || exit 2

# --- models: checkpoints without preprocessing, and with it
preprocessor() { # height, width, normalize
    printf '{"image_processor_type": "ViTImageProcessor", "do_resize": true, "size": {"height": %d, "width": %d}, "resample": 2, ' $1 $2
    printf '"do_rescale": true, "rescale_factor": 0.00392156862745098, "do_normalize": %s, ' $3
    printf '"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}\n'
}
model() { # name, checkpoint, arguments of preprocessor or none
    cp -r "$golden/vit/$2" "$1.folder"
    [ $# -gt 2 ] && preprocessor "${@:3}" >"$1.folder/preprocessor_config.json"
    runs 0 convert "$1.folder" -o "$1.lnt" --type f32
}
model image vit-image 13 13 true
model plain vit-image 13 13 false
model bare vit-image
model many vit-odd 17 23 true
model headless vit-model 16 16 true
cp -r "$golden/encoders/bert-text" text.folder && printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' {a..z} '##'{a..z} . , '?' 1 >text.folder/vocab.txt
runs 0 convert text.folder -o text.lnt --type f32
size_of() { # name in the metadata of image.lnt
    "$linnet" inspect image.lnt --json | sed "s/.*\"$1\":\([0-9]*\).*/\1/"
}
layers=$(size_of n_layers) heads=$(size_of n_heads) width=$(size_of width)
bytes=$((4 * width)) # of a row

# --- pictures
ppm() { # seed, width, height
    printf 'P6\n%d %d\n255\n' $2 $3
    printf "$(awk -v s=$1 -v n=$((3 * $2 * $3)) 'BEGIN { for (i = 0; i < n; i++) { s = (s * 1103 + 12345) % 65536; printf "\\%03o", int(s / 256) } }')"
}
even() { # byte in octal: a picture of 13 x 13 pixels of one colour
    printf 'P6 13 13 255\n' && head -c 507 /dev/zero | tr '\0' "\\$1"
}
npy() { # shape: the header of a .npy file of float32
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': ($1), }"
}
ones() { # how many numbers
    for ((i = 0; i < $1; i++)); do printf '\000\000\200\077'; done
}
for i in 1 2 3 4 5 6 7 8 9; do ppm $i $((5 * i)) $((47 - 5 * i)) >$i.ppm; done
ppm 10 1 1 >dot.ppm
printf 'P2\n2 2\n255\n0 90\n200 255\n' >grey.pgm
mkdir -p "folder/b c" folder/.hidden folder/a && cp 3.ppm "folder/b c/with space.PPM" && cp 1.ppm folder/a/1.ppm && cp 2.ppm folder/a.pnm
cp 4.ppm folder/.4.ppm && cp 4.ppm folder/.hidden/4.ppm && cp 5.ppm folder/ppm && echo text >folder/readme.txt
ln -s ../5.ppm folder/z.ppm && ln -s . folder/loop.ppm
in_folder=$(printf '%s\n' folder/a/1.ppm folder/a.pnm "folder/b c/with space.PPM" folder/z.ppm)

equal() { # what, two files
    check "$1" cmp -s "$2" "$3"
}
labels() { # output of classify as JSON: the labels and scores without the paths
    sed 's/.*"labels": //' "$@"
}

# --- wrong command lines
misused "no pictures" classify image.lnt
misused "no pictures" embed image.lnt -o x.npy
misused "no picture" output image.lnt --want logits -o x.npy
misused "no picture" output image.lnt --want logits -o x.npy -
misused "unexpected operand" output image.lnt --want logits -o x.npy 1.ppm 2.ppm
for option in "-p x" "--format lines" "--format jsonl" "--field x" "--column 1" "--no-header" "--skip-bad" "--max-tokens 9" "--pair x" "--pair-field x" "--pair-column 2"; do
    misused "${option%% *} is for texts, image.lnt takes pictures" classify image.lnt 1.ppm $option
done
for option in "-p x" "--field x" "--max-tokens 9" "--prompt x" "--prompt-text=" "--chunk-tokens 9" "--overlap 3"; do
    shown=${option%% *}
    misused "${shown%=} is for texts, image.lnt takes pictures" embed image.lnt -o x.npy 1.ppm $option
done
for option in "-p x" "--ids 1" "--segments 0" "--pair x"; do
    misused "${option%% *} is for texts, image.lnt takes pictures" output image.lnt --want logits -o x.npy 1.ppm $option
done
misused "--image-size is for pictures, text.lnt takes texts" classify text.lnt -p a --image-size 32
misused "--image-size is for pictures, text.lnt takes texts" embed text.lnt -o x.npy --pooling mean -p a --image-size 32
misused "--image-size is for pictures" output "$causal" --want logits -o x.npy -p a --image-size 32
for size in "" x 12x x12 0 12x0 0x12 65536 1x2x3 -5 12X13 12.5 " 12" 99999999999999999999; do
    misused "is not N or HxW" classify image.lnt 1.ppm --image-size "$size"
done
misused "is not N or HxW" output image.lnt --want logits -o x.npy 1.ppm --image-size 9*30
misused "--resume cannot go with" embed image.lnt -o - 1.ppm --resume

# --- wrong models
for verb in "complete -p a" "complete --ids 1" "score -p a" "score --ids 1" "fill a" "tag -p a" "rerank a -p b" "tokenize -p a"; do
    set -- $verb
    refused "image.lnt: takes pictures, expected a model that reads text" $1 image.lnt "${@:2}"
done
refused "is a model without a task, expected one for 'sequence-classification' or 'image-classification'" classify headless.lnt 1.ppm
refused "is a 'causal-lm' model, expected one for 'sequence-classification' or 'image-classification'" classify "$causal" 1.ppm
refused "'logits'" output headless.lnt --want logits -o x.npy 1.ppm
refused "'pooled'" output image.lnt --want pooled -o x.npy 1.ppm
refused "'next_sentence'" output image.lnt --want next_sentence -o x.npy 1.ppm
check "nothing is left behind" [ -z "$(ls x.npy* 2>/dev/null)" ]

# --- classify: order, from everywhere
runs 0 classify image.lnt 1.ppm && quiet
check "label, score, path" grep -qxE $'(cat|dog|gut \303\274)\t0\\.[0-9]{6}\t1.ppm' out
runs 0 classify image.lnt {1..9}.ppm dot.ppm grey.pgm && cp out all && quiet
same "in the order given" "$(cut -f 3 all)" "$(printf '%s\n' {1..9}.ppm dot.ppm grey.pgm)"
runs 0 classify image.lnt {1..9}.ppm dot.ppm grey.pgm --top 0 --json && cp out all.json && quiet
same "an object a picture" "$(grep -cE '^\{"input": "[^"]*", "labels": \[(\{"label": "[^"]*", "score": 0\.[0-9]+(e-[0-9]+)?\}(, )?){3}\]\}$' all.json)" 11
check "probabilities add up, best first" awk -F '"score": ' '{ s = 0; last = 2; for (i = 2; i <= NF; i++) { v = $i + 0; if (v > last) bad = 1; last = v; s += v }
    if (s < 0.999999 || s > 1.000001) bad = 1 } END { exit bad || NR != 11 }' all.json
check "pictures differ" [ "$(labels all.json | sort -u | wc -l)" = 11 ]
runs 0 classify image.lnt 9.ppm 1.ppm 9.ppm --top 0 --json
same "in another order, and twice" "$(cat out)" "$(for i in 9 1 9; do sed -n ${i}p all.json; done)"
for i in 1 5 9; do
    runs 0 classify image.lnt $i.ppm --top 0 --json
    same "$i.ppm alone and among others" "$(cat out)" "$(sed -n ${i}p all.json)"
done
runs 0 classify image.lnt 3.ppm --top 2 --json && same "--top" "$(grep -o '"label"' out | wc -l)" 2
runs 0 classify image.lnt 3.ppm --top 3 && same "--top, lines" "$(cut -f 3 out | sort | uniq -c | tr -s ' ')" " 3 3.ppm"
runs 0 classify image.lnt 3.ppm --threshold 1 && same "--threshold" "$(cat out)" ""
runs 0 classify image.lnt 3.ppm --threshold 1 --json && same "--threshold, JSON" "$(cat out)" '{"input": "3.ppm", "labels": []}'
runs 0 classify many.lnt 3.ppm && same "labels that don't exclude each other" "$(wc -l <out)" 2
for threads in 1 2 3 5; do
    runs 0 classify image.lnt {1..9}.ppm dot.ppm grey.pgm --top 0 --json --threads $threads && equal "$threads threads" out all.json
done
runs 0 classify image.lnt {1..9}.ppm dot.ppm grey.pgm --top 0 --json --threads 1 --batch-tokens 16 && equal "small batches" out all.json
LINNET_CPU=scalar "$linnet" classify image.lnt {1..9}.ppm dot.ppm grey.pgm --top 0 --json >out 2>err
equal "another instruction set" out all.json

runs 0 classify image.lnt folder && quiet && same "a folder, in order" "$(cut -f 3 out)" "$in_folder"
runs 0 classify image.lnt folder/ 9.ppm "folder/b c" folder/ppm --json && quiet
same "folders and files" "$(sed 's/{"input": "\([^"]*\)".*/\1/' out)" "$(printf '%s\n' "$in_folder" 9.ppm "folder/b c/with space.PPM" folder/ppm)"
cp 3.ppm "$(printf 'odd\tname\377.ppm')" && runs 0 classify image.lnt odd* --json && check "a name that is not UTF-8" grep -q '^{"input": "odd\\tname'$'\357\277\275''.ppm", "labels"' out
runs 0 classify image.lnt odd* && same "a name with a tab" "$(cut -f 3 out)" "$(printf 'odd name\357\277\275.ppm')"
mkdir hollow && refused "hollow: holds no pictures, expected names ending in .jpg .jpeg .png" classify image.lnt hollow
cp folder/readme.txt 1.ppm hollow/ && mv hollow/1.ppm hollow/1.gif
refused "hollow: holds no pictures" classify image.lnt 1.ppm hollow
refused "given twice" classify image.lnt - -

# --- a list of paths
listed() { # what, a list: it gives what the same names as operands give
    "$linnet" classify image.lnt - --json >out 2>err
    same "$1" "$?$(cat err)" 0
    equal "$1" out list.json
}
runs 0 classify image.lnt 1.ppm "folder/b c/with space.PPM" 2.ppm --json && cp out list.json
printf '%s\n' 1.ppm "folder/b c/with space.PPM" 2.ppm >list
listed "a list" <list
sed 's/$/\r/' list | listed "a list with returns"
head -c -1 list | listed "a list without its last newline"
{ printf '\357\273\277' && sed 's/$/\n/' list; } | listed "a byte order mark and empty lines"
(sleep 0.2 && cat list) | listed "a list that comes late"
"$linnet" classify image.lnt 9.ppm - 8.ppm <list >out 2>err
same "a list among files" "$(cut -f 3 out)" "$(echo 9.ppm && cat list && echo 8.ppm)"
runs 0 classify image.lnt - </dev/null && quiet && same "an empty list" "$(cat out)" ""
printf '1.ppm\0002.ppm\0' >zeros && "$linnet" classify image.lnt - <zeros >out 2>err
same "a list between zero bytes" "$?$(cat out)" 1
says "standard input: line 1 holds a zero byte"
printf '1.ppm\nfolder\n\nmissing.png\n2.ppm\n' | "$linnet" classify image.lnt - >out 2>err
same "a list with bad ones" "$?/$(cut -f 3 out | tr '\n' ' ')/$(wc -l <err)" "1/1.ppm 2.ppm /3"
says "linnet: folder: "
says "linnet: missing.png: "
says "linnet: 2 of 4 pictures could not be read"

coproc talk { exec "$linnet" classify image.lnt -; }
answered=0
for i in 1 2 3; do
    echo $i.ppm >&"${talk[1]}" && read -r -t 60 answer <&"${talk[0]}" && [ "${answer##*	}" = $i.ppm ] && answered=$((answered + 1))
done
eval "exec ${talk[1]}>&-"
wait "$talk_PID" 2>/dev/null
same "a line into a pipe is answered" $answered 3
coproc talk { exec "$linnet" classify image.lnt - 2>err; }
echo 1.ppm >&"${talk[1]}" && read -r -t 60 answer <&"${talk[0]}"
process=$talk_PID
kill -INT $process
wait $process
same "Ctrl-C" $? 130

if ! is_sanitized; then
    yes "$PWD/1.ppm" | head -40000 | "$linnet" classify image.lnt - >lines 2>err &
    process=$! most=0
    while [ -d /proc/$process ] && size=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' /proc/$process/status 2>/dev/null); do
        [ "${size:-0}" -gt $most ] && most=$size
        sleep 0.05
    done
    wait $process
    same "a long list" "$(wc -l <lines)" 40000
    check "memory stays bounded: $most kB" [ $most -gt 1000 -a $most -lt 100000 ]
fi

# --- bad pictures among good ones
mkdir mixed && cp 1.ppm mixed/a.ppm && cp 2.ppm mixed/d.ppm && cp 3.ppm mixed/g.ppm
: >mixed/b.png && echo 'a text' >mixed/c.jpg && head -c 300 4.ppm >mixed/e.ppm && printf 'P6 30000 30000 255\nabc' >mixed/f.ppm
runs 1 classify image.lnt mixed && cp out good
same "the good ones are answered" "$(cut -f 3 good)" "$(printf 'mixed/%s.ppm\n' a d g)"
same "the bad ones are reported in order" "$(sed 's/^\(linnet: [^:]*\): .*/\1/' err)" "$(printf 'linnet: mixed/%s\n' b.png c.jpg e.ppm f.ppm && echo 'linnet: 4 of 7 pictures could not be read')"
check "with what is wrong" [ "$(grep -c '^linnet: mixed/[^:]*: [^ ].*' err)" = 4 ]
runs 1 classify image.lnt mixed --json && cp out mixed.json
same "a line a picture" "$(sed 's/{"input": "mixed\/\(.\)[^"]*", "\([a-z]*\)".*/\1 \2/' mixed.json | tr '\n' ' ')" "a labels b error c error d labels e error f error g labels "
check "an error is a text" [ "$(grep -c '^{"input": "mixed/[^"]*", "error": "[^"][^"]*"}$' mixed.json)" = 4 ]
check "without the path" [ "$(grep -c '"error": "mixed' mixed.json)" = 0 ]
same "the good ones have the scores that they have alone" "$(grep labels mixed.json | labels)" "$("$linnet" classify image.lnt 1.ppm 2.ppm 3.ppm --json | labels)"
for threads in 1 2 3 5; do
    runs 1 classify image.lnt mixed --json --threads $threads && equal "bad ones, $threads threads" out mixed.json
done
runs 1 classify image.lnt mixed/b.png && same "only a bad one" "$(cat out)" ""
says "linnet: 1 of 1 pictures could not be read"
runs 1 classify image.lnt missing.jpg 1.ppm mixed/f.ppm /dev/null && same "a missing file" "$(cut -f 3 out)" 1.ppm
says "linnet: missing.jpg: "
says "linnet: 3 of 4 pictures could not be read"
mkfifo fifo && runs 1 classify image.lnt fifo 1.ppm && same "a pipe is no picture" "$(cut -f 3 out)" 1.ppm
if [ "$(id -u)" != 0 ]; then
    cp 1.ppm closed.ppm && chmod 0 closed.ppm && runs 1 classify image.lnt closed.ppm 1.ppm && same "a file that may not be read" "$(cut -f 3 out)" 1.ppm
fi
runs 0 classify image.lnt "$golden/images" && quiet
same "every kind of picture" "$(cut -f 3 out)" "$(printf '%s\n' "$golden"/images/*.* | grep -E '\.(jpg|png|p[bgp]m)$' | LC_ALL=C sort)"
for file in 420.jpg cmyk.jpg grey8.png palette8-interlaced.png plain-255.ppm; do
    head -c $(($(wc -c <"$golden/images/$file") / 2)) "$golden/images/$file" >cut-$file
done
runs 1 classify image.lnt cut-* 1.ppm && same "cut off" "$(cut -f 3 out)" 1.ppm
same "each is reported" "$(sed -n 's/^linnet: \(cut[^:]*\): .*/\1/p' err)" "$(printf '%s\n' cut-*)"

# --- .npy files of pixel values; another size
{ npy "3, 13, 13" && head -c 2028 /dev/zero; } >black.npy
{ npy "3, 13, 13" && ones 507; } >white.npy
even 000 >black.ppm && even 377 >white.ppm
runs 0 classify plain.lnt black.ppm white.ppm --top 0 --json && cp out pictures.json
runs 0 classify plain.lnt black.npy white.npy --top 0 --json && quiet
same "pixel values as they are" "$(labels out)" "$(labels pictures.json)"
mkdir values && cp black.npy values/b.NPY && cp white.ppm values/c.ppm && runs 0 classify plain.lnt values && same "in a folder" "$(cut -f 3 out)" "$(printf 'values/b.NPY\nvalues/c.ppm')"
runs 0 classify bare.lnt black.npy --top 0 --json && same "a model without preprocessing takes pixel values" "$(labels out)" "$(head -1 pictures.json | labels)"
runs 1 classify bare.lnt black.ppm black.npy && same "and no pictures" "$(cut -f 3 out)" black.npy
says "linnet: 1 of 2 pictures could not be read"
{ npy "3, 13, 12" && head -c 1872 /dev/zero; } >narrow.npy
{ npy "3, 13, 13" && head -c 2000 /dev/zero; } >short.npy
{ npy "13, 13" && head -c 676 /dev/zero; } >flat.npy
runs 1 classify plain.lnt narrow.npy short.npy flat.npy white.npy && same "pixel values of another shape" "$(cut -f 3 out)" white.npy
same "one line each" "$(sed 's/^linnet: \([^:]*\): .*/\1/' err | tr '\n' ' ')" "narrow.npy short.npy flat.npy linnet: 3 of 4 pictures could not be read "
runs 0 classify image.lnt {1..9}.ppm dot.ppm grey.pgm --top 0 --json --image-size 13 && equal "the model's own size" out all.json
runs 0 classify image.lnt {1..9}.ppm dot.ppm grey.pgm --top 0 --json --image-size 13x13 && equal "the model's own size, HxW" out all.json
runs 0 classify image.lnt {1..9}.ppm dot.ppm grey.pgm --top 0 --json --image-size 9x30 && cp out wide.json && quiet
check "another size, other scores" test -n "$(cmp wide.json all.json)"
runs 0 classify image.lnt {1..9}.ppm dot.ppm grey.pgm --top 0 --json --image-size 30x9
check "height and width are not the same" test -n "$(cmp out wide.json)"
LINNET_CPU=scalar "$linnet" classify image.lnt {1..9}.ppm dot.ppm grey.pgm --top 0 --json --image-size 9x30 --threads 3 >out 2>err
equal "another size, another instruction set, three threads" out wide.json
{ npy "3, 9, 30" && ones 810; } >wide.npy
runs 0 classify plain.lnt wide.npy --image-size 9x30 --top 0 --json && cp out values.json
runs 0 classify plain.lnt white.ppm --image-size 9x30 --top 0 --json && same "pixel values of another size" "$(labels out)" "$(labels values.json)"
runs 1 classify plain.lnt wide.npy && says "wide.npy"
refused "expected at least a patch" classify image.lnt 1.ppm --image-size 2
refused "expected at least a patch" classify image.lnt 1.ppm --image-size 65535
refused "expected at least a patch" embed image.lnt 1.ppm -o x.npy --image-size 65535
refused "expected at least a patch" output image.lnt --want logits 1.ppm -o x.npy --image-size 65535
check "nothing is left behind" [ -z "$(ls x.npy* 2>/dev/null)" ]

# --- output
values() { # FILE.npy: its values as numbers
    od -An -v -tf4 -w4 -j 128 "$1"
}
for want in "hidden $((layers + 1)), 17, $width" "attention $layers, $heads, 17, 17" "cls $width" "logits 3" "embedding $width"; do
    runs 0 output image.lnt --want ${want%% *} 3.ppm -o ${want%% *}.npy --json && quiet
    same "shape of $want" "$(cat out)" "{\"want\": \"${want%% *}\", \"shape\": [${want#* }], \"image\": [13, 13]}"
    check "header of $want" grep -qaF "'descr': '<f4', 'fortran_order': False, 'shape': (${want#* }" ${want%% *}.npy
done
runs 0 output headless.lnt --want pooled 3.ppm -o x.npy --json && check "shape of pooled" grep -q '"want": "pooled", "shape": \[[0-9]*\], "image": \[16, 16\]}' out
runs 0 output image.lnt --want hidden 3.ppm --image-size 9x30 -o x.npy --json
same "another size" "$(cat out)" '{"want": "hidden", "shape": ['$((layers + 1))", 31, $width], \"image\": [9, 30]}"
check "classify is softmax of the logits" awk 'NR == FNR { l[NR] = exp($1); s += l[NR]; next } { split("cat dog gut", name, " "); for (i = 1; i <= 3; i++) {
    match($0, "\"" name[i] "[^\"]*\", \"score\": [0-9.e-]*"); v = substr($0, RSTART, RLENGTH); sub(/.*: /, "", v); d = v - l[i] / s; if (d * d > 1e-12) bad = 1 } }
    END { exit bad }' <(values logits.npy) <(sed -n 3p all.json)
check "cls is the first row of the last hidden state" cmp -s <(tail -c $((17 * bytes)) hidden.npy | head -c $bytes) <(tail -c $bytes cls.npy)
check "attention adds up" awk '{ s += $1 } NR % 17 == 0 { if (s < 0.9999 || s > 1.0001) bad = 1; s = 0 } END { exit bad || NR == 0 }' <(values attention.npy)
runs 0 output plain.lnt --want logits white.ppm -o x.npy && runs 0 output plain.lnt --want logits white.npy -o other.npy && equal "pixel values" x.npy other.npy
runs 0 output image.lnt --want hidden 3.ppm -o x.npy --threads 3 && equal "three threads" x.npy hidden.npy
LINNET_CPU=scalar "$linnet" output image.lnt --want hidden 3.ppm -o x.npy && equal "another instruction set" x.npy hidden.npy
rm x.npy
refused "mixed/c.jpg: " output image.lnt --want logits mixed/c.jpg -o x.npy
refused "missing.jpg: " output image.lnt --want logits missing.jpg -o x.npy
refused "narrow.npy: " output image.lnt --want logits narrow.npy -o x.npy
refused "folder: " output image.lnt --want logits folder -o x.npy
check "nothing is left behind" [ ! -e x.npy ]

# --- embed
embeds() { # name of the result, arguments...
    local out=$1
    shift
    runs 0 embed image.lnt -o "$out" "$@"
}
embeds all.npy {1..9}.ppm --json && quiet
same "a row a picture" "$(json_field count)/$(json_field dims)/$(json_field unread)" 9/$width/0
same "size" "$(wc -c <all.npy)" $((128 + 9 * bytes))
check "a row is cls" cmp -s <(head -c $((128 + 3 * bytes)) all.npy | tail -c $bytes) <(tail -c $bytes cls.npy)
embeds x.npy {1..9}.ppm --pooling cls && equal "cls is the default" x.npy all.npy
embeds mean.npy 3.ppm --pooling mean
check "mean" awk -v w=$width 'NR == FNR { s[NR % w] += $1 / 17; next } { d = $1 - s[FNR % w]; if (d * d > 1e-10) bad = 1 } END { exit bad || FNR != w }' \
    <(tail -c $((17 * bytes)) hidden.npy | od -An -v -tf4 -w4) <(values mean.npy)
embeds x.npy {1..9}.ppm --threads 3 --batch-tokens 16 && equal "three threads, small batches" x.npy all.npy
LINNET_CPU=scalar "$linnet" embed image.lnt {1..9}.ppm -o x.npy --threads 1 && equal "another instruction set" x.npy all.npy
printf '%s\n' {1..9}.ppm | "$linnet" embed image.lnt - -o x.npy 2>err && equal "a list" x.npy all.npy
embeds x.npy {1..9}.ppm --dims 7 --normalize
check "--dims --normalize" awk '{ s += $1 * $1 } NR % 7 == 0 { if (s < 0.99999 || s > 1.00001) bad = 1; s = 0 } END { exit bad || NR != 63 }' <(values x.npy)
embeds x.npy {1..9}.ppm --image-size 9x30 && check "another size" test -n "$(cmp x.npy all.npy)"
runs 0 embed headless.lnt -o x.npy 1.ppm --json && check "a model without a head" [ "$(json_field dims)" -gt 7 ]
embeds x.jsonl {1..9}.ppm
same "an object a line" "$(grep -cE '^\{"input": "[1-9]\.ppm", "embedding": \[-?[0-9].*\]\}$' x.jsonl)" 9
rm -f x.*
runs 1 embed image.lnt mixed -o x.npy --json && cp err shown
same "bad ones are counted" "$(json_field count)/$(json_field unread)/$(wc -l <shown)" 7/4/5
embeds good.npy mixed/a.ppm mixed/d.ppm mixed/g.ppm
row() { # file, row, bytes of a row, offset
    tail -c +$(($4 + 1 + $2 * $3)) "$1" | head -c $3
}
for place in "0 0" "3 1" "6 2"; do
    set -- $place
    check "row $1 of a good one" cmp -s <(row x.npy $1 $bytes 128) <(row good.npy $2 $bytes 128)
done
for i in 1 2 4 5; do check "row $i of a bad one" cmp -s <(row x.npy $i $bytes 128) <(head -c $bytes /dev/zero); done
for type in "f16 $((2 * width))" "int8 $width" "binary $(((width + 7) / 8))"; do
    set -- $type
    runs 1 embed image.lnt mixed -o x.raw --output-type $1 --normalize
    same "size of $1" "$(wc -c <x.raw)" $((7 * $2))
    for i in 1 2 4 5; do check "$1: row $i of a bad one" cmp -s <(row x.raw $i $2 0) <(head -c $2 /dev/zero); done
done
runs 1 embed image.lnt mixed -o - && same "JSONL has their errors" "$(sed 's/{"input": "mixed\/\(.\)[^"]*", "\([a-z]*\)".*/\1 \2/' out | tr '\n' ' ')" \
    "a embedding b error c error d embedding e error f error g embedding "
cp -r values here && embeds one.npy here/b.NPY here/c.ppm
for run in 1 2; do
    embeds here/all.npy here && equal "the output among the input, run $run" here/all.npy one.npy
done

# --- embed: interrupted and resumed
mkdir lots && for ((i = 0; i < 300; i++)); do ln 9.ppm lots/$i.ppm; done
for ((i = 0; i < 40; i++)); do echo lots; done >operands
: >lots/150x.jpg
runs 1 embed image.lnt $(cat operands) -o lots.npy --json
same "many pictures" "$(json_field count)/$(json_field unread)" 12040/40
resumed() { # name of the result, arguments...: killed again and again until it is done
    local out=$1 pause status
    shift
    rm -f "$out" "$out".*
    for pause in 0.02 0.3 0.5 0.7 0.1 0.4 0.9 0.05 0.2 0.6 0.3 0.8 1 1.5 2 4 8 16 32 64; do
        { timeout --foreground -s KILL $pause "$linnet" embed image.lnt -o "$out" --resume "$@" >out 2>err; } 2>/dev/null
        status=$?
        [ $status -lt 2 ] && break
    done
    same "bad ones of all runs are counted" "$status/$(tail -1 err)" "1/linnet: 40 of 12040 pictures could not be read"
    same "nothing else is left" "$(ls "$out".* 2>/dev/null)" ""
}
resumed x.npy $(cat operands)
equal "killed, resumed, the same .npy" lots.npy x.npy
rm -f x.npy
for operand in $(cat operands); do printf '%s\n' $operand/*; done >list
for pause in 0.1 0.3 60; do
    { timeout --foreground -s KILL $pause "$linnet" embed image.lnt - -o x.npy --resume <list 2>err; } 2>/dev/null
    [ $? -lt 2 ] && break
done
same "so from a list" "$(wc -c <x.npy)/$(tail -1 err)" "$(wc -c <lots.npy)/linnet: 40 of 12040 pictures could not be read"
rm -f x.npy
"$linnet" embed image.lnt -o x.npy $(cat operands) >out 2>err &
process=$!
for ((i = 0; i < 600; i++)); do
    [ "$(wc -l 2>/dev/null <x.npy.journal || echo 0)" -gt 1 ] && break
    sleep 0.02
done
kill -INT $process
wait $process
same "Ctrl-C" $? 130
same "what goes on is said" "$(tail -1 err | sed 's/[0-9]\+/N/')" "linnet: interrupted after N pictures, the same command with --resume goes on"
check "what is there can be resumed" [ -e x.npy.part ] && [ -e x.npy.journal ] && [ ! -e x.npy ]
refused "another --image-size" embed image.lnt -o x.npy $(cat operands) --resume --image-size 16
refused "another --pooling" embed image.lnt -o x.npy $(cat operands) --resume --pooling mean
refused "another number of files" embed image.lnt -o x.npy lots --resume
refused "another model" embed plain.lnt -o x.npy $(cat operands) --resume
runs 1 embed image.lnt -o x.npy $(cat operands) --resume && equal "interrupted, resumed" lots.npy x.npy

# --- inspect
runs 0 inspect image.lnt && quiet
for key in architecture image.height image.width image.resize image.filter image.mean; do
    check "inspect shows $key" grep -q "^  $key  *[^ ]" out
done
runs 0 inspect image.lnt --json --graph --tensors && check "inspect --json" grep -q '^{' out

the_end
