#!/bin/sh
# No instruction beyond an object file's level: AVX and later ones have mnemonics that begin with v, AVX-512's name registers of its own,
# and of what came between SSE2 and AVX a compiler would use the ones below (not tzcnt, which older CPUs take for the bsf that it is meant as).
#   tests/ports/leaks.sh OBJECTS
set -eu
. "$(dirname "$0")/../needs.sh"
need objdump
between='popcnt|lzcnt|andn|bextr|bls[ir]|blsmsk|bzhi|mulx|pdep|pext|rorx|s[ah][lr]x|adcx|adox|crc32[bwlq]?|movbe[wlq]?|lddqu|movddup|movs[hl]dup|h(add|sub)p[sd]|addsubp[sd]'
between="$between|ph(add|sub)(s?w|d)|pabs[bwd]|palignr|pshufb|pmulhrsw|pmaddubsw|psign[bwd]|d?pp[sd]|blendv?p[sd]|pblendv?[bw]|round[sp][sd]|insertps|extractps"
between="$between|pinsr[bdq]|pextr[bdq]|pm(ax|in)(s[bd]|u[wd])|pmul(dq|ld)|pmov[sz]x[bwd]{2}|pmov[sz]x[bwd]q|ptest|pcmp(eqq|gtq|[ei]str[im])|packusdw|phminposuw|mpsadbw"
wide='%zmm|%[xy]mm(1[6-9]|2[0-9]|3[01])|%k[0-7]'
said=$(mktemp)
trap 'rm -f "$said"' EXIT
checked=0 failed=0 levels=" "
for object; do
    case $object in
    */avx512*.o | */loops_avx512*.o) level=avx512 forbidden='^$' ;;
    */avxvnni.c.o | */loops_avxvnni.c.o) level=avxvnni forbidden="$wide|^vpdp(wss|busds)" ;;
    */avx2.c.o | */loops_avx2.c.o) level=avx2 forbidden="$wide|^vpdp" ;;
    *) level=plain forbidden="^v|%[yz]mm|^($between)( |\$)" ;;
    esac
    objdump -d --no-show-raw-insn -M att "$object" | sed -n 's/^ *[0-9a-f]*:\t\({[a-z0-9]*} *\)*//p' | grep -E "$forbidden" |
        sort | uniq -c | sort -rn | head -n 3 >"$said" || true
    if [ -s "$said" ]; then
        echo "$object is for level $level:"
        cat "$said"
        failed=1
    fi
    checked=$((checked + 1))
    case $levels in *" $level "*) ;; *) levels="$levels$level " ;; esac
done
echo "$checked objects, of levels$levels"
[ $failed = 0 ] && [ "$levels" != " plain " ]
