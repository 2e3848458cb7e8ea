#!/bin/bash
# index, search and eval, as a person meets them: test_cli_search.sh BINARY SENTENCES ENCODERS
# SENTENCES is the sentence encoder that ships, ENCODERS the folder of small checkpoints that tests/golden/encoders.py makes.
linnet=$1 model=$2 encoders=$3
[ -x "$linnet" ] && [ -r "$model" ] && [ -d "$encoders" ] || { echo "usage: test_cli_search.sh BINARY SENTENCES ENCODERS" >&2; exit 2; }
. "$(dirname "$0")/cli.sh"
linnet=$(realpath "$linnet") model=$(realpath "$model") encoders=$(realpath "$encoders")
cd "$dir" || exit 2

for name in sentence cross-encoder bert-text; do
    cp -r "$encoders/$name" "$name.folder" && printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' {a..z} '##'{a..z} . , '?' 1 >"$name.folder/vocab.txt"
    runs 0 convert "$name.folder" -o "$name.lnt" --type f32
done

counts() { # of the last index --json: added, new, changed, unchanged, removed
    echo "$(json_field added) $(json_field new) $(json_field changed) $(json_field unchanged) $(json_field removed)"
}
indexes() { # arguments...
    runs 0 index "$model" "$@" --json
}
finds() { # what is expected in the lines of paths, arguments...
    local want=$1
    shift
    runs 0 search "$@"
    same "linnet search $*" "$(cut -f 3 out | tr '\n' ' ')" "$want"
}
whole() { # index
    runs 0 index --check "$1"
    same "check of $1" "$(cat out)" "$1: whole"
}

# --- wrong command lines
misused "-o DIR is needed" index "$model" x
misused "too few operands" index "$model" -o i
misused "too few operands" index -o i
misused "only one of --check" index --check --stats i
misused "--check takes one index" index --check i j
misused "--stats takes one index" index --stats i -o j
misused "--model goes with --compact" index --check i --model "$model"
misused "--model goes with --compact" index "$model" x -o i --model "$model"
misused "only one of --prompt" index "$model" x -o i --prompt a --prompt-text b
misused "--no-header needs" index "$model" x.csv -o i --no-header
misused "is not one of f32|f16|int8|binary" index "$model" x -o i --vectors f64
misused "too few operands" search
misused "the query is empty" search i ""
misused "the query is empty" search i "  "
misused "is not one of dense|text|hybrid" search i x --mode fuzzy
misused "\"author\" is not FIELD=VALUE" search i x --filter author
misused "\"=x\" is not FIELD=VALUE" search i x --filter =x
misused "only one of QUERY and --batch" search i x --batch y
misused "--json cannot go with --batch" search i --batch y --json
misused "--rerank-top goes with" search i x --rerank-top 5
misused "too few operands" eval i q

# --- what cannot be indexed or asked
mkdir plain && echo hello >plain/a.txt
refused "none.lnt: " index none.lnt plain -o i
refused "none: is not there, expected a file or folder" index "$model" none -o i
check "nothing is made of nothing" [ ! -e i ]
refused "--chunk-tokens 100000 is more than the model takes" index "$model" plain -o i --chunk-tokens 100000
refused "--overlap 30 is more than half of --chunk-tokens 50" index "$model" plain -o i --chunk-tokens 50 --overlap 30
refused "has no prompt" index "$model" plain -o i --prompt nothing
refused "holds no index" search plain x
refused "holds no index" index --stats plain
refused "holds no index" index --check none
refused "holds no index" index --compact none
check "nothing is made by questions" [ ! -e none ]

# --- a small tree of everything
mkdir -p tree/sub/deep tree/.hidden && echo hidden >tree/.hidden/x.txt && echo hidden >tree/.y.txt
cat >tree/garden.md <<'END'
# Gardens

Roses need water and sun. Prune them in March.

