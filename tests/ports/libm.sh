#!/bin/sh
# Of libm the library and the command call only what is exact, so the same everywhere: glibc's exp alone differs between CPUs with and without FMA.
#   tests/ports/libm.sh BINARIES
set -eu
. "$(dirname "$0")/../needs.sh"
need objdump
rounded='(exp|exp2|exp10|expm1|log|log2|log10|log1p|pow|cbrt|hypot|sin|cos|tan|asin|acos|atan|atan2|sinh|cosh|tanh|asinh|acosh|atanh|erf|erfc|tgamma|lgamma|sincos|j[01n]|y[01n])[fl]?'
for binary; do
    objdump -T "$binary" | grep -q -w -E 'fmaf|qsort' || { echo "$binary imports nothing"; exit 1; }
    ! objdump -T "$binary" | grep -E "UND.* $rounded\$" || { echo "$binary: a function whose last bit is not the same everywhere"; exit 1; }
done
echo "$# binaries call no rounded function of libm"
