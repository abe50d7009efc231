#!/bin/sh
# SPDX-License-Identifier: MIT
# What programs rely on holds with guarded blocks, too: tests of the normal build, with each block
# guarded while there is room, or some. Then the counters: as many as there are places, the
# rest missed; none with the knob off; and the mean is kept.
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"
: "${top_builddir:?}" "${HAKMEM_RUN:?}"

# run MEAN NAME...
run() {
    mean=$1
    shift
    for name in "$@"; do
        HAKMEM_GUARD_SAMPLE=$mean timeout 1000 "$HAKMEM_RUN" \
            "$top_builddir/tests/behave/$name.preloaded.t" >"$work/out" 2>&1 ||
            fail "mean $mean: $name: status $?: $(cat "$work/out")"
    done
}
run 1 errno_rules fork_signal interpose libc_allocs signals thread_exit usable
run 30 align calloc threads
# A hardened process has tables and paths of its own.
HAKMEM_HARDENED=yes
export HAKMEM_HARDENED
run 2 align errno_rules libc_allocs usable
unset HAKMEM_HARDENED

# counter NAME: of the file that the last command wrote at its exit.
counter() {
    sed -n "s/^$1 \\([0-9]*\\) .*/\\1/p" "$work/stats"
}

# count KNOB...: a program that allocates much, with its counters in $work/stats.
count() {
    rm -f "$work/stats"
    env HAKMEM_STATS_FILE="$work/stats" "$@" "$HAKMEM_RUN" \
        "$top_builddir/tests/behave/thread_exit.preloaded.t" || fail "thread_exit: status $?"
}

count HAKMEM_GUARD_SAMPLE=0
[ "$(counter guarded_allocations)" = 0 ] || fail 'guarded blocks without the knob'
count HAKMEM_GUARD_SAMPLE=1 HAKMEM_GUARD_SLOTS=5
live=$(($(counter guarded_allocations) - $(counter guarded_frees)))
[ "$live" -le 5 ] || fail "$live guarded blocks are live, 5 may be"
[ "$(counter guarded_misses)" -gt 0 ] || fail 'nothing was missed with 5 places'
[ "$(counter guarded_bytes)" -gt 0 ] || fail 'guarded blocks have no bytes'
count HAKMEM_GUARD_SAMPLE=100 HAKMEM_GUARD_SLOTS=1024
tried=$(($(counter guarded_allocations) + $(counter guarded_misses)))
taken=$(($(counter allocations) + $(counter guarded_allocations)))
{ [ "$tried" -gt $((taken / 200)) ] && [ "$tried" -lt $((taken / 50)) ]; } ||
    fail "$tried of $taken blocks were to be guarded, one in 100 was asked for"
