#!/bin/sh
# SPDX-License-Identifier: MIT
# Whom hakmem-stat may look at: its user's processes where the kernel lets nobody trace them, as
# Yama's ptrace_scope 1 does; and, as root, those in containers, with other process IDs, other
# mounts and other System V memory.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"
# shellcheck source=tests/tools/stat_common.sh
. "$top_srcdir/tests/tools/stat_common.sh"

# Forbids what Yama forbids: reading another process's memory, and tracing it.
compile_filtered untraced <<'END'
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 1, 0),
END
as_user=''
if [ "$(id -u)" -eq 0 ]; then
    as_user='setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all'
fi
reason='permission denied (be its user or root; its HAKMEM_STATS=1 helps)'
# shellcheck disable=SC2086 # lists of words
{
    start $as_user "$run" --stats ./target
    $as_user ./untraced "$stat" --json "$pid" >json || complain "as the same user: $?"
    value .source | grep -qx segment || complain "as the same user: by $(value .source)"
    [ "$(value '.threads | map(select(.name == "alpha")) | length')" -eq 1 ] || complain 'no alpha'
    $as_user ./untraced "$stat" --check "$pid" >out || complain "--check: $?: $(cat out)"
    $as_user ./untraced "$stat" --purge "$pid" >out || complain "--purge: $?: $(cat out)"
    stop
    start $as_user "$run" ./target
    expect 4 '' "hakmem-stat: $pid: $reason" $as_user ./untraced "$stat" "$pid"
    stop
}
if [ -e /proc/sys/kernel/yama/ptrace_scope ] && [ "$(id -u)" -eq 0 ] &&
    old=$(cat /proc/sys/kernel/yama/ptrace_scope) && [ "$old" -eq 1 ]; then
    # shellcheck disable=SC2086
    start $as_user "$run" --stats ./target
    # shellcheck disable=SC2086
    $as_user "$stat" "$pid" >/dev/null || complain "under Yama: $?"
    stop
fi

# A container: the process has the ID 1 or 2 in there, and threads have small ones, too.
isolated='unshare --pid --mount --ipc --fork --mount-proc --kill-child'
if [ "$(id -u)" -ne 0 ] || ! $isolated true 2>/dev/null; then
    echo 'no containers can be made here: not tested'
    exit "$status"
fi
for knob in yes no; do
    # The shell stands in for the container's first process.
    # shellcheck disable=SC2086,SC2016
    start $isolated sh -c '"$0" "$@"; exit $?' "$run" "--stats=$knob" --summary=no ./target
    outer=''
    for process in /proc/[0-9]*; do
        if [ "$(readlink "$process/exe" 2>/dev/null)" = "$work/target" ]; then
            outer=${process#/proc/}
        fi
    done
    [ -n "$outer" ] || complain 'the target was not found'
    started="$started $outer"
    "$stat" --json "$outer" >json || complain "into a container, stats=$knob: $?"
    wanted=segment
    [ "$knob" = yes ] || wanted=memory
    value .source | grep -qx "$wanted" || complain "container, stats=$knob: by $(value .source)"
    [ "$(value .pid)" -eq "$outer" ] || complain "container: PID $(value .pid)"
    # Threads are shown by the IDs that the process knows them by, with their names.
    inner=$(sed -n 's/^NSpid:.*[[:space:]]\([0-9]*\)$/\1/p' "/proc/$outer/status")
    [ "$(value ".threads[] | select(.tid == $inner) | .name")" = target ] ||
        complain "container: names: $(value '.threads[] | [.tid, .name]')"
    [ "$(value '[.threads[] | select(.name == "alpha")] | length')" -eq 1 ] ||
        complain "container: no alpha: $(value '.threads[].name')"
    stop
    kill -9 "$outer" 2>/dev/null || :
done
exit "$status"
