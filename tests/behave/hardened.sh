#!/bin/sh
# SPDX-License-Identifier: MIT
# What programs rely on holds in the hardened profile, too: tests of the normal build, started with
# it. Those that ask where blocks lie or whether they stay there, realloc and oom, are left out.
set -eu
: "${top_builddir:?}" "${HAKMEM_RUN:?}"
status=0
for name in align calloc errno_rules foreign fork_threads interpose libc_allocs signals \
    thread_exit threads usable; do
    HAKMEM_PROFILE=hardened timeout 100 "$HAKMEM_RUN" \
        "$top_builddir/tests/behave/$name.preloaded.t" || {
        echo "hardened: $name: status $?"
        status=1
    }
done
exit $status
