#!/bin/sh
# SPDX-License-Identifier: MIT
# The shared library as the dynamic linker sees it: the exported names and their versions, what it
# needs, and the properties that a malloc must have.
set -eu
expected=${top_srcdir:?}/tests/meta/symbols.expected
status=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

complain() {
    echo "$*"
    status=1
}

# Linkers may list names there that nobody can bind to: gold lists hidden ones as local.
"$READELF" -W --dyn-syms "$HAKMEM_SO" |
    awk '$5 ~ /^(GLOBAL|WEAK|UNIQUE)$/ && $6 == "DEFAULT" && $7 ~ /^[0-9]+$/ { print $8 }' |
    LC_ALL=C sort >"$work/found"
grep -v '^#' "$expected" | LC_ALL=C sort >"$work/wanted"
diff "$work/wanted" "$work/found" || complain 'exported names differ: < wanted, > found'
grep -q '^malloc$' "$work/found" || complain 'malloc is versioned or missing'

# Every public name of the header is exported, and nothing else by that prefix.
grep -o '\bhakmem_[a-z_]*(' "$top_srcdir/lib/hakmem.h" | tr -d '(' |
    LC_ALL=C sort -u >"$work/header"
grep '^hakmem_' "$work/found" | sed 's/@.*//' | diff "$work/header" - ||
    complain 'hakmem.h and the exported hakmem_ names differ: < header, > library'

# C++ support must not need libstdc++: what it asks of it is weak.
# shellcheck disable=SC2086
$NM -D --undefined-only "$HAKMEM_SO" | awk '{ print $(NF - 1), $NF }' >"$work/undefined"
grep '^U \(_Z\|__cxa_[a-eg-z]\|__gxx\|_Unwind\)' "$work/undefined" &&
    complain 'strong references to the C++ run time'

# malloc is no cancellation point, so nothing in it may call one (lib/os/os_call.h).
for point in open openat creat read pread write pwrite close nanosleep usleep sleep poll \
    getrandom; do
    ! grep -q " $point\(64\)\?\(@\|\$\)" "$work/undefined" ||
        complain "calls a cancellation point of libc: $point"
done

"$READELF" -Wd "$HAKMEM_SO" >"$work/dynamic"
"$READELF" -Wl "$HAKMEM_SO" >"$work/headers"
needed=$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' "$work/dynamic" | tr '\n' ' ')
[ "$needed" = 'libc.so.6 ' ] || complain "needs $needed, not libc.so.6 alone"
grep -q 'SONAME.*\[libhakmem.so.0\]' "$work/dynamic" || complain 'soname is not libhakmem.so.0'
grep -q 'FLAGS.*BIND_NOW\|FLAGS_1.*NOW' "$work/dynamic" || complain 'not bound at load (BIND_NOW)'
grep -q 'FLAGS_1.*NODELETE' "$work/dynamic" || complain 'can be unloaded (no NODELETE)'
"$READELF" -Wr "$HAKMEM_SO" >"$work/relocations"
! grep -q 'DTPMOD\|DTPREL\|TLSDESC' "$work/relocations" ||
    complain 'thread-local storage is not initial-exec'
! grep -q 'TEXTREL' "$work/dynamic" || complain 'text relocations'
! grep -q 'RPATH\|RUNPATH' "$work/dynamic" || complain 'a run path'
grep -q 'GNU_RELRO' "$work/headers" || complain 'no RELRO'
grep 'GNU_STACK' "$work/headers" | grep -q 'RWE' && complain 'an executable stack'
grep -q 'GNU_STACK' "$work/headers" || complain 'no GNU_STACK: the stack is executable'
tls=$(awk '$1 == "TLS" { print $6 }' "$work/headers")
[ -n "$tls" ] || complain 'no thread-local segment'
[ "$((${tls:-0}))" -le 64 ] || complain "static TLS of $((tls)) bytes, 64 are allowed"

# hakmem-run stands outside of the program: it must not be linked with the library.
for tool in "$HAKMEM_RUN" "${top_builddir:?}/hakmem-stat"; do
    if "$READELF" -Wd "$tool" | grep -q 'NEEDED.*hakmem\|RPATH\|RUNPATH'; then
        complain "$tool is linked with the library or has a run path"
    fi
done
exit $status
