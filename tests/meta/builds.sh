#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds that no developer makes by default, those of builds.tab: other compilers, linkers and
# optimisations, the flags of distributions, the debug build, sanitizers. Each is configured and
# built out of tree, without a warning, and then tried. With arguments: the builds of those names.
# shellcheck disable=SC2013,SC2016,SC2046,SC2317 # words; awk's dollars; functions called by name
set -eu
: "${top_srcdir:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
unset MAKEFLAGS MFLAGS MAKELEVEL CFLAGS CXXFLAGS CPPFLAGS LDFLAGS LD_PRELOAD
status=0
# Schedules of two switches take a quarter of an hour here; the normal build tries them all.
export SWITCHES=1

complain() {
    echo "$name: $*"
    status=1
}

# row NAME: writes configure's arguments, one a line, to $work/arguments, and prints how to try it.
row() {
    "$AWK" -v name="$1" -v arguments="$work/arguments" '
    /^[^ #]/ { is_ours = $1 == name }
    !is_ours || !/^ / { next }
    $1 == "try" { $1 = ""; tries = $0; next }
    /^ *--/ { for (i = 1; i <= NF; i++) option[++options] = $i; next }
    { sub(/^ */, "")
      # CC= and CXX= of one word each may share a line.
      if ($0 ~ /^CC=[^ ]* CXX=[^ ]*$/) { set($1); set($2) } else set($0) }
    function set(text,   at, key) {
        at = index(text, "=")
        key = substr(text, 1, at - 1)
        text = substr(text, at + 1)
        if (key in value) text = value[key] " " text
        else order[++keys] = key
        value[key] = text
    }
    END {
        printf "" >arguments
        for (i = 1; i <= options; i++) print option[i] >arguments
        for (i = 1; i <= keys; i++) print order[i] "=" value[order[i]] >arguments
        print tries
    }' "$top_srcdir/tests/meta/builds.tab"
}

# is_there: the row's compiler and linker are on this machine, or it is told what is not.
is_there() {
    for tool in $(sed -n 's/^CC=\([^ ]*\).*/\1/p; s/^AR=//p
        s/.*-fuse-ld=\([a-z]*\).*/ld.\1/p' "$work/arguments"); do
        command -v "$tool" >"$work/which" || {
            echo "$name: left out: no $tool here"
            return 1
        }
    done
}

# build TARGET...: leaves the tree in $work/tree, where the shell is from then on.
build() {
    rm -rf "$work/tree"
    mkdir "$work/tree"
    cd "$work/tree"
    set --
    while read -r argument; do
        set -- "$@" "$argument"
    done <"$work/arguments"
    if ! { "$top_srcdir/configure" -q "$@" && make -j2 all tests/environment; } >log 2>&1; then
        grep -E 'error|warning|Error' log || tail -n 20 log
        complain "failed: configure $*"
        return 1
    fi
    echo "$name: built"
}

# make_tests TARGET...
make_tests() {
    make -j2 -k "$@" >log 2>&1 || {
        grep -E 'error|warning' log || tail -n 20 log
        complain 'tests are not built'
    }
}

# run_tests SECONDS TEST...: a longer time is a hang.
run_tests() {
    most=$1
    shift
    for test in "$@"; do
        result=0
        timeout "$most" "$test" >test.log 2>&1 || result=$?
        if [ "$result" -ne 0 ] && [ "$result" -ne 77 ]; then
            tail -n 15 test.log
            complain "$test: exit status $result"
        fi
    done
}

# What a compiler or linker can spoil: names, versions, what the file needs; which variables are
# read-only once the process runs; whether malloc is replaced and calloc is not a call of itself.
try_file() {
    set --
    for test in align calloc errno_rules interpose thread_exit; do
        set -- "$@" "tests/behave/$test.linked.t"
    done
    make_tests "$@"
    run_tests 1200 "$@"
    for script in meta/symbols behave/sealed; do
        (
            . tests/environment
            CC="$CC $(sed -n 's/^LDFLAGS=.*\(-fuse-ld=[a-z]*\).*/\1/p' "$work/arguments")"
            sh "$top_srcdir/tests/$script.sh"
        ) >test.log 2>&1 || {
            tail -n 15 test.log
            complain "tests/$script.sh fails"
        }
    done
}

# The C tests of behaviour, linked with the shared library.
try_all() {
    set --
    for test in $HAK_BOTH_C tests/behave/inject; do
        case $name/$test in
        undefined/tests/behave/limits) ;; # the sanitizer's own memory counts, too
        clang/tests/behave/inject) ;;     # minutes; the debug build looks closer
        */tests/behave/*) set -- "$@" "$test.linked.t" ;;
        esac
    done
    make_tests "$@"
    run_tests 1800 "$@"
}

try_units() {
    set --
    for test in $(cd "$top_srcdir" && printf '%s\n' tests/unit/*_test.c | sed 's/\.c$//'); do
        case $name/$test in
        thread/tests/unit/fork_test) ;;   # this sanitizer knows no threads of a fork's child
        thread/tests/unit/memory_test) ;; # it would call the test's own mmap before it has begun
        *) set -- "$@" "$test.u" ;;
        esac
    done
    make_tests "$@"
    run_tests 12000 "$@"
}

[ $# -gt 0 ] || set -- $(sed -n 's/^\([A-Za-z][^ ]*\)$/\1/p' "$top_srcdir/tests/meta/builds.tab")
for name in "$@"; do
    tries=$(row "$name")
    [ -s "$work/arguments" ] || complain 'not in builds.tab'
    is_there || continue
    build || continue
    for try in $tries; do
        "try_$try"
    done
    cd "$work"
done
exit $status
