#!/bin/sh
# SPDX-License-Identifier: MIT
# The build that a profile guides (--enable-pgo): builds without a warning, has the fast paths and
# names of any other, no counter left in it, and works. The training run counts the same each time,
# or packages could not be built twice with the same bits.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL CFLAGS CPPFLAGS LDFLAGS
status=0
cd "$work"

complain() {
    echo "$*"
    status=1
}

tests=
for name in align calloc errno_rules interpose thread_exit usable; do
    tests="$tests tests/behave/$name.linked.t tests/behave/$name.static.t"
done
# shellcheck disable=SC2086 # a list of targets
if ! { "${top_srcdir:?}/configure" -q CC=gcc CXX=g++ --enable-pgo --enable-werror &&
    make -j2 all tests/environment $tests; } >log 2>&1; then
    grep -E 'error|warning' log || tail -n 20 log
    exit 1
fi

mv bench/pgo/profile first
mkdir bench/pgo/profile
sh "$top_srcdir/bench/pgo/train.sh" bench/pgo >log 2>&1 || complain "$(cat log)"
[ "$(find first -name '*.gcda' | wc -l)" -ge 20 ] || complain "few profiles: $(ls first)"
diff -r first bench/pgo/profile || complain 'training counts differ from run to run'

for library in .libs/libhakmem.so.0 libhakmem.a; do
    if nm "$library" 2>/dev/null | grep -i gcov; then
        complain "$library has counters in it"
    fi
done
nm -a bench/pgo/libtrain.a 2>/dev/null | grep -q gcov || complain 'the training library has none'
# shellcheck disable=SC1091 # written by the build
. tests/environment
for check in fastpath symbols; do
    sh "$top_srcdir/tests/meta/$check.sh" >log 2>&1 || complain "$check: $(cat log)"
done
for test in $tests; do
    timeout 1200 "$test" >log 2>&1 || complain "$test: exit status $?: $(tail -n 5 log)"
done
./hakmem-run sh -c 'cat /proc/self/maps' >log 2>&1 || complain 'hakmem-run fails'
grep -q libhakmem log || complain 'hakmem-run without the library'
exit $status
