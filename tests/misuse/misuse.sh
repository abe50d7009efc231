#!/bin/sh
# SPDX-License-Identifier: MIT
# Each fault of misuse.tab ends in SIGABRT and one line on standard error, exactly as fatals.def
# words it; each line of fatals.def is met by some fault. The program is run preloaded and linked.
set -eu
unset LD_PRELOAD
: "${top_srcdir:?}" "${top_builddir:?}" "${HAKMEM_SO:?}" "${HAKMEM_RUN:?}" "${CC:=cc}" "${AWK:=awk}"
table=$top_srcdir/tests/misuse/misuse.tab
work=$(mktemp -d "${TMPDIR:-/tmp}/hakmem-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failures=0

complain() {
    echo "misuse: $*"
    failures=$((failures + 1))
}

# The table as lines CODE@message@advice, expanded as the library does it.
$CC -E -P -x c '-DHAK_FATAL(code, message, advice)=@code@message@advice@' \
    "$top_srcdir/lib/os/fatals.def" |
    tr '\n' ' ' | sed 's/@\([A-Z_]*\)@"\([^@]*\)"@"\([^@]*\)"@/\
\1@\2@\3\
/g' | grep '^[A-Z_]*@' >"$work/fatals"
[ -s "$work/fatals" ] || complain "fatals.def can't be read"

# column CODE NUMBER: message (2) or advice (3) of a code.
column() {
    grep "^$1@" "$work/fatals" | cut -d@ -f"$2"
}

# pattern CODE POINTER CLASS OWNER: an extended expression for the whole line.
pattern() {
    printf '%s: %s (pointer %s, size class %s, owner thread %s): %s\n' \
        "hakmem: fatal: $(echo "$1" | tr 'A-Z_' 'a-z-')" "$(column "$1" 2)" "$2" "$3" "$4" \
        "$(column "$1" 3)" |
        sed 's/[().?+]/\\&/g; s/ANY_HEX/0x[0-9a-f]+/; s/ANY/[^ ,)]+/g; s/.*/^&$/'
}

# run COMMAND...: sets status, out and err. The outer redirection takes the shell's word about the
# signal; the inner shell is replaced, so that no shell writes into err.
run() {
    status=0
    { (exec timeout 600 "$@" >"$work/out" 2>"$work/err") || status=$?; } 2>/dev/null
}

# run_case HOW NAME CODE POINTER CLASS OWNER PROFILE
run_case() {
    how=$1 name=$2 code=$3
    program=$work/linked
    [ "$how" = linked ] || program="$HAKMEM_RUN $work/plain"
    # shellcheck disable=SC2086
    run env HAKMEM_HARDENED="${7:-no}" $program "$name"
    if [ "$code" = none ]; then
        [ "$status" -eq 0 ] || complain "$how $name: status $status, $(cat "$work/err")"
        return 0
    fi
    read -r pointer thread <"$work/out" || complain "$how $name: announced nothing"
    [ "$status" -eq 134 ] || complain "$how $name: status $status instead of SIGABRT"
    [ "$(wc -l <"$work/err")" -eq 1 ] || complain "$how $name: not one line: $(cat "$work/err")"
    [ "$4" = same ] || pointer=ANY_HEX
    class=$5
    [ "$class" != '*' ] || class=ANY
    case $6 in
    self) owner=$thread ;;
    '*') owner=ANY ;;
    *) owner=$6 ;;
    esac
    expected=$(pattern "$code" "$pointer" "$class" "$owner")
    grep -Eq "$expected" "$work/err" ||
        complain "$how $name: said '$(cat "$work/err")', expected '$expected'"
}

# Wrong settings in strict mode are told line by line before the last one.
run_bad_knob() {
    run env HAKMEM_STRICT=1 HAKMEM_NO_SUCH_KNOB=1 "$work/linked" nothing
    [ "$status" -eq 134 ] || complain "bad knob: status $status"
    tail -n 1 "$work/err" | grep -Eq "$(pattern BAD_KNOB ANY_HEX '?' none)" ||
        complain "bad knob: said '$(cat "$work/err")'"
}

# shellcheck disable=SC2086
compile() {
    $CC -O1 -g -w -D_GNU_SOURCE -fno-builtin -pthread -o "$work/$1" \
        "$top_srcdir/tests/misuse/misuse.c" $2 -ldl
}

compile plain ''
compile linked "$HAKMEM_SO -Wl,-rpath,$(dirname "$HAKMEM_SO")"

grep -v '^#' "$table" >"$work/cases"
for how in preloaded linked; do
    while read -r name code pointer class owner profile; do
        run_case "$how" "$name" "$code" "$pointer" "$class" "$owner" "$profile"
    done <"$work/cases"
done
run_bad_knob

"$work/linked" >"$work/names" || true
while read -r name; do
    grep -q "^$name " "$work/cases" || complain "$name is not in misuse.tab"
done <"$work/names"
cut -d@ -f1 "$work/fatals" | grep -v '^BAD_KNOB$' >"$work/codes"
while read -r code; do
    # shellcheck disable=SC2016
    "$AWK" -v code="$code" '$2 == code { found = 1 } END { exit !found }' "$work/cases" ||
        grep -q "| *$code *|" "$top_srcdir/tests/misuse/guarded.tab" ||
        complain "$code of fatals.def has no case"
done <"$work/codes"
exit $((failures != 0))
