#!/bin/sh
# SPDX-License-Identifier: MIT
# A plugin opened with RTLD_DEEPBIND shares the program's malloc, is found by its opener's own
# RUNPATH, and keeps the flag where HAKMEM_DEEPBIND=1 asks for that.
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"

mkdir "$work/lib" "$work/lib/plugins"
build_shared lib/plugins/plugin.so "$src/dso/plugin.c"
# shellcheck disable=SC2016
build_shared lib/libopener.so "$src/dso/opener.c" -Wl,--enable-new-dtags \
    -Wl,-rpath,'$ORIGIN/plugins'
build deepbind_main "$src/dso/deepbind_main.c" "$work/lib/libopener.so" -Wl,-rpath,"$work/lib"
build deepbind_main-linked "$src/dso/deepbind_main.c" "$work/lib/libopener.so" "$HAKMEM_SO" \
    -Wl,-rpath,"$work/lib" -Wl,-rpath,"$libdir"

run "$HAKMEM_RUN" "$work/deepbind_main" shallow || fail "preloaded"
run "$work/deepbind_main-linked" shallow || fail "linked"
HAKMEM_DEEPBIND=0 run "$HAKMEM_RUN" "$work/deepbind_main" shallow || fail "HAKMEM_DEEPBIND=0"
HAKMEM_DEEPBIND=1 run "$HAKMEM_RUN" "$work/deepbind_main" deep || fail "HAKMEM_DEEPBIND=1"
