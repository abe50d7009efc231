#!/bin/sh
# SPDX-License-Identifier: MIT
# A core dump holds what is live, and neither what was given back nor what was never used: even its
# length, holes and all, is at most that of the resident memory and a twentieth. And a debugger that
# is there reads a live block in it.
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"

skip() {
    echo "core.sh: skipped: $*"
    exit 77
}

build dump "$src/core_main.c"
cd "$work" || exit
# shellcheck disable=SC3045 # dash and bash have it; a shell that hasn't cannot test this
ulimit -c unlimited 2>/dev/null || skip "the limit of core dumps can't be raised"
pattern=$(cat /proc/sys/kernel/core_pattern) || skip "no core_pattern"
uses_pid=$(cat /proc/sys/kernel/core_uses_pid)

# The file that the kernel makes for a process ID.
core_name() {
    case $pattern in
    '|'* | @*) skip "core dumps go to a program on this machine: $pattern" ;;
    *%p*) name=${pattern%%%p*}$1${pattern#*%p} ;;
    *) if [ "$uses_pid" = 0 ]; then name=$pattern; else name=$pattern.$1; fi ;;
    esac
    case $name in
    *%*) skip "the name of core dumps isn't known: $pattern" ;;
    esac
}

# dump BLOCKS BYTES [BYTES]: 512 MiB, of which 16 MiB stay; sizes from the one to the other.
dump() {
    run "$HAKMEM_RUN" "$work/dump" "$@" >"$work/words" || true
    read -r pid resident <"$work/words" || fail "the program said nothing"
    core_name "$pid"
    [ -s "$name" ] || skip "no core dump in $name"
    mv "$name" the-core || fail "cannot take $name"
    length=$(($(wc -c <the-core) / 1024))
    echo "$1 blocks of $2${3:+ to $3}: $resident KiB resident, $length KiB in the core"
    [ "$length" -ge 16384 ] || fail "live memory is missing"
    [ "$resident" -le 28672 ] || fail "more is resident than should be"
    [ "$length" -le $((resident + resident / 20)) ] || fail "the core has what isn't live"
}

dump 512 1048576
dump 8192 65536
dump 262144 2048
dump 524288 1024
dump 262144 64 3984
if command -v gdb >/dev/null; then
    gdb -nx -batch -ex 'print kept' dump the-core >out 2>&1 || true
    grep -q '"live in the core"' out || fail "the debugger can't read a live block: $(cat out)"
fi
