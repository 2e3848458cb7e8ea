#!/bin/bash
# What a hostile model says is text to a terminal, never an order: test_cli_hostile.sh BINARY ENCODERS
linnet=$1 encoders=$2
[ -x "$linnet" ] && [ -d "$encoders" ] || { echo "usage: test_cli_hostile.sh BINARY ENCODERS" >&2; exit 2; }
. "$(dirname "$0")/cli.sh"
linnet=$(realpath "$linnet") encoders=$(realpath "$encoders")
cd "$dir" || exit 2
escape=$(printf '\033') c1=$(printf '\302\233')

harmless() { # what: neither ESC, BEL, DEL nor U+009B in $dir/out and $dir/err
    checks=$((checks + 1))
    cat out err | LC_ALL=C grep -q "$(printf '[\001-\010\016-\037\177]\|\302[\200-\237]')" && fail "$1 sends control characters"
}
on_a_terminal() { # arguments...: output in $dir/out, as a terminal gets it
    script -qec "$(printf '%q ' "$linnet" "$@")" /dev/null >out 2>err </dev/null
}

# --- labels, tokens and names with orders in them
for name in bert-text bert-tokens; do
    cp -r "$encoders/$name" "$name.folder"
    sed -i 's/"\(bad\|O\)"/"\\u001b]0;owned\\u0007\\u001b[2J\\u009b31m\\u007f"/' "$name.folder/config.json"
    printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' a b "x${escape}[31m" "y${c1}31m" >"$name.folder/vocab.txt"
    runs 0 convert "$name.folder" -o "$name.lnt" --type f32
    harmless "convert"
    runs 0 inspect "$name.lnt"
    harmless "inspect"
    runs 0 inspect --json --tensors --graph "$name.lnt"
    check "inspect --json escapes it" grep -qiF '\u001b]0;owned\u0007\u001b[2J' out
done
runs 0 classify bert-text.lnt -p "a b" --top 3
check "the label is there" grep -q owned out
harmless "classify"
runs 0 classify bert-text.lnt -p "a b" --top 3 --json
check "JSON has the label as it is" grep -qF '\u001b]0;owned\u0007\u001b[2J\u009b31m\u007f' out
harmless "classify --json"
runs 0 tag bert-tokens.lnt -p "a b" --words
harmless "tag"
refused "No such file" inspect "none${escape}[2J${c1}31m.lnt"
harmless "an error"

# --- what a model says: as it is into a file, shown on a terminal
runs 0 tokenize bert-text.lnt --decode <<<"5 7 8"
check "the bytes of tokens are as they are" grep -q "x${escape}" out
if command -v script >/dev/null; then
    echo "5 7 8" >ids
    on_a_terminal tokenize bert-text.lnt --decode ids
    check "the text is shown" grep -q '31m' out
    harmless "tokens on a terminal"
fi
the_end
