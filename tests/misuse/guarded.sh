#!/bin/sh
# SPDX-License-Identifier: MIT
# Each fault of guarded.tab, committed with a guarded block, is told at once in one block of text,
# exactly, with stacks that addr2line resolves; the process ends where the fault is, as ever. With
# the knob off there is neither a guarded block nor a handler.
# shellcheck disable=SC2016 # the dollars in quotes are awk's
set -eu
unset LD_PRELOAD
: "${top_srcdir:?}" "${top_builddir:?}" "${HAKMEM_SO:?}" "${HAKMEM_RUN:?}" "${CC:=cc}" "${AWK:=awk}"
work=$(mktemp -d "${TMPDIR:-/tmp}/hakmem-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failures=0

complain() {
    echo "guarded: $*"
    failures=$((failures + 1))
}

# shellcheck disable=SC2086
compile() {
    $CC -O1 -g -w -D_GNU_SOURCE -fno-builtin -fno-optimize-sibling-calls -pthread \
        -o "$work/$1" "$top_srcdir/tests/misuse/guarded.c" $2
}
compile plain ''
compile linked "$HAKMEM_SO -Wl,-rpath,$(dirname "$HAKMEM_SO")"

$CC -E -P -x c '-DHAK_FATAL(code, message, advice)=@code@message@advice@' \
    "$top_srcdir/lib/os/fatals.def" |
    tr '\n' ' ' | sed 's/@\([A-Z_]*\)@"\([^@]*\)"@"\([^@]*\)"@/\
\1@\2@\3\
/g' | grep '^[A-Z_]*@' >"$work/fatals"

# run COMMAND...: sets status, out and err, as in misuse.sh.
run() {
    status=0
    { (exec timeout 600 "$@" >"$work/out" 2>"$work/err") || status=$?; } 2>/dev/null
}

# resolve PROGRAM <REPORT: frames of the program become names, others and _start go.
resolve() {
    sed -n "s|^hakmem:     $1+\\(0x[0-9a-f]*\\)\$|\\1|p" "$work/err" >"$work/addresses"
    addr2line -f -e "$1" <"$work/addresses" | sed -n 'p;n' >"$work/names"
    "$AWK" -v program="$1" -v names="$work/names" '
        index($0, "hakmem:     " program "+") == 1 {
            getline name <names
            if (name != "_start")
                print "hakmem:     " name
            next
        }
        !/^hakmem:     \// { print }' "$work/err"
}

# put_stack HEAD WORDS
put_stack() {
    echo "hakmem:   $1"
    for function in $2; do
        echo "hakmem:     $function"
    done
}

# expected CODE BLOCK THREAD DONE MISUSE FREE ALLOCATION
expected() {
    sed -n "s/^$1@\\(.*\\)@\\(.*\\)/\\1 (pointer $2, size class 64, owner thread $3): \\2/p" \
        "$work/fatals" | sed "s/^/hakmem: fatal: $(echo "$1" | tr 'A-Z_' 'a-z-'): /"
    put_stack "$4 at $2, by thread $3" "$5"
    [ "$6" = - ] || put_stack 'freed by thread T' "$6"
    put_stack "allocated by thread $3" "$7"
}

# run_case HOW NAME STATUS CODE DONE MISUSE FREE ALLOCATION
run_case() {
    how=$1 name=$2 code=$4
    program=$work/linked command=$program
    case $how in
    preloaded) program=$work/plain command="$HAKMEM_RUN $program" ;;
    archive) program=$work/archive command=$program ;;
    esac
    # shellcheck disable=SC2086
    run env HAKMEM_GUARD_SAMPLE=1 $command "$name"
    [ "$status" = "$3" ] || complain "$how $name: status $status, expected $3: $(cat "$work/err")"
    read -r block thread <"$work/out" || complain "$how $name: announced nothing"
    resolve "$program" | grep -v '^own handler$' |
        sed -e 's/^\(hakmem:   freed by thread\) [0-9]*/\1 T/' \
            -e 's/^\(hakmem:   [a-z ]*\)0x[0-9a-f]*,/\1X,/' >"$work/found"
    : >"$work/expected"
    [ "$code" = none ] || expected "$code" "$block" "$thread" "$5" "$6" "$7" "$8" >"$work/expected"
    diff "$work/expected" "$work/found" ||
        complain "$how $name: < expected, > told"
}

grep -v '^#' "$top_srcdir/tests/misuse/guarded.tab" | sed 's/ *| */|/g' >"$work/cases"
hows='preloaded linked'
cp "$work/cases" "$work/cases.preloaded"
cp "$work/cases" "$work/cases.linked"
if [ -e "$top_builddir/libhakmem.a" ]; then
    compile archive "$top_builddir/libhakmem.a -ldl"
    hows="$hows archive"
    # In a program that has the library in itself, realloc's own frames can't be told from it.
    grep -v '^realloc_freed' "$work/cases" >"$work/cases.archive"
fi
for how in $hows; do
    while IFS='|' read -r name status_wanted code rest misuse freed taken; do
        run_case "$how" "$name" "$status_wanted" "$code" "$rest" "$misuse" "$freed" "$taken"
    done <"$work/cases.$how"
done
"$work/plain" | while read -r name; do
    grep -q "^$name|" "$work/cases" || echo "$name is not in guarded.tab"
done >"$work/missing"
[ ! -s "$work/missing" ] || complain "$(cat "$work/missing")"

# Off, the same fault meets nobody.
run env HAKMEM_LOG=1 "$HAKMEM_RUN" "$work/plain" own_handler_chains
[ "$status" -ne 5 ] || complain 'off: somebody handled the fault'
[ ! -s "$work/err" ] || complain "off: said $(cat "$work/err")"
exit $((failures != 0))