## Tools
A spade, a rake and a hose.
END
printf 'The king is dead.\nLong live the king.\n' >tree/sub/king.txt
{
    echo '{"id": "d1", "text": "A man is playing a guitar.", "year": 1999, "by": {"name": "Ann"}, "tags": ["x", "y"]}'
    echo
    echo '{"id": "d2", "text": "  ", "year": 2000}'
    echo '{"id": "d3", "text": "Shares fell on Monday.", "year": 2001, "by": {"name": "Bob"}, "half": 0.5, "none": null}'
} >tree/news.jsonl
printf 'id,text,author\r\n1,"Cats sleep\nall day.",Ann\r\n2,"Dogs, bark ""loudly""",Bob\r\n' >tree/pets.csv
printf 'text\tn\nThe volcano erupted\t7\n' >tree/sub/deep/hot.tsv
printf 'MZ\0binary' >tree/program.txt
head -c 30000 /dev/urandom >tree/sub/noise
: >tree/empty.txt
printf 'caf\303\251 is open, na\357ve is not\n' >tree/cafe.txt
ln -s garden.md tree/link.md
indexes tree -o i
same "a tree" "$(counts)" "9 8 0 0 0"
same "what was not text" "$(json_field binary)/$(json_field invalid)/$(json_field failed)/$(json_field documents)" 2/1/0/9
says "2 binary files skipped"
says "1 of 9 texts not UTF-8"
whole i
runs 0 index --stats i --json
same "stats" "$(json_field documents)/$(json_field sources)/$(json_field rows)/$(json_field vectors)/$(json_field dims)/$(json_field model_path)" \
    "9/8/9/int8/384/$model"
same "the last run" "$(json_field added)" 9
runs 0 index --stats i
check "stats for people" grep -q '^documents  9$' out
indexes tree -o i
same "again, nothing is done" "$(counts)" "0 0 0 8 0"
same "without a word but for what is skipped" "$(cat err)" "linnet: 2 binary files skipped"

# --- search
finds "tree/news.jsonl:1 " i "somebody makes music" --mode dense --top 1
finds "tree/news.jsonl:1 " i "GUITAR?" --mode text
finds "tree/pets.csv:4 " i "bark" --mode text
finds "tree/pets.csv:2 " i "sleep" --mode text
finds "tree/sub/deep/hot.tsv:2 " i "volcano" --mode text
finds "tree/cafe.txt:1 " i "CAFE" --mode text
finds "tree/sub/king.txt:1 " i "king" --top 1
finds "" i "zebra" --mode text
runs 0 search i "king" --mode text
same "a line" "$(cut -f 1,3- out)" "1	tree/sub/king.txt:1	The king is dead. Long live the king."
quiet
runs 0 search i "a guitar" --json --top 1
same "JSON" "$(json_field rank)/$(json_field path)/$(json_field line)/$(json_field begin)/$(json_field end)/$(json_field text)" \
    "1/tree/news.jsonl/1/0/26/A man is playing a guitar."
check "both scores" grep -q '"cosine": 0\.[0-9]*, "bm25": [0-9.]*, "document": [0-9]*,' out
check "metadata are kept" grep -qF '"metadata": {"id":"d1","year":1999,"by":{"name":"Ann"},"tags":["x","y"]}}' out
runs 0 search i "dogs" --json --mode text
check "columns are kept" grep -qF '"text": "Dogs, bark \"loudly\"", "metadata": {"id":"2","author":"Bob"}}' out
for query in '"' "'" '*' 'king*' '^king' 'AND' 'a AND' 'NEAR(a b)' 'text:king' '-' '(king' 'king)' '{' 'a"b' '\' ';' '%' '+' '\0' "$(printf '\377\376')" '  king  '; do
    for mode in text dense hybrid; do
        runs 0 search i --mode $mode -- "$query"
        quiet
    done
