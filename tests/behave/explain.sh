#!/bin/sh
# SPDX-License-Identifier: MIT
# HAKMEM_LOG: why memory could not be had is said once; without it, nothing is said. (What is said
# of vm.max_map_count, maps.c looks at.)
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"

build explain "$src/dso/explain_main.c"
# expect WORDS COMMAND...: COMMAND must fail to get memory, and say these words alone.
expect() {
    words=$1
    shift
    said=$(run "$@" 2>&1) || fail "$*: exit status $?"
    [ "$said" = "$words" ] || fail "$*: said: $said; not: $words"
}
expect 'hakmem: out of memory: HAKMEM_HARD_LIMIT is reached' \
    env HAKMEM_LOG=1 HAKMEM_HARD_LIMIT=64m LD_PRELOAD="$HAKMEM_SO" "$work/explain"
expect '' env HAKMEM_HARD_LIMIT=64m LD_PRELOAD="$HAKMEM_SO" "$work/explain"
expect 'hakmem: out of memory: RLIMIT_AS, or the system, allows no more' \
    prlimit --as=1000000000 env HAKMEM_LOG=1 LD_PRELOAD="$HAKMEM_SO" "$work/explain"
expect '' prlimit --as=1000000000 env LD_PRELOAD="$HAKMEM_SO" "$work/explain"
