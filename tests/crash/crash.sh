#!/bin/sh
# Cuts the indexer short in every way there is, and looks at what is left each time:
#   crash.sh INDEXER FAULTS [all | kills]
# A case is a stage of an index's life, a fault, and the call at which it comes. After it the index must hold for a reader and
# for a writer, with all that was committed; run again it must end as it does undisturbed: the same bytes of vectors, the same
# documents. With `all`: every call of every stage with every fault (an hour), and what `kills` does: 400 kills at random times;
# otherwise cases at random for LINNET_TEST_SECONDS (10), the same ones for the same LINNET_TEST_SEED.
set -eu
indexer=$1 faults=$2 what=${3-}
stages="make change compact grow"
kinds="before after torn short EIO ENOSPC power power=.lnv power=documents.db"
work=$(mktemp -d "${TMPDIR:-/tmp}/linnet-crash-XXXXXX")
[ ! -w /dev/shm ] || { rmdir "$work"; work=$(mktemp -d /dev/shm/linnet-crash-XXXXXX); } # syncs cost nothing there
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

say() { printf '%s\n' "$*" >&2; }

# The index before and after each stage as it is undisturbed, and how many calls and microseconds a stage takes.
prepare() { # TYPE
    mkdir -p "$work/$1"
    before=$work/none
    for stage in $stages; do
        folder=$work/$1/$stage
        [ "$stage" = make ] || cp -r "$before" "$folder"
        began=$(date +%s%N)
        LD_PRELOAD=$faults LINNET_FAULT_MARK=$work/mark "$indexer" "$stage" "$folder" "$1" >/dev/null
        echo $((($(date +%s%N) - began) / 1000)) >"$folder.microseconds"
        cut -d' ' -f1 "$work/mark" >"$folder.calls"
        "$indexer" dump "$folder" >"$folder.dump"
        before=$folder
    done
}

before() { # STAGE
    case $1 in change) echo make ;; compact) echo change ;; grow) echo compact ;; esac
}

same_vectors() { # FOLDER FOLDER: their files but for the header, which holds a number drawn at random
    [ "$(cd "$1" && echo *.lnv)" = "$(cd "$2" && echo *.lnv)" ] || return 1
    for file in "$1"/*.lnv; do cmp -s -i 4096 "$file" "$2/${file##*/}" || return 1; done
}

# 0: the fault came, and all is well; 1: the call was never reached.
try() { # TYPE STAGE KIND AT
    rm -rf "$work/index" "$work/mark"
    [ "$2" = make ] || cp -r "$work/$1/$(before "$2")" "$work/index"
    status=0
    { # where the shell says "Killed" too
        (LD_PRELOAD=$faults LINNET_FAULT=$3 LINNET_FAULT_AT=$4 LINNET_FAULT_MARK=$work/mark exec "$indexer" "$2" "$work/index" "$1") || status=$?
    } >"$work/committed" 2>"$work/said"
    if [ "$3" = timer ]; then
        [ "$status" = 137 ] || return 1
    else
        read -r _ fault call <"$work/mark"
        [ "$fault" = fault ] || return 1
    fi
    case $status:$(wc -l <"$work/said") in
    0:0 | 1:1 | 137:*) ;;
    *) failed "$@" "it ended with $status and said: $(cat "$work/said")" ;;
    esac
    committed=$(tail -n 1 "$work/committed")
    "$indexer" recover "$2" "$work/index" "$1" "${committed:-0}" >/dev/null 2>"$work/said" || failed "$@" "$(cat "$work/said")"
    same_vectors "$work/$1/$2" "$work/index" || failed "$@" "its vectors are others"
    "$indexer" dump "$work/index" | cmp -s - "$work/$1/$2.dump" || failed "$@" "its documents are others"
    tried=$((tried + 1))
}

failed() { # TYPE STAGE KIND AT WHY
    say "FAILED: $1 vectors, stage $2, $3 at $4${call:+ ($call)}: $5"
    exit 1
}

random() { # BELOW: to $number
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    number=$((seed / 16 % $1))
}

pick() { # N WORD...: the N-th from 0
    shift $(($1 + 1))
    picked=$1
}

every_call() {
    for type in int8 binary; do # the others have the calls of int8
        prepare $type
        for stage in $stages; do
            for kind in $kinds; do
                case $type:$kind in binary:after | binary:short | binary:EIO | binary:power=documents.db) continue ;; esac
                at=1
                while try $type "$stage" "$kind" $at; do at=$((at + 1)); done
                say "$type, $stage, $kind: $((at - 1)) faults survived"
            done
        done
    done
}

random_times() {
    killed=0
    for type in int8 binary f32 f16; do [ -e "$work/$type" ] || prepare $type; done
    while [ $killed -lt 400 ]; do
        random 4 && pick "$number" int8 binary f32 f16 && type=$picked
        random 4 && pick "$number" $stages
        random "$(cat "$work/$type/$picked.microseconds")"
        if try "$type" "$picked" timer $((number + 1)); then killed=$((killed + 1)); fi
    done
    say "$killed kills at random times survived"
}

for_a_while() {
    end=$(($(date +%s) + ${LINNET_TEST_SECONDS:-10}))
    for type in int8 binary; do prepare $type; done
    while [ $tried = 0 ] || [ "$(date +%s)" -lt $end ]; do
        random 2 && pick "$number" int8 binary && type=$picked
        random 4 && pick "$number" $stages && stage=$picked
        random 10 && pick "$number" $kinds timer && kind=$picked
        if [ "$kind" = timer ]; then most=$(cat "$work/$type/$stage.microseconds"); else most=$(cat "$work/$type/$stage.calls"); fi
        random "$most"
        try "$type" "$stage" "$kind" $((number + 1)) || true
    done
}

tried=0 call=
seed=${LINNET_TEST_SEED:-$(date +%s)}
say "seed $seed"
case $what in
all) every_call
    random_times ;;
kills) random_times ;;
*) for_a_while ;;
esac
say "$tried times cut short, nothing lost"
