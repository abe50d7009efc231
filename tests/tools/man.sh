#!/bin/sh
# SPDX-License-Identifier: MIT
# The man pages are free of warnings from mandoc, groff and man-db's indexer, and groff gets through
# them on narrow terminals: where the title line has no room for the name of the manual, its macros
# shorten the title for ever.
set -eu
: "${top_srcdir:?}" "${top_builddir:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

for page in "$top_srcdir/man/hakmem_malloc.3" "$top_builddir/man/hakmem.7" \
    "$top_builddir/man/hakmem-run.1" "$top_builddir/man/hakmem-stat.1"; do
    # Pages that are not installed here are no fault of the page.
    mandoc -T lint "$page" 2>&1 |
        grep -v 'referenced manual not found\|outdated mandoc.db' >"$work/mandoc" || :
    groff -mdoc -ww -Tutf8 "$page" 2>"$work/groff" >"$work/text"
    for complaints in mandoc groff; do
        if [ -s "$work/$complaints" ]; then
            cat "$work/$complaints"
            status=1
        fi
    done
    if [ ! -s "$work/text" ] || grep -q '@[A-Z_]*@' "$page"; then
        echo "$page: empty, or a table is missing"
        status=1
    fi
    for columns in 80 60 44 40; do
        # man leaves some columns free
        timeout 60 groff -mdoc -Tutf8 -rLL=$((columns - 2))n -rLT=$((columns - 2))n "$page" \
            >"$work/text" 2>"$work/groff" || {
            echo "$page: groff fails with $columns columns, or goes on for ever"
            head -n 3 "$work/groff"
            status=1
        }
    done
    if ! lexgrog "$page" >"$work/names"; then
        cat "$work/names"
        status=1
    fi
done
exit "$status"
