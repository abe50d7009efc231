#!/bin/sh
# SPDX-License-Identifier: MIT
# Cross-builds for aarch64 and runs there, under qemu-user, what can run there: C tests linked with
# the shared and with the static library, the checks of the library's file, and a preload. Left out
# is what the emulator doesn't have: RLIMIT_AS, seccomp, exec of foreign programs, [heap] in its
# maps, the resident size of the program alone, MADV_DONTNEED on a range that MREMAP_DONTUNMAP has
# emptied, and storms of forks and signals.
set -eu
if [ "${HAK_HOST_CPU:?}" != x86_64 ]; then
    echo 'this build is itself for aarch64'
    exit 77
fi
unset MAKEFLAGS MFLAGS MAKELEVEL CFLAGS CPPFLAGS LDFLAGS CC CXX NM OBJDUMP READELF
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
sysroot=/usr/aarch64-linux-gnu
emulate="qemu-aarch64-static -L $sysroot"

mkdir "$work/build"
cd "$work/build"
targets='all tests/environment'
for name in align calloc errno_rules interpose libc_allocs realloc statistics \
    thread_exit usable; do
    targets="$targets tests/behave/$name.linked.t tests/behave/$name.static.t"
done
# shellcheck disable=SC2086 # a list of targets
if ! { "${top_srcdir:?}/configure" -q --host=aarch64-linux-gnu CC=aarch64-linux-gnu-gcc \
    --enable-werror && make -j2 $targets; } >log 2>&1; then
    grep -E 'error|warning' log || tail -n 20 log
    exit 1
fi

# The emulator keeps a record of every page, also of terabytes that are asked for in vain.
# shellcheck disable=SC3045 # dash and bash know it
ulimit -v 16000000
find tests -name '*.t' | LC_ALL=C sort >tests.list
while read -r test; do
    result=0
    # shellcheck disable=SC2086 # a command and its options
    timeout 120 $emulate "$test" </dev/null >out 2>&1 || result=$?
    if [ "$result" -ne 0 ] && [ "$result" -ne 77 ]; then
        tail -n 5 out
        echo "aarch64: $test: exit status $result"
        status=1
    fi
done <tests.list

# A program that doesn't know the library, preloaded.
cat >plain.c <<'END'
#include <stdio.h>
#include <stdlib.h>
int main(void) {
    void *volatile block = malloc(10);
    free(block);
    free(block);
    return 0;
}
END
aarch64-linux-gnu-gcc -O0 -o plain plain.c
$emulate -E LD_PRELOAD="$PWD/.libs/libhakmem.so.0" ./plain >out 2>&1 || true
grep -q '^hakmem: fatal: double-free' out || {
    cat out
    echo 'aarch64: the preloaded library does not replace malloc'
    status=1
}

# What is said of the file itself.
# shellcheck disable=SC1091 # written by the build
. tests/environment
for check in fastpath symbols; do
    sh "$top_srcdir/tests/meta/$check.sh" >out 2>&1 || {
        cat out
        echo "aarch64: $check.sh fails"
        status=1
    }
done
exit $status
