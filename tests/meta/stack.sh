#!/bin/sh
# SPDX-License-Identifier: MIT
# No function of the library can reach itself, directly or by way of others, and no exported one
# needs more stack than a thread of 16 KiB can spare, whichever path a call takes: half of it.
# tests/behave/stack measures what calls really use, libc's part among it.
# shellcheck disable=SC2016 # the dollars in quotes are awk's
set -eu
here=${top_srcdir:?}/tests/meta
most=8192
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

walk() {
    "$AWK" -v roots="$1" -f "$here/stack.awk"
}

# The walk must find what it looks for.
cat >"$work/sample.c" <<'EOF'
void a(int n); void b(int n); void c(void);
void leaf(volatile char *p) { p[0] = 1; }
void a(int n) { volatile char room[500]; leaf(room); if (n) b(n - 1); leaf(room); }
void b(int n) { a(n); leaf((char[9]){0}); }
void c(void) { volatile char room[300]; leaf(room); }
EOF
if ! $CC -O1 -fno-inline -c -fcallgraph-info=su -o "$work/sample.o" "$work/sample.c" \
    2>"$work/errors"; then
    echo "$CC writes no call graphs"
    exit 77
fi
if ! walk 'c' <"$work/sample.ci" >"$work/found" || ! grep -q '^cycle: .*a b a$\|^cycle: .*b a b$' \
    "$work/found" || ! grep -q '^c 3[0-9][0-9] c leaf$' "$work/found"; then
    echo 'the walk misses a cycle or a depth:'
    cat "$work/found"
    exit 1
fi

cd "$top_srcdir"
mkdir "$work/graphs"
for file in lib/*/*.c; do
    name=$(echo "$file" | tr / _)
    $CC -std=gnu17 -O2 -fPIC -fvisibility=hidden -D_GNU_SOURCE= '-DHAK_VERSION="0"' -Ilib \
        -c -fcallgraph-info=su -o "$work/graphs/$name.o" "$file"
done

names=$(grep -v '^#' tests/meta/symbols.expected | sed 's/@.*//')
# shellcheck disable=SC2086
set -- $names hak_thread_exit_round hak_fatal
cat "$work"/graphs/*.ci | walk "$*" >"$work/found"
if grep '^cycle: ' "$work/found"; then
    status=1
fi
if "$AWK" -v most="$most" '!/^cycle/ && $2 > most { print; bad = 1 } END { exit !bad }' \
    "$work/found"; then
    echo "more than $most bytes of stack"
    status=1
fi
for name in malloc free realloc malloc_trim hak_thread_exit_round hakmem_stats_write; do
    if ! grep "^$name " "$work/found"; then
        echo "$name: not found in the call graphs"
        status=1
    fi
done
exit $status
