#!/bin/sh
# SPDX-License-Identifier: MIT
# Strict overcommit (vm.overcommit_memory=2): programs start and run. Needs root and a machine with
# room to spare, because the setting is everybody's for the second that it lasts.
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"

setting=/proc/sys/vm/overcommit_memory
skip() {
    echo "overcommit.sh: skipped: $*"
    exit 77
}

[ "$(id -u)" -eq 0 ] || skip "needs root"
old=$(cat "$setting")
limit=$(sed -n 's/^CommitLimit: *\([0-9]*\) kB/\1/p' /proc/meminfo)
used=$(sed -n 's/^Committed_AS: *\([0-9]*\) kB/\1/p' /proc/meminfo)
[ "$used" -lt $((limit * 3 / 4)) ] || skip "too much memory is committed on this machine"
# The heap's own test of limits; only the start and a moderate load matter here.
build first_user "$src/dso/first_user.c" "$src/dso/first_user_main.c"
build first_user-linked "$src/dso/first_user.c" "$src/dso/first_user_main.c" "$HAKMEM_SO" \
    -Wl,-rpath,"$libdir"
build limits "$src/limits.c"
(echo 2 >"$setting") 2>/dev/null || skip "the setting can't be written"
trap 'echo "$old" >"$setting"; rm -rf "$work"' EXIT
run "$HAKMEM_RUN" "$work/first_user" || fail "preloaded"
run "$work/first_user-linked" || fail "linked"
CHECK_LIMITED=1 run prlimit --as=167772160 "$HAKMEM_RUN" "$work/limits" || fail "load"
