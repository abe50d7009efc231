# SPDX-License-Identifier: MIT
# Owns what the shell tests of this folder share; read by each as its first command. A test compiles
# what it needs in $work, which is removed at its end. HAKMEM_SO, HAKMEM_RUN and the compilers come
# from tests/environment.
# shellcheck shell=sh disable=SC2034
set -eu
unset LD_PRELOAD
: "${top_srcdir:?}" "${HAKMEM_SO:?}" "${HAKMEM_RUN:?}"
: "${CC:=cc}" "${CXX:=c++}"
src=$top_srcdir/tests/behave
flags="-O1 -g -D_GNU_SOURCE -fno-builtin -pthread -I$top_srcdir/tests"
libdir=$(dirname "$HAKMEM_SO")
work=$(mktemp -d "${TMPDIR:-/tmp}/hakmem-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "${0##*/}: failed: $*" >&2
    exit 1
}

# build OUTPUT ARGUMENT...: compiles C into $work/OUTPUT.
build() {
    build_output=$work/$1
    shift
    # shellcheck disable=SC2086
    $CC $flags -o "$build_output" "$@" -ldl || fail "cannot compile $build_output"
}

# build_shared OUTPUT ARGUMENT...: the same for a shared object.
build_shared() {
    build_name=$1
    shift
    build "$build_name" -shared -fPIC "$@"
}

# run COMMAND...: with a guard against hanging.
run() {
    timeout -k 5 900 "$@"
}
