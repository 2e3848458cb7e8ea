#!/bin/sh
# What the command makes of the shipped models and of checkpoints in tests/golden: logits, text, embeddings, labels, converted files, hits.
# Two runs of it, on whatever CPUs, levels and compilers, leave the same bytes (compare with diff -r).
#   tests/ports/outputs.sh FOLDER COMMAND...      COMMAND: linnet, or an emulator and linnet, whose path is absolute
set -eu
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")/../.."
said() { # FILE COMMAND...
    to=$out/$1
    shift
    "$@" >"$to" 2>"$to.error" || { cat "$to.error" >&2; exit 1; }
    rm "$to.error"
}

"$@" output models/shakespeare/shakespeare.lnt --want logits -p "But soft, what light through yonder window breaks?" -o "$out/shakespeare.npy"
said shakespeare.text "$@" complete models/shakespeare/shakespeare.lnt -p "ROMEO:" -n 20 --seed 5
said shakespeare.score "$@" score models/shakespeare/shakespeare.lnt -p "To be, or not to be, that is the question." --json
said fashion.labels "$@" classify models/fashion/fashion.lnt models/fashion --top 0 --json
head -n 5 README.md >"$out/texts"
said embed.log "$@" embed models/sentences/sentences.lnt "$out/texts" -o "$out/sentences.npy"
"$@" output models/fashion/fashion.lnt --want hidden models/fashion/boot.png -o "$out/fashion.npy"
said sentences.tokens "$@" tokenize models/sentences/sentences.lnt "$out/texts"

mkdir -p "$out/folder"
head -n 3 docs/index.md >"$out/folder/1.md"
head -n 3 docs/images.md >"$out/folder/2.md"
cd "$out" # the hits have paths
said index.log "$@" index "$OLDPWD/models/sentences/sentences.lnt" folder -o index
said hits "$@" search index "how a picture is read" --top 5
rm -r index
cd "$OLDPWD"

for case in gpt2/torch-tanh:f32 gpt2/torch-tanh:q8 gpt2/tied-f16:f16 gpt2/sharded-silu:q4 encoders/bert-text:q8 encoders/roberta-masked:q4 vit/vit-image:q8; do
    from=${case%:*} type=${case#*:} name=$(echo "$case" | tr /: --)
    "$@" convert "tests/golden/$from" -o "$out/$name.lnt" --type "$type" --no-check >"$out/log"
    case $from in
    gpt2/*) "$@" output "$out/$name.lnt" --want logits --ids "1 2 3 5 8 13 21 34" -o "$out/$name.npy" ;;
    encoders/*) "$@" output "$out/$name.lnt" --want hidden --ids "1 2 3 5 8 13 21 34" -o "$out/$name.npy" ;;
    esac
done
rm "$out/log"
