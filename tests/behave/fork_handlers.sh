#!/bin/sh
# SPDX-License-Identifier: MIT
# Libraries whose fork handlers allocate, join threads and take locks that other threads hold while
# they allocate: whether their handlers were registered before ours or after, none deadlocks, and
# the child's malloc is whole. With one thread and with 64, in both profiles. FORKS= each.
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"

forks=${FORKS:-5}
rpath=-Wl,-rpath,$work,-rpath,$libdir
build_shared libfork_library.so "$src/dso/fork_library.c"
main=$src/dso/fork_handlers_main.c
# The loader runs the constructor of what is needed last first.
build before "$main" -Wl,--no-as-needed "$HAKMEM_SO" "$work/libfork_library.so" "$rpath"
build after "$main" -Wl,--no-as-needed "$work/libfork_library.so" "$HAKMEM_SO" "$rpath"
build plain "$main" -Wl,--no-as-needed "$work/libfork_library.so" "$rpath"
build within "$main" -rdynamic "$src/dso/fork_library.c" # after all libraries

each() {
    for threads in 1 64; do
        for profile in normal hardened; do
            HAKMEM_PROFILE=$profile run "$@" "$threads" "$forks" ||
                fail "status $? with $profile, $threads threads: $*"
        done
    done
}

each "$work/before"
each "$work/after"
each "$HAKMEM_RUN" "$work/plain"
each "$HAKMEM_RUN" "$work/within"
LD_PRELOAD=$work/libfork_library.so:$HAKMEM_SO
export LD_PRELOAD
each "$work/plain"
