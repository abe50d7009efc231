#!/bin/sh
# SPDX-License-Identifier: MIT
# What hakmem-run lets alone, sudo, ping, a program of AddressSanitizer and a static one, works as
# ever; valgrind's memcheck, which brings its own malloc, finds what it finds.
. "$(dirname "$0")/lib.sh"
need gcc valgrind sudo setpriv ping

as= # who runs it
# passes_by WHY COMMAND...: the same output and status as plain, one line more that says why.
# shellcheck disable=SC2086 # words
passes_by() {
    why=$1
    shift
    plain=0 preloaded=0
    limited $as "$@" >"$work/out.plain" 2>"$work/err.plain" </dev/null || plain=$?
    limited $as "$run" "$@" >"$work/out" 2>"$work/err" </dev/null || preloaded=$?
    [ "$plain" -eq "$preloaded" ] || fail "$1: status $preloaded, plain $plain"
    sed -i 's/[0-9./]* \{0,1\}ms/time/g' "$work/out.plain" "$work/out"
    cmp "$work/out.plain" "$work/out" || fail "$1: prints something else"
    head -n 1 "$work/err" | grep -q "^hakmem-run: .*$why.*: running it without libhakmem" ||
        fail "$1: said '$(head -n 1 "$work/err")', not $why"
    echo "$1: passed by"
}

cat >"$work/work.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv) {
    char *block = malloc(100), *other = malloc(10);
    strcpy(block, "all is well");
    puts(block);
    free(block);
    if (argc > 1 && strcmp(argv[1], "wrong") == 0)
        putchar(((volatile char *)block)[3]);
    return other == NULL;
}
END
gcc -O0 -g -w -o "$work/work" "$work/work.c" || exit 99
if gcc -O0 -g -w -fsanitize=address -o "$work/asan" "$work/work.c"; then
    ASAN_OPTIONS=detect_leaks=0
    export ASAN_OPTIONS
    passes_by 'is built with a sanitizer' "$work/asan"
    limited "$run" "$work/asan" wrong >"$work/out" 2>&1 && fail 'asan: nothing is found'
    grep -q 'heap-use-after-free' "$work/out" || fail "asan: $(cat "$work/out")"
fi
gcc -O0 -w -static -o "$work/static" "$work/work.c" && passes_by 'static' "$work/static"
# To root a setuid bit or a capability gives nothing, so there both are preloaded, too.
if [ "$(id -u)" -eq 0 ]; then
    same sudo sudo -n id -u
    served ping ping -c 1 127.0.0.1
    as='setpriv --reuid=nobody --regid=nogroup --clear-groups'
fi
passes_by 'setuid' sudo -V
# Where its package finds no setcap, ping is setuid instead.
passes_by '\(has file capabilities\|is setuid\)' ping -c 1 127.0.0.1
grep -q ' 1 received' "$work/out" || fail "ping: $(cat "$work/out" "$work/err")"
as=

# The program is watched by memcheck's own malloc, in place of libc's and of ours.
memcheck() {
    limited "$run" valgrind -q --error-exitcode=9 --soname-synonyms='somalloc=libhakmem*' \
        "$work/work" "$@" >"$work/out" 2>"$work/err"
}
memcheck fine || fail "memcheck: $(cat "$work/err")"
status=0
memcheck wrong || status=$?
[ "$status" -eq 9 ] || fail "memcheck: status $status: $(cat "$work/err")"
grep -q 'Invalid read of size 1' "$work/err" || fail "memcheck: $(cat "$work/err")"
echo 'memcheck: finds what it finds'
