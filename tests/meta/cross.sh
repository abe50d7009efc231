#!/bin/sh
# SPDX-License-Identifier: MIT
# Cross-builds for aarch64 and runs there, under qemu-user, what can run there: C tests linked with
# the shared and with the static library, on pages of 4, 16 and 64 KiB, the checks of the library's
# file, and a preload. Left out is what the emulator doesn't have: RLIMIT_AS, seccomp, exec of
# foreign programs, the resident size of the program alone, MADV_DONTNEED on a range that
# MREMAP_DONTUNMAP has emptied, failures of system calls made to order, and storms of forks and
# signals.
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
# What is slow under the emulator runs once a page size.
quick='errno_rules foreign interpose libc_allocs signals statistics thread_exit usable'
slow='align calloc realloc'
targets='all tests/environment'
for name in $quick $slow threads; do
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
# run_tests PAGE_BYTES NAME...: NAME is "align.static", for example.
run_tests() {
    page_bytes=$1
    shift
    for test in "$@"; do
        result=0
        # shellcheck disable=SC2086 # a command and its options
        timeout 1800 $emulate -p "$page_bytes" "tests/behave/$test.t" \
            </dev/null >out 2>&1 || result=$?
        if [ "$result" -ne 0 ]; then
            tail -n 5 out
            echo "aarch64: pages of $page_bytes bytes: $test: exit status $result"
            status=1
        fi
    done
}

# A program that doesn't know the library, preloaded.
cat >plain.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void) {
    fprintf(stderr, "pages of %ld bytes\n", sysconf(_SC_PAGESIZE));
    void *volatile block = malloc(10);
    free(block);
    free(block);
    return 0;
}
END
aarch64-linux-gnu-gcc -O0 -o plain plain.c
for page_bytes in 4096 16384 65536; do
    $emulate -p $page_bytes -E LD_PRELOAD="$PWD/.libs/libhakmem.so.0" ./plain >out 2>&1 || true
    grep -q "^pages of $page_bytes bytes" out || {
        cat out
        echo "aarch64: the emulator does not make pages of $page_bytes bytes"
        status=1
    }
    grep -q '^hakmem: fatal: double-free' out || {
        cat out
        echo "aarch64: pages of $page_bytes bytes: the preloaded library does not replace malloc"
        status=1
    }
    for name in $quick; do
        run_tests "$page_bytes" "$name.linked" "$name.static"
    done
done
for name in $slow; do
    run_tests 4096 "$name.linked"
    run_tests 16384 "$name.static"
    run_tests 65536 "$name.linked"
done
# The emulator's own memory grows with each thread.
emulate="$emulate -E CHECK_RESIDENT=no"
run_tests 4096 threads.static
run_tests 65536 threads.linked

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
