#!/bin/sh
# SPDX-License-Identifier: MIT
# Wrong HAKMEM_ variables: silence by default, one line each with HAKMEM_LOG=1, abort with
# HAKMEM_STRICT=1.
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"

build settings "$src/dso/settings_main.c" "$HAKMEM_SO" -Wl,-rpath,"$libdir"

# settings STATUS VARIABLE=VALUE...: runs the program; its complaints are in $work/err.
settings() {
    wanted=$1
    shift
    status=0
    env "$@" "$work/settings" >"$work/out" 2>"$work/err" || status=$?
    [ "$status" -eq "$wanted" ] || fail "status $status, not $wanted, with $*: $(cat "$work/err")"
}

silent() {
    [ ! -s "$work/err" ] || fail "not silent: $(cat "$work/err")"
}

lines() {
    [ "$(wc -l <"$work/err")" -eq "$1" ] || fail "not $1 lines: $(cat "$work/err")"
    if grep -v '^hakmem: ' "$work/err"; then
        fail "a line without prefix"
    fi
}

settings 0 A=b
silent
settings 0 HAKMEM_LOG=1
silent
settings 0 HAKMEM_BOGUS=1 HAKMEM_DIRTY_MIN=lots HAKMEM_PURGE=7
silent
settings 0 HAKMEM_LOG=1 HAKMEM_DIRTY_MNI=5m
lines 1
grep -q 'HAKMEM_DIRTY_MNI' "$work/err" || fail "the variable is not named"
grep -q 'HAKMEM_DIRTY_MIN' "$work/err" || fail "the nearest name is not offered"
settings 0 HAKMEM_LOG=1 HAKMEM_DIRTY_PERCENT=many
lines 1
grep -q 'HAKMEM_DIRTY_PERCENT' "$work/err" || fail "the malformed variable is not named"
settings 0 HAKMEM_LOG=1 HAKMEM_LIBRARY=/x HAKMEM_DIRTY_MIN=5m HAKMEM_PURGE=0
silent
settings 134 HAKMEM_STRICT=1 HAKMEM_BOGUS=1
grep -q 'hakmem: fatal: bad-knob: ' "$work/err" || fail "no fatal line: $(cat "$work/err")"
grep -q 'HAKMEM_BOGUS' "$work/err" || fail "the variable is not named at the fatal line"
settings 0 HAKMEM_STRICT=1 HAKMEM_DIRTY_MIN=8m
silent