done
finds "tree/sub/king.txt:1 " i --mode text -- '"king" ^nothing*'
runs 0 search i "$(yes 'king word' | head -10000 | tr '\n' ' ')" --top 1
same "20,000 words" "$(cut -f 3 out)" "tree/sub/king.txt:1"
finds "tree/news.jsonl:1 " i "music" --mode dense --top 5 --filter id=d1
finds "tree/news.jsonl:1 " i "music" --mode dense --filter by.name=Ann --filter year=1999
finds "tree/news.jsonl:4 " i "music" --mode dense --filter half=0.5
finds "" i "music" --filter year=1999 --filter by.name=Bob
finds "tree/pets.csv:2 " i "music" --filter author=Ann
finds "tree/sub/king.txt:1 tree/sub/deep/hot.tsv:2 " i "the king" --filter path=tree/sub/
(cd tree/sub && "$linnet" search ../../i "the king" --filter path=deep) >out 2>err
same "paths are as one would write them here" "$(cut -f 3 out)" "deep/hot.tsv:2"
(cd / && "$linnet" search "$dir/i" "guitar" --top 1) >out 2>err
same "from elsewhere" "$(cut -f 3 out)" "$dir/tree/news.jsonl:1"
printf 'guitar\n\n   \nking\n' | "$linnet" search i --top 1 >out 2>err
same "queries on standard input" "$(cut -f 3 out | tr '\n' ' ')" "tree/news.jsonl:1  tree/sub/king.txt:1  "
if script -qec true /dev/null </dev/null >typescript 2>&1; then
    script -qec "'$linnet' search i 'playing KINGS king' --mode text" /dev/null </dev/null >typescript 2>&1
    check "words are marked on a terminal" grep -qF "$(printf 'The \033[1mking\033[22m is dead. Long live the \033[1mking\033[22m.')" typescript
    { sleep 0.5 && printf 'volcano\n' && sleep 0.5 && printf '\004'; } | script -qec "'$linnet' search i --top 1" /dev/null >typescript 2>&1
    check "a prompt on a terminal" grep -qF "$(printf 'The \033[1mvolcano\033[22m erupted')" typescript
fi

# --- a run, and its measure
printf 'q1\tmusic on a guitar\nthe stock market\n\nq 3\tking\tof the pets*\nq4\t\n' >queries.tsv
runs 0 search i --batch queries.tsv --top 2 --id-field id --tag mine
same "run lines" "$(cut -d ' ' -f 1,2,4,6 out | tr '\n' ';')" "q1 Q0 1 mine;q1 Q0 2 mine;2 Q0 1 mine;2 Q0 2 mine;q_3 Q0 1 mine;q_3 Q0 2 mine;"
same "names of documents" "$(cut -d ' ' -f 3 out | sed -n '1p;5p' | tr '\n' ' ')" "d1 tree/sub/king.txt:1 "
"$linnet" search i --batch - --top 2 --id-field id --tag mine <queries.tsv >other 2>err
check "from standard input" cmp -s out other
runs 0 search i --batch queries.tsv --mode text --id-field path --top 1
same "a document by its path" "$(cut -d ' ' -f 1,3 out | tr '\n' ';')" "q1 tree/news.jsonl;2 tree/sub/king.txt;q_3 tree/sub/king.txt;"
printf 'q1 0 d1 1\n2 0 d3 1\nq_3 0 d2 1\n' >qrels.txt
printf 'query-id\tcorpus-id\tscore\nq1\td1\t1\n2\td3\t1\nq_3\td2\t1\n' >qrels.tsv
runs 0 eval i queries.tsv qrels.txt --id-field id --json
cp out eval.json
check "two of three are found" grep -qF '{"queries": 3, "unjudged": 1, "dense": {"ndcg@10": 0.666667, "recall@10": 0.666667, "recall@100": 0.666667, "mrr": 0.666667}' out
runs 0 eval i queries.tsv qrels.tsv --id-field id --json
check "judgements of both kinds" cmp -s out eval.json
runs 0 eval i queries.tsv qrels.txt --id-field id --mode text
same "one mode" "$(tail -n +3 out | cut -d ' ' -f 1)" text
printf 'q1 0 d1\tx y z 1 2\n' >bad.txt
refused "bad.txt: line 1: expected \"query 0 document grade\"" eval i queries.tsv bad.txt
refused "holds no judgements" eval i queries.tsv /dev/null
refused "none.tsv: " eval i none.tsv qrels.txt
refused "none.tsv: " search i --batch none.tsv

