#!/bin/sh
# SPDX-License-Identifier: MIT
# The heap is used before it could be made ready: by constructors of libraries initialised earlier,
# by resolvers of indirect functions, and below an LD_AUDIT library.
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"

# both NAME: runs $work/NAME under hakmem-run, and $work/NAME-linked.
both() {
    run "$HAKMEM_RUN" "$work/$1" || fail "$1, preloaded"
    run "$work/$1-linked" || fail "$1, linked"
    LD_BIND_NOW=1 run "$HAKMEM_RUN" "$work/$1" || fail "$1, preloaded, bound at start"
}

# with_object NAME: a program NAME_main.c with a shared object NAME.c, preloaded and linked.
with_object() {
    build_shared "lib$1.so" "$src/dso/$1.c"
    build "$1" "$src/dso/$1_main.c" "$work/lib$1.so" -Wl,-rpath,"$work"
    build "$1-linked" "$src/dso/$1_main.c" "$work/lib$1.so" "$HAKMEM_SO" \
        -Wl,-rpath,"$work" -Wl,-rpath,"$libdir"
    both "$1"
}

with_object first_user
build ifunc-program -DWITH_MAIN "$src/dso/ifunc.c"
build ifunc-program-linked -DWITH_MAIN "$src/dso/ifunc.c" "$HAKMEM_SO" -Wl,-rpath,"$libdir"
both ifunc-program

# A library's resolver runs when that library is relocated, which is before a preloaded library's
# turn: it may use the heap where it depends on libhakmem, or is opened by a running program.
build_shared libifunc.so "$src/dso/ifunc.c" "$HAKMEM_SO" -Wl,-rpath,"$libdir"
build ifunc-linked "$src/dso/ifunc_main.c" "$work/libifunc.so" -Wl,-rpath,"$work"
run "$work/ifunc-linked" || fail "a library's resolver"
run "$HAKMEM_RUN" "$work/ifunc-linked" || fail "a library's resolver, preloaded"
build_shared libifunc-plugin.so "$src/dso/ifunc.c"
build ifunc-opener -DOPENS_PLUGIN "$src/dso/ifunc_main.c"
run "$HAKMEM_RUN" "$work/ifunc-opener" "$work/libifunc-plugin.so" || fail "a plugin's resolver"

build_shared libaudit.so "$src/dso/audit.c"
LD_AUDIT="$work/libaudit.so" run "$HAKMEM_RUN" "$work/first_user" || fail "audited"
LD_AUDIT="$work/libaudit.so" run "$work/first_user-linked" || fail "audited, linked"
