#!/bin/sh
# SPDX-License-Identifier: MIT
# Secure execution ignores every HAKMEM_ variable: a setuid program, run by another user, neither
# complains nor aborts, where the same program run plainly does both. Needs root.
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"

if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null; then
    echo "secure.sh: skipped: needs root and setpriv"
    exit 77
fi
chmod 755 "$work"
cp "$HAKMEM_SO" "$work/"
build settings "$src/dso/settings_main.c" "$HAKMEM_SO" -Wl,-rpath,"$work"

status=0
HAKMEM_STRICT=1 HAKMEM_BOGUS=1 "$work/settings" >"$work/out" 2>&1 || status=$?
[ "$status" -eq 134 ] || fail "the plain program is not stopped by a wrong variable: $status"

chmod u+s "$work/settings"
HAKMEM_STRICT=1 HAKMEM_BOGUS=1 HAKMEM_LOG=1 setpriv --reuid=65534 --regid=65534 --clear-groups \
    "$work/settings" >"$work/out" 2>&1 || fail "setuid: $(cat "$work/out")"
if [ "$(cat "$work/out")" = plain ]; then
    echo "secure.sh: skipped: setuid has no effect on this file system"
    exit 77
fi
[ "$(cat "$work/out")" = secure ] || fail "setuid, output: $(cat "$work/out")"
