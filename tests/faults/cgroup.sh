#!/bin/sh
# In a real control group, of version 1 or 2, as root: the command takes the threads that the group's time is worth, works in little memory as
# it does without a limit, and refuses what can never fit instead of being killed.
#   tests/faults/cgroup.sh LINNET SOURCES
set -eu
linnet=$(realpath "$1") models=$(realpath "$2")/models
. "$(dirname "$0")/../needs.sh"
work=$(mktemp -d)
cpu='' memory=''
trap 'rmdir $cpu $memory 2>/dev/null || :; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

inside() { # FOLDER COMMAND...
    # shellcheck disable=SC2016 # for the inner shell
    sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$@"
}
# A group below a mount point, if it takes the value and processes, which find themselves where it is (in a container they may not).
group() { # FILE VALUE MOUNT
    name=linnet-test-$$
    mkdir "$3/$name" 2>/dev/null || return 1
    if [ -e "$3/$name/$1" ] && echo "$2" 2>/dev/null >"$3/$name/$1" &&
        seen=$(inside "$3/$name" sed -n "s,^[^/]*:\\(/.*$name\\)\$,\\1,p" /proc/self/cgroup 2>/dev/null | head -n 1) && [ "$seen" ] && [ -d "$3$seen" ]; then
        echo "$3/$name"
    else
        rmdir "$3/$name"
        return 1
    fi
}
quota=150000 bytes=$((48 << 20))
for mount in $(sed -n 's/^[^ ]* \([^ ]*\) cgroup2\{0,1\} .*/\1/p' /proc/mounts); do
    [ "$cpu" ] || cpu=$(group cpu.cfs_quota_us $quota "$mount" || group cpu.max "$quota 100000" "$mount" || :)
    [ "$memory" ] || memory=$(group memory.limit_in_bytes $bytes "$mount" || group memory.max $bytes "$mount" || :)
done
[ "$cpu" ] || [ "$memory" ] || skip "no control group can be made here"

expect() { # WHAT RC WANTED
    [ "$2" = "$3" ] || { echo "FAILED: $1: exit code $2, expected $3: $(cat "$work/error")"; exit 1; }
}
complete() { "$@" "$linnet" complete "$models/shakespeare/shakespeare.lnt" --batch "$work/prompts" -n 8 --temperature 0 --parallel "$parallel"; }

if [ "$cpu" ]; then
    threads=$(inside "$cpu" "$linnet" cpu --json | sed -n 's/.*"threads": *\([0-9]*\).*/\1/p')
    [ "$threads" = 1 ] || { echo "FAILED: $threads threads in a group that gives the time of 1.5 CPUs, expected 1"; exit 1; }
    echo "$cpu: 1 thread"
fi
if [ "$memory" ]; then
    inside "$memory" "$linnet" cpu | grep -q "memory .*(a cgroup gives 48 MiB)" || { echo "FAILED: linnet cpu does not say what the group gives"; exit 1; }
    i=0
    while [ $i -lt 200 ]; do echo "Line $((i += 1)) of many:"; done >"$work/prompts"
    parallel=4
    complete env >"$work/free" 2>"$work/error"
    rc=0
    complete inside "$memory" >"$work/limited" 2>"$work/error" || rc=$?
    expect "a context that fits" $rc 0
    cmp "$work/free" "$work/limited"
    parallel=256 rc=0
    complete inside "$memory" >"$work/limited" 2>"$work/error" || rc=$?
    expect "a context that cannot fit" $rc 1
    grep -q "takes .* MiB of memory, expected at most the 48 MiB" "$work/error" && [ "$(wc -l <"$work/error")" = 1 ] && [ ! -s "$work/limited" ] ||
        { echo "FAILED: a context that cannot fit: $(cat "$work/error")"; exit 1; }
    for group in env "inside $memory"; do # 64 contexts are more than the group has
        # shellcheck disable=SC2086 # two words
        $group "$linnet" embed "$models/sentences/sentences.lnt" "$work/prompts" -o "$work/${group%% *}.npy" --threads 64 2>"$work/error" || expect "embed, 64 threads" $? 0
    done
    cmp "$work/env.npy" "$work/inside.npy"
    echo "$memory: the same texts and embeddings, and one line where there is no room"
fi
