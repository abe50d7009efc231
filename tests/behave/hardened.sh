#!/bin/sh
# SPDX-License-Identifier: MIT
# What programs rely on holds in a hardened process, too: tests of the normal build, started with
# it. Left out are those of what the normal build does without: oom and maps ask where large blocks
# lie and how few mappings there are, limits for address space that guards and waiting blocks take,
# huge for blocks without trailers; ceiling, lazy and prealloc for freed memory that stays resident
# unwiped; stats_resident and stats_sums take what waits for freed. inject takes minutes here.
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"
: "${top_builddir:?}"
status=0
try() {
    HAKMEM_HARDENED=yes timeout 1000 "$HAKMEM_RUN" "$1" || {
        echo "hardened: ${1##*/}: status $?"
        status=1
    }
}

for name in align calloc defrag errno_rules foreign fork_signal fork_threads interpose libc_allocs \
    realloc seccomp signals statistics thread_exit threads usable; do
    try "$top_builddir/tests/behave/$name.preloaded.t"
done
for name in cxx_forms cxx_failure; do
    # shellcheck disable=SC2086
    $CXX $flags -std=c++17 -o "$work/$name" "$src/$name.cc" -ldl || fail "cannot compile $name"
done
try "$work/cxx_forms"
HAKMEM_CHECK_DELETE=no # frees what new has made
export HAKMEM_CHECK_DELETE
try "$work/cxx_failure"
exit $status