# --- reranking
indexes plain -o plain.index
runs 0 search i "king" --rerank cross-encoder.lnt --json --top 3
same "the cross-encoder's order" "$(sed 's/.*"score": \([^,]*\),.*/\1/' out)" "$(sed 's/.*"rerank": \([^,]*\),.*/\1/' out | sort -gr)"
runs 0 search i "king" --rerank cross-encoder.lnt --json --filter id=d1
score=$(json_field rerank)
json_field text >passage.txt
runs 0 rerank cross-encoder.lnt king passage.txt --json
same "its score" "$(json_field score)" "$score"
refused "has 3 labels" search i "king" --rerank bert-text.lnt

# --- the model
refused "was made with the model sentences" index sentence.lnt tree -o i
refused "was made with the model sentences" search i x --model sentence.lnt
runs 0 search i guitar --model "$model" --top 1
cp "$model" moved.lnt && indexes plain -o mine && cp -r mine his
runs 0 index moved.lnt plain -o his
mv moved.lnt away.lnt
refused "moved.lnt: No such file" search his hello
says "--model can say where it is now"
finds "plain/a.txt:1 " his hello --model away.lnt
finds "plain/a.txt:1 " his hello --mode text
rm his/model
refused "where its model is is not known, expected --model" search his hello
refused "where its model is is not known, expected --model" index --compact his
runs 0 index --compact his --model away.lnt

# --- other options make other documents
refused "i: was made with --chunk-tokens 200, not 100, expected the same or another folder" index "$model" tree -o i --chunk-tokens 100
refused "i: was made with --field not set, not \"body\"" index "$model" tree -o i --field body
refused "i: was made with --prompt \"\", not \"x\"" index "$model" tree -o i --prompt-text x
refused "i: holds int8 vectors, not f16" index "$model" tree -o i --vectors f16
refused "holds vectors of 384 numbers, not 100" index "$model" tree -o i --dims 100

# --- what changes
sleep 0.01 && printf 'The queen is alive.\n' >tree/sub/king.txt && echo 'new words here' >tree/new.txt && rm tree/pets.csv && touch tree/garden.md
indexes tree -o i
same "changed, new, gone, touched" "$(counts)" "2 1 1 6 1"
finds "tree/sub/king.txt:1 " i queen --mode text
finds "" i king --mode text
finds "" i bark --mode text
finds "tree/new.txt:1 " i "new words" --mode text
whole i
indexes tree -o i
same "then nothing" "$(counts)" "0 0 0 8 0"
mv tree/sub gone
indexes tree/garden.md -o i
same "what is elsewhere stays" "$(counts)" "0 0 0 1 0"
indexes tree/sub -o i
same "a folder that is gone" "$(counts)" "0 0 0 0 2"
refused "tree/sub: is not there" index "$model" tree/sub -o i
mv gone tree/sub && printf 'MZ\0' >tree/new.txt
indexes tree tree/sub ./tree/garden.md -o i
same "back, twice named, and now binary" "$(counts)" "2 2 0 5 1"
rows=$(runs 0 index --stats i --json && json_field rows)
runs 0 index --compact i
runs 0 index --stats i --json
check "compact gives rows back" [ "$rows" -gt "$(json_field rows)" ]
same "down to the documents" "$(json_field rows)" "$(json_field documents)"
whole i
finds "tree/sub/king.txt:1 " i "the queen" --top 1
printf 'from a pipe\nand more\n' | "$linnet" index "$model" - -o i --json >out 2>err
same "a pipe" "$(counts)" "2 1 0 0 0"
finds "-:1 " i "a pipe" --mode text --top 1
printf 'a first line\n\nand a last\n' | "$linnet" index "$model" - -o whole.index --format files --json >out 2>err
finds "-:1 " whole.index "last"
printf 'another time\n' | "$linnet" index "$model" - -o i --json >out 2>err
same "it takes the place of the last" "$(counts)" "1 0 1 0 0"
finds "" i "pipe" --mode text
indexes tree -o i
same "and stays" "$(json_field removed)/$(json_field unchanged)" 0/7
refused "is the folder of the index" index "$model" i -o i
mkdir inside && echo 'text beside an index' >inside/a.txt
indexes inside -o inside/index
indexes inside -o inside/index
same "an index in its own folder" "$(counts)/$(json_field documents)" "0 0 0 1 0/1"

