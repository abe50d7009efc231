#!/bin/sh
# SPDX-License-Identifier: MIT
# The C++ operators, in programs of every kind: linked with the library, shared and static, and
# preloaded; with replaced operators in each combination; C++ in a plugin of a C program; no C++
# at all.
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"

static=${top_builddir:?}/libhakmem.a

# build_cxx OUTPUT ARGUMENT...
build_cxx() {
    output=$1
    shift
    # shellcheck disable=SC2086
    $CXX $flags -std=c++17 -o "$work/$output" "$@" -ldl || fail "cannot compile $output"
}

# each NAME ARGUMENT...: builds and runs the program in all its kinds.
each() {
    name=$1
    shift
    build_cxx "$name" "$@"
    run "$HAKMEM_RUN" "$work/$name" || fail "$name, preloaded"
    build_cxx "$name" "$@" "$HAKMEM_SO" -Wl,-rpath,"$libdir"
    run "$work/$name" || fail "$name, linked"
    if [ -e "$static" ]; then
        build_cxx "$name" "$@" "$static"
        run "$work/$name" || fail "$name, linked statically"
        build_cxx "$name" -static-libstdc++ "$@" "$static"
        run "$work/$name" || fail "$name, linked statically, libstdc++ as well"
    fi
}

each forms "$src/cxx_forms.cc"
each failure "$src/cxx_failure.cc"
each unoptimised -O0 "$src/cxx_failure.cc"

for replaced in NEW NEW_ARRAY ALIGNED ARRAY_ALIGNED 'NEW -DREPLACE_NEW_ARRAY' \
    'ALIGNED -DREPLACE_ARRAY_ALIGNED' \
    'NEW -DREPLACE_NEW_ARRAY -DREPLACE_ALIGNED -DREPLACE_ARRAY_ALIGNED'; do
    # shellcheck disable=SC2086
    each replaced -DREPLACE_$replaced "$src/cxx_replaced.cc"
done
# One form alone, in the program or in a library that calls its own: check_delete must let it be.
HAKMEM_CHECK_DELETE=1
export HAKMEM_CHECK_DELETE
for one in 0 1 2 3 4 5 6 7; do
    each "one_$one" -DREPLACE_ONE=$one "$src/cxx_one.cc"
    build_cxx "libone_$one.so" -shared -fPIC -Wl,-Bsymbolic -DAS_LIBRARY -DREPLACE_ONE=$one \
        "$src/cxx_one.cc"
    echo 'extern "C" void use_all(); int main() { use_all(); }' >"$work/library_main.cc"
    build_cxx "library_$one" "$work/library_main.cc" "$work/libone_$one.so" -Wl,-rpath,"$work"
    run "$HAKMEM_RUN" "$work/library_$one" || fail "form $one in a library, preloaded"
done
unset HAKMEM_CHECK_DELETE

each no_pie -no-pie -DREPLACE_NEW "$src/cxx_replaced.cc"
each not_replaced "$src/cxx_replaced.cc"

build_cxx plugin.so -shared -fPIC "$src/cxx_plugin.cc"
build plugin_main "$src/dso/cxx_plugin_main.c"
run "$HAKMEM_RUN" "$work/plugin_main" || fail "C program, preloaded"
run "$HAKMEM_RUN" "$work/plugin_main" "$work/plugin.so" || fail "C++ plugin, preloaded"
build plugin_main "$src/dso/cxx_plugin_main.c" "$HAKMEM_SO" -Wl,-rpath,"$libdir"
run "$work/plugin_main" || fail "C program, linked"
run "$work/plugin_main" "$work/plugin.so" || fail "C++ plugin, linked"
