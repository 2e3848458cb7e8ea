#!/bin/sh
# Every source compiles against musl's headers, without a warning. Nothing is linked or run: Debian has no libraries of ours for musl.
#   tests/ports/musl.sh
set -eu
cd "$(dirname "$0")/../.."
. ./tests/needs.sh
need musl-gcc
include=$(mktemp -d)
trap 'rm -rf "$include"' EXIT
# musl-gcc sees no headers but musl's: those of the kernel and of the libraries have to be shown to it
for header in linux asm asm-generic jansson.h jansson_config.h xxhash.h xxh3.h sqlite3.h jpeglib.h jmorecfg.h jerror.h jconfig.h png.h pngconf.h pnglibconf.h \
    zlib.h zconf.h editline histedit.h; do
    for folder in /usr/include /usr/include/"$(gcc -dumpmachine)" /usr/include/libpng16; do
        [ ! -e "$folder/$header" ] || ln -sfn "$folder/$header" "$include/$header"
    done
done
n=0
for source in formats/*.c engine/*.c convert/*.c search/*.c simd/*.c cli/*.c measure/*.c; do
    case $source in measure/loops_dotprod.c | measure/loops_i8mm.c) [ "$(uname -m)" = aarch64 ] || continue ;; esac
    musl-gcc -std=gnu11 -fsyntax-only -Wall -Wextra -Wconversion -Werror -I. -Iinclude -isystem "$include" "$source"
    n=$((n + 1))
done
echo "$n files"
