#!/bin/sh
# The command and the shared library are hardened: cmake/harden.cmake did not lose its effect with this compiler.
# test_hardening.sh COMMAND LIBRARY
set -eu
export LC_ALL=C
command=$1 library=$2
fail() {
    echo "$1" >&2
    exit 1
}
has() { # FILE PATTERN WHAT READELF-OPTION...
    file=$1 pattern=$2 what=$3
    shift 3
    readelf -W "$@" "$file" | grep -qE "$pattern" || fail "$file: $what is missing"
}
has "$command" 'Type: +DYN' "position independence" -h
for file in "$command" "$library"; do
    has "$file" GNU_RELRO "a read-only table of addresses (relro)" -l
    has "$file" 'BIND_NOW|FLAGS_1.*NOW' "binding before the start" -d
    has "$file" 'GNU_STACK .* RW +0x' "a stack that is not executable" -l
    has "$file" 'UND .*__stack_chk_fail' "stack protection" --dyn-syms
    has "$file" 'UND .*__(memcpy|snprintf|vsnprintf|fprintf|printf|read)_chk' "a fortified function" --dyn-syms
    readelf -W -l "$file" | grep -qE 'LOAD .* RWE ' && fail "$file: memory is writable and executable"
    readelf -W -d "$file" | grep -q TEXTREL && fail "$file: code is relocated"
done
exit 0
