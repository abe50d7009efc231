#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds that no developer makes by default: gcc and clang without a warning, the debug build, and
# the unit tests under each sanitizer. Each is configured and built out of tree, then tried.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL CFLAGS CPPFLAGS LDFLAGS
status=0

# build NAME TARGETS CONFIGURE-ARGUMENTS...: leaves the tree in $work/NAME.
build() {
    name=$1
    targets=$2
    shift 2
    mkdir "$work/$name"
    cd "$work/$name"
    # shellcheck disable=SC2086 # a list of targets
    if { "${top_srcdir:?}/configure" -q "$@" && make -j2 $targets; } >log 2>&1; then
        echo "$name: built"
    else
        grep -E 'error|warning|Error|FAIL' log || tail -n 20 log
        echo "$name: failed ($*)"
        status=1
    fi
}

# The C tests of behaviour, linked with the shared library that was built as NAME.
try() {
    [ -e "$work/$1/hakmem-run" ] || return 0
    cd "$work/$1"
    tests=
    for name in $HAK_BOTH_C tests/behave/inject; do
        case $1/$name in
        undefined/tests/behave/limits) ;; # the sanitizer's own memory counts, too
        clang/tests/behave/inject) ;;     # minutes; the debug build looks closer
        */tests/behave/*) tests="$tests $name.linked.t" ;;
        esac
    done
    # shellcheck disable=SC2086 # a list of targets
    make -j2 -k $tests >log 2>&1 || grep -E 'error|warning' log
    for test in $tests; do
        result=0
        timeout 900 "$test" >test.log 2>&1 || result=$?
        if [ "$result" -ne 0 ] && [ "$result" -ne 77 ]; then
            tail -n 5 test.log
            echo "$1: $test: exit status $result"
            status=1
        fi
    done
}

build gcc all CC=gcc CXX=g++ --enable-werror --disable-static
build clang all CC=clang CXX=clang++ --enable-werror
try clang
build debug all --enable-debug --enable-werror
try debug
units=$(cd "${top_srcdir:?}" && printf '%s\n' tests/unit/*_test.c | sed 's/c$/u/' | tr '\n' ' ')
# Schedules of two switches take a quarter of an hour here; the normal build tries them all.
export SWITCHES=1
for kind in address thread undefined; do
    strict=--enable-werror
    [ "$kind" != thread ] || strict=--disable-werror # gcc warns of every fence there
    build "$kind" "all $units" --enable-sanitizer="$kind" "$strict"
    cd "$work/$kind"
    for unit in tests/unit/*.u; do
        [ -e "$unit" ] || continue
        if ! timeout 1500 "$unit" >unit.log 2>&1; then
            tail -n 15 unit.log
            echo "$kind sanitizer: $unit failed"
            status=1
        fi
    done
done
try undefined
exit $status
