#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs every "sh" block of README.md in a copy of the source, so that what it tells people to type
# works. A block of another language must say so: "c" is compiled with the library, "text" is shown.
# The table of knobs must be the one that the knobs' table makes. `./bootstrap check` in there runs
# the tests that TESTS names.
set -eu
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL
(cd "${top_srcdir:?}" && tar -cf - --exclude=./build --exclude=./.git --exclude=./.libs .) |
    (mkdir "$work/tree" && cd "$work/tree" && tar -xf -)

# shellcheck disable=SC2016 # the dollars in quotes are awk's
"$AWK" -v work="$work" '
/^```/ && !inside { inside = 1; kind = substr($0, 4); file = sprintf("%s/%02d.%s", work, ++n, kind)
    if (kind !~ /^(sh|c|text)$/) { print "README.md:" NR ": a block of no known kind: " $0; exit 1 }
    printf "" >file
    next }
/^```/ { inside = 0; close(file); next }
inside { print >file }
END { if (!n) { print "README.md has no block"; exit 1 } }' "$top_srcdir/README.md"

sed -n '/^<!-- knobs/,/^<!-- end of knobs/p' "$top_srcdir/README.md" | grep '^|' >"$work/knobs"
"$AWK" -f "$top_srcdir/tests/meta/knobs.awk" "$top_srcdir/lib/conf/knobs.def" |
    diff "$work/knobs" - || {
    echo 'the knobs of README.md are not those of lib/conf/knobs.def: < README.md, > the table'
    exit 1
}

cd "$work/tree"
TESTS=tests/meta/shell.sh
export TESTS
for block in "$work"/*.sh "$work"/*.c; do
    case $block in
    *.sh) sh -eu "$block" >"$work/out" 2>&1 </dev/null ;;
    *.c) $CC -Wall -Werror -fsyntax-only -Ilib "$block" >"$work/out" 2>&1 ;;
    esac || {
        cat "$block"
        tail -n 20 "$work/out"
        echo 'this block of README.md fails'
        exit 1
    }
done
