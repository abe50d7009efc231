#!/bin/sh
# SPDX-License-Identifier: MIT
# configure refuses a machine that the library can't run on: at once, in one sentence, and as an
# error. What it must take is shown by the builds themselves.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
status=0

# refuses WORDS CONFIGURE-ARGUMENTS...
refuses() {
    words=$1
    shift
    if "${top_srcdir:?}/configure" -q "$@" >out 2>&1; then
        echo "configure takes: $*"
        status=1
    fi
    if [ "$(grep -c error out)" -ne 1 ] || ! grep -q "configure: error: .*$words" out; then
        cat out
        echo "configure $*: no sentence with '$words'"
        status=1
    fi
}

refuses '64-bit Linux.*i686-pc-linux-gnu' --build=x86_64-linux-gnu --host=i686-linux-gnu
refuses '64-bit Linux.*darwin' --build=x86_64-linux-gnu --host=aarch64-apple-darwin22
refuses '64-bit Linux.*riscv64' --build=x86_64-linux-gnu --host=riscv64-linux-gnu
refuses '64-bit Linux.*gnux32' --build=x86_64-linux-gnu --host=x86_64-linux-gnux32
refuses 'address, undefined or thread' --enable-sanitizer=magic
refuses 'shared library' --disable-shared
refuses 'needs gcc' --enable-pgo CC=clang
refuses 'normal builds' --enable-pgo --enable-debug
refuses 'cross-compiling' --enable-pgo --build=x86_64-linux-gnu --host=aarch64-linux-gnu
exit $status
