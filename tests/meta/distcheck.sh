#!/bin/sh
# SPDX-License-Identifier: MIT
# The release archive builds, tests' programs included, installs and uninstalls by itself, from a
# read-only source. The tests are not run once more in there: this is one of them.
# shellcheck disable=SC2016 # make's own variable
set -eu
unset MAKEFLAGS MFLAGS MAKELEVEL
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
"${top_srcdir:?}/configure" -q >log 2>&1
if ! make -j2 distcheck TESTS= 'chosen_binaries=$(test_binaries)' >>log 2>&1; then
    grep -E 'rror|No rule|left' log | head -n 20
    tail -n 20 log
    exit 1
fi
archive=$(echo libhakmem-*.tar.xz)
for needed in bootstrap configure README.md COPYING NEWS lib/hakmem.h tests/check.h .ci/run; do
    tar -tf "$archive" | grep -q "/$needed\$" || {
        echo "not in the archive: $needed"
        exit 1
    }
done
