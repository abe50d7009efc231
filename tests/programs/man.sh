#!/bin/sh
# SPDX-License-Identifier: MIT
# man, which runs parts of its pipeline in a seccomp sandbox, and nroff with a long page.
. "$(dirname "$0")/lib.sh"
need man nroff troff mandb awk gzip
mkdir -p "$work/manual/man1"
awk -v sections=$((300 * scale)) 'BEGIN {
    print ".TH LONG 1 2020-01-01 tests\n.SH NAME\nlong \\- a long page"
    for (s = 0; s < sections; s++) {
        print ".SH SECTION " s
        for (p = 0; p < 10; p++)
            print ".TP\n.BI \\-\\-option" p " =VALUE\nSets what \\fBthe\\fR value " s * p \
                " is, as\n.BR long (1)\nsays, with words enough to fill several lines of text " \
                "on a terminal that is 80 columns wide."
    }
}' | gzip -n >"$work/manual/man1/long.1.gz"
MANPATH=$work/manual
MANWIDTH=80
export MANPATH MANWIDTH
man -P cat long >/dev/null 2>&1 || {
    echo 'man: the page cannot be shown at all' >&2
    exit 99
}
served 'libman-[0-9.]*\.so' man -P cat long
served troff nroff -man -c "$here/../../man/hakmem_malloc.3"
same long man -P cat long
# shellcheck disable=SC2016 # for the inner shell
same search sh -c 'mandb -q "$0" && man -f long && apropos -e long' "$work/manual"
same page nroff -man -c "$here/../../man/hakmem_malloc.3"
