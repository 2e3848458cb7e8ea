#!/bin/sh
# Every kernel of level avxvnni against scalar, by a program that does vpdpbusd itself where the CPU cannot (trap_vnni.c).
# LINNET_TEST_CASES=N random cases per kernel, 8 unless told (a trap costs microseconds: 100 take minutes).
#   tests/emulate/avxvnni.sh build/tests/kernels_avxvnni
set -eu
. "$(dirname "$0")/../needs.sh"
grep -q -w avx2 /proc/cpuinfo || skip "this CPU has no AVX2"
out=$(LINNET_TEST_CASES=${LINNET_TEST_CASES:-8} "$1") || { echo "$out"; exit 1; }
echo "$out"
echo "$out" | grep -q -x "level avxvnni" || { echo "level avxvnni was not tested"; exit 1; }