# --- pieces
for n in $(seq 400); do printf 'Sentence %s tells of thing%s.' "$n" "$n"; [ $((n % 5)) = 0 ] && echo || printf ' '; done >long.md
printf '\357\273\277' | cat - long.md >marked.md
indexes long.md marked.md -o long --chunk-tokens 60 --overlap 10
check "in pieces" [ "$(json_field added)" -gt 100 ]
runs 0 search long thing203 --mode text --json --filter path=long.md
same "the line it begins in" "$(json_field line)" "$(head -c "$(json_field begin)" long.md | wc -l | awk '{ print $1 + 1 }')"
same "its bytes" "$(head -c "$(json_field end)" long.md | tail -c +$(($(json_field begin) + 1)) | tr '\n' ' ')" "$(json_field text | sed 's/\\n/ /g')"
begin=$(json_field begin) line=$(json_field line)
runs 0 search long thing203 --mode text --json --filter path=marked.md
same "behind a byte order mark" "$(json_field begin)/$(json_field line)" "$((begin + 3))/$line"
runs 0 search long "thing203" --mode text --top 1
check "a snippet has the words" grep -q 'thing203' out
check "and is short" [ "$(cut -f 4 out | wc -m)" -lt 230 ]
printf 'one two three\nfour\n' >lines.txt
indexes lines.txt -o lines --format lines
same "lines" "$(json_field added)" 2

# --- bad input
mkdir odd && printf 'a\0b' >odd/zero.txt && printf '{"text": "a\\u0000b c"}\n' >odd/zero.jsonl && printf 'fine' >odd/fine.txt
printf '{"text": 5}\n' >odd/bad.jsonl && printf 'x,y\n1,2\n' >odd/bad.csv && printf 'x' >"odd/$(printf 'caf\351').txt" && printf 'strange' >'odd/a  b"\.txt'
mkdir odd/pipe && mkfifo odd/pipe/fifo
runs 1 index "$model" odd -o odds --json
same "the others are done" "$(counts)/$(json_field failed)/$(json_field binary)" "4 6 0 0 0/2/1"
says "odd/bad.jsonl: line 1: field \"text\" is not a string"
says "odd/bad.csv: "
whole odds
runs 0 search odds c --json
runs 0 search odds x --mode text
same "a name that is not UTF-8" "$(cut -f 3 out)" "$(printf 'odd/caf\357\277\275.txt:1')"
runs 0 search odds strange --mode text
same "a strange name" "$(cut -f 3 out)" 'odd/a  b"\.txt:1'
printf '{"text": "good one"}\n{"text": 5}\n{"text": "good two"}\n' >odd/bad.jsonl && rm odd/bad.csv odd/caf*
refused "odd/bad.jsonl: line 2" index "$model" odd/bad.jsonl -o odds
finds "odd/bad.jsonl:1 " odds good --mode text
runs 0 index "$model" odd -o odds --skip-bad --json
says "1 record skipped, the first: odd/bad.jsonl: line 2"
same "it goes on behind the good ones" "$(json_field added)" 1
finds "odd/bad.jsonl:1 odd/bad.jsonl:3 " odds good --mode text
whole odds
if [ "$(id -u)" != 0 ]; then
    chmod 000 odd/fine.txt && runs 1 index "$model" odd -o odds && says "odd/fine.txt: cannot be opened"
    chmod 600 odd/fine.txt
fi

seq "$(lines 20000 8000)" | sed 's/.*/line & of a file that grows/' >grows.txt
for pause in 0.1 0.3 0.6 1 2 4 8; do
    { sleep $pause && echo more >>grows.txt; } &
    "$linnet" index sentence.lnt grows.txt --format lines -o grown >out 2>err
    status=$?
    wait
    [ $status = 0 ] || break
    rm -rf grown
done
same "a file that changes while it is read" $status 1
says "grows.txt: changed while it was read"
whole grown
runs 0 index sentence.lnt grows.txt --format lines -o grown --json
same "is read again" "$(json_field added)/$(json_field documents)" "$(wc -l <grows.txt)/$(wc -l <grows.txt)"
whole grown

