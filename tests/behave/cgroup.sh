#!/bin/sh
# SPDX-License-Identifier: MIT
# In a control group of 128 MiB: limits in percent are of it, a program gets NULL where it would be
# killed, and one that uses the room for blocks of one size after another is not. Needs root and a
# memory controller, of either version.
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"

skip() {
    echo "cgroup.sh: skipped: $*"
    exit 77
}

# No number of processors is asked for, so none can be that of another machine.
# shellcheck disable=SC2086 # NM has options
${NM:-nm} -D --undefined-only "$HAKMEM_SO" >"$work/symbols" || fail "nm"
if grep -E 'sched_getaffinity|sched_getcpu|sysconf|get_nprocs' "$work/symbols"; then
    fail "the library asks for the number of processors"
fi

[ "$(id -u)" -eq 0 ] || skip "needs root"
root=/sys/fs/cgroup
if [ -e $root/memory/memory.limit_in_bytes ]; then
    group=$root/memory/hakmem-test-$$ limit=memory.limit_in_bytes
elif grep -qw memory $root/cgroup.subtree_control 2>/dev/null; then
    group=$root/hakmem-test-$$ limit=memory.max
else
    skip "no memory controller"
fi
mkdir "$group" 2>/dev/null || skip "no control group can be made"
trap 'rmdir "$group"; rm -rf "$work"' EXIT
echo 134217728 2>/dev/null >"$group/$limit" || skip "the group takes no limit"
build cgroup "$src/cgroup_main.c"

# inside COMMAND...: in the group. Its exit status.
inside() {
    # shellcheck disable=SC2016 # the inner shell's
    run sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" "$@"
}

inside true 2>/dev/null || skip "no process can be put into the group"
status=0
inside "$HAKMEM_RUN" "$work/cgroup" fill >/dev/null 2>&1 || status=$?
[ "$status" -eq 137 ] || skip "the limit isn't kept here: $status"

inside "$HAKMEM_RUN" --hard-limit=80% --soft-limit=50% "$work/cgroup" fill >"$work/words" ||
    fail "with a hard limit: exit status $?"
read -r filled soft hard <"$work/words"
[ "$soft" -eq 64 ] || fail "50 % of 128 MiB are $soft"
[ "$hard" -eq 102 ] || fail "80 % of 128 MiB are $hard"
[ "$filled" -ge 92 ] || fail "filled only $filled MiB"

# Half of the room; with a limit that keeps it, two thirds.
inside "$HAKMEM_RUN" "$work/cgroup" turns 64 || fail "turns: exit status $?"
inside "$HAKMEM_RUN" --soft-limit=70% "$work/cgroup" turns 85 ||
    fail "turns, soft: exit status $?"
