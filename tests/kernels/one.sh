#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs one test in a guest of tests/kernels/run, the way `make check` would. Usage: one.sh TEST; a
# path in the build folder, or in the source tree for a shell test. KERNELS_BUILD is not known
# here: the folder OUT/build names it.
out=/hakmem-out
build=$(cat $out/build)
cd "$build" || exit 1
# shellcheck source=/dev/null
. tests/environment
limit=$(cat $out/limit)
export TEST_TIMEOUT="$limit"
test=$1
log=$out/$(echo "$test" | tr / -).log
begin=$(date +%s)
case $test in
*.sh) set -- sh "$top_srcdir/$test" ;;
*.u) set -- "./$test" ;;
*) set -- sh "$top_srcdir/tests/run-c" "./$test" ;;
esac
status=0
timeout -k 10 "$limit" "$@" >"$log" 2>&1 </dev/null || status=$?
echo "$status $(($(date +%s) - begin)) $test" >>$out/results
[ "$status" -eq 0 ] || dmesg | tail -n 5 >>"$log"
exit 0
