#!/bin/sh
# SPDX-License-Identifier: MIT
# The manners of bench/: wrong input is one line and a status, a preload that does not take effect
# ends the run, and what is run becomes a CSV of which the tables can be made. No time is judged.
set -eu
: "${top_srcdir:?}" "${top_builddir:?}"
unset MAKEFLAGS MFLAGS MAKELEVEL LD_PRELOAD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
bench=$top_srcdir/bench
complain() {
    echo "failed: $*"
    status=1
}

make -C "$top_builddir" bench-programs >"$work/log" 2>&1 || {
    tail -n 20 "$work/log"
    exit 1
}
cd "$work"

# refuses STATUS WORDS COMMAND...: nothing printed, one line of complaint with WORDS in it.
refuses() {
    wanted=$1
    words=$2
    shift 2
    got=0
    "$@" >out 2>errors </dev/null || got=$?
    [ "$got" -eq "$wanted" ] || complain "$*: status $got, not $wanted"
    [ ! -s out ] || complain "$*: printed $(head -n 1 out)"
    if [ "$(wc -l <errors)" -ne 1 ] || ! grep -q -- "$words" errors; then
        complain "$*: complained: $(cat errors)"
    fi
}
micro=$top_builddir/bench/bench_micro
refuses 2 'no such bench: magic' "$micro" magic
refuses 2 'not KEY=VALUE: 12' "$micro" mix 12
refuses 2 'not a number: 12x' "$micro" mix ops=12x
refuses 2 'no such size: 0-9' "$micro" mix size=0-9
refuses 2 'no such order: up' "$micro" order order=up
refuses 2 'usage' "$top_builddir/bench/bench_random_mixed_system" 1000 none
refuses 2 'no such row: magic' "$bench/run" --build "$top_builddir" --rows magic \
    --allocators hakmem glibc
refuses 2 'no such allocator: magic' "$bench/run" --build "$top_builddir" --allocators magic
refuses 2 'no /nowhere/lib.so' "$bench/run" --build "$top_builddir" --allocators x=/nowhere/lib.so
refuses 2 'unrecognized' "$bench/run" --magic
refuses 2 'at least 1' "$bench/run" --rounds 0

# A library without a malloc serves nobody.
echo 'int magic(void); int magic(void) { return 1; }' >empty.c
$CC -shared -fPIC -o empty.so empty.c
refuses 1 'not from empty.so' "$bench/run" --quick --build "$top_builddir" --rows mix_256 \
    --rounds 1 --allocators empty="$work/empty.so"

# The floor runs the rows of one thread alone.
"$bench/run" --quick --build "$top_builddir" --rows lifo_64 burst_512 --rounds 2 \
    --allocators hakmem glibc floor hakmem-nopurge --out small.csv >out 2>&1 </dev/null ||
    complain 'a small run'
[ ! -s out ] || complain "a small run speaks: $(cat out)"
[ "$(grep -c '^lifo_64,order,cpu_ns,' small.csv)" -eq 8 ] || complain 'lifo_64: not 4 x 2 lines'
[ "$(grep -c '^burst_512,memory,settled_kib,' small.csv)" -eq 6 ] || complain 'burst_512: not 3 x 2'
grep -q '^# kernel: ' small.csv || complain 'the CSV does not name the kernel'
if grep -q "$top_srcdir\|$top_builddir\|$work" small.csv; then
    complain 'the CSV names a folder'
fi
printf 'page\n<!-- table x-speed -->\n<!-- end -->\n<!-- table memory -->\n<!-- end -->\n' >page
"$bench/table" small.csv --fill page --prefix x-
grep -q '^| lifo_64 | ns/op |' page || complain 'no table in the page'
[ "$(grep -c '<!--' page)" -eq 4 ] || complain 'the markers are gone'
"$bench/table" small.csv | grep -q '^| burst_512 | MiB |' || complain 'no table of memory'
"$bench/table" small.csv | grep -q '^| row | hakmem-nopurge: time | peak |' ||
    complain 'no table of variants'
"$micro" burst threads=2 bytes=8m settle=1 >out || complain 'a plain run'
grep -q '^burst ops=[0-9]* wall_ns=[0-9]* .* settled_kib=[0-9]* live_kib=0$' out ||
    complain "bench_micro prints: $(cat out)"
exit $status