# --- read-only copies, damage
cp -r i frozen && chmod -R a-w frozen
finds "tree/sub/king.txt:1 " frozen "the queen" --top 1
[ "$(id -u)" = 0 ] || refused "frozen" index "$model" tree -o frozen
chmod -R u+w frozen
vectors=$(ls long/vectors-*.lnv)
cp -r long hurt && printf 'X' | dd of="hurt/${vectors#long/}" bs=1 seek=9000 conv=notrunc 2>err
refused "is damaged" index --check hurt
cp "$vectors" "hurt/${vectors#long/}" && whole hurt
truncate -s 5000 "hurt/${vectors#long/}"
refused "make the index again, or restore it" search hurt thing203
refused "make the index again, or restore it" index "$model" long.md -o hurt --chunk-tokens 60 --overlap 10
rm "hurt/${vectors#long/}"
refused "${vectors#long/}" search hurt thing203
cp "$vectors" "hurt/${vectors#long/}"
head -c 3000 /dev/urandom | dd of=hurt/documents.db bs=1 conv=notrunc 2>err
refused "make the index again, or restore it" search hurt thing203
: >hurt/documents.db
refused "hurt" search hurt thing203
echo garbage >hurt/documents.db
refused "make the index again, or restore it" index --check hurt

# --- two at once, kills
n_many=$(lines 30000 10000)
seq "$n_many" | awk '{ for (i = 0; i < 3; i++) { $1 = $1 * 7919 % 1000003; printf "%c%c ", 97 + $1 % 26, 97 + int($1 / 26) % 26 } print "" }' >many.txt
mkdir many && split -n l/40 --additional-suffix=.txt many.txt many/
whole_index() { # folder, arguments...
    local folder=$1
    shift
    "$linnet" index sentence.lnt many many.txt --format lines --skip-bad -o "$folder" "$@"
}
whole_index undisturbed --json >out 2>err
same "many texts" "$(json_field documents)" $((2 * n_many))
for run in 1 2; do
    rm -rf killed && kills=0
    for pause in 0.05 0.3 0.6 0.9 0.2 1.2 1.5 0.4 0.7 2 1 3 5 8 12 20 40 80; do
        { timeout --foreground -s KILL "$(awk -v p=$pause -v r=$RANDOM 'BEGIN { print p * (0.5 + r / 32768) }')" "$linnet" index sentence.lnt many many.txt --format lines \
            --skip-bad -o killed 2>err; } 2>/dev/null && break
        kills=$((kills + 1))
        [ -e killed/documents.db ] || continue
        "$linnet" index --check killed >out 2>err || grep -q 'holds no index\|holds nothing' err || fail "a check after kill $kills"
    done
    check "it was killed" [ $kills -gt 1 ]
    whole killed
    for file in undisturbed/*.lnv; do check "the same vectors after $kills kills" cmp -s -i 4096 "$file" "killed/${file#*/}"; done
    for folder in undisturbed killed; do "$linnet" search $folder --batch <(head -20 many.txt) --top 20 >$folder.run 2>err; done
    check "the same answers" cmp -s undisturbed.run killed.run
done
rm -rf killed
"$linnet" index sentence.lnt many many.txt many.txt --format lines --skip-bad -o killed >out 2>interrupted &
process=$!
for ((i = 0; i < 200; i++)); do [ -e killed/documents.db ] && break; sleep 0.02; done
refused "another process is writing to this index" index sentence.lnt many.txt --format lines -o killed
sleep 0.3 && kill -INT $process
wait $process
same "Ctrl-C" $? 130
check "what is to be done" grep -q '^linnet: interrupted after [0-9]* documents, which are in the index; the same command goes on$' interrupted
whole killed
whole_index killed --json >out 2>err
same "it went on" "$(json_field documents)" $((2 * n_many))
for file in undisturbed/*.lnv; do check "the same vectors after an interrupt" cmp -s -i 4096 "$file" "killed/${file#*/}"; done

the_end
