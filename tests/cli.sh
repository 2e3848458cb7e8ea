# What the tests of the command share: sourced after $linnet is set; makes the folder $dir, and fails loudly.
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
checks=0 failures=0

is_sanitized() { grep -q __asan_init "$linnet"; }
lines() { is_sanitized && echo "$2" || echo "$1"; } # how many, and under sanitizers, which take ten times as long

fail() { # what
    failures=$((failures + 1))
    printf 'FAIL: %s\n' "$1"
    [ -s "$dir/err" ] && sed 's/^/    /' "$dir/err" | head -3
}
check() { # what, condition...
    checks=$((checks + 1))
    local what=$1
    shift
    "$@" || fail "$what"
}
same() { # what, got, expected
    checks=$((checks + 1))
    [ "$2" = "$3" ] || fail "$1: got <$2>, expected <$3>"
}
runs() { # status, arguments...: output in $dir/out, errors in $dir/err
    local want=$1 got
    shift
    checks=$((checks + 1))
    "$linnet" "$@" >"$dir/out" 2>"$dir/err"
    got=$?
    [ $got = "$want" ] || fail "linnet $*: status $got, expected $want"
}
says() { # text in the error output
    checks=$((checks + 1))
    grep -qF -- "$1" "$dir/err" || fail "error line without <$1>"
}
one_line() { # the error output is one line of the form "linnet: ..."
    checks=$((checks + 1))
    [ "$(wc -l <"$dir/err")" = 1 ] && grep -q '^linnet: ' "$dir/err" || fail "not one line: $(cat "$dir/err")"
}
refused() { # text, arguments...: the input is bad
    local text=$1
    shift
    runs 1 "$@"
    one_line
    says "$text"
}
misused() { # text, arguments...: the command line is wrong
    local text=$1
    shift
    runs 2 "$@"
    one_line
    says "$text"
}
quiet() { # nothing but results when nobody watches
    checks=$((checks + 1))
    [ ! -s "$dir/err" ] || fail "standard error is not empty"
}
json_field() { # name: a number or a plain word of the first object in $dir/out
    sed -n "1s/.*\"$1\": \"\\{0,1\\}\\([^\",}]*\\).*/\\1/p" "$dir/out"
}
the_end() {
    echo "$checks checks, $failures failed"
    [ $failures = 0 ]
}
