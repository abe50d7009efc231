#!/bin/sh
# SPDX-License-Identifier: MIT
# Holds the machine code of malloc's and free's fast paths to the recorded budget: instructions and
# conditional branches from entry to return, one thread-local access each, no call, lock or push.
# Also shows that the walk itself sees what it must refuse.
# shellcheck disable=SC2016 # the dollars in quotes are awk's
set -eu
here=${top_srcdir:?}/tests/meta
if [ "${HAK_BUILD_KIND:-normal}" != normal ]; then
    echo "a $HAK_BUILD_KIND build has checks in its fast paths"
    exit 77
fi
status=0

# walk FUNCTION CPU <DISASSEMBLY
walk() {
    "$AWK" -v cpu="$2" -v name="$1" -f "$here/fastpath.awk"
}

# budget CPU NAME: prints the two numbers.
budget() {
    "$AWK" -v cpu="$1" -v name="$2" '!/^#/ && $1 == cpu && $2 == name { print $3, $4 }' \
        "$here/fastpath.budget"
}

within() {
    # shellcheck disable=SC2046 # two numbers
    set -- "$1" "$2" "$3" $(budget "$HAK_HOST_CPU" "$1")
    if [ $# -ne 5 ]; then
        echo "$HAK_HOST_CPU $1: $2 instructions, $3 branches; no budget is recorded"
        status=1
    elif [ "$2" -gt "$4" ] || [ "$3" -gt "$5" ]; then
        echo "$1: $2 instructions, $3 branches; the budget is $4 and $5"
        status=1
    else
        echo "$1: $2 instructions, $3 branches, within $4 and $5"
    fi
}

instructions=0
branches=0
for name in malloc free; do
    found=$("$OBJDUMP" -d --no-show-raw-insn --disassemble="$name" "$HAKMEM_SO" |
        walk "$name" "$HAK_HOST_CPU") || {
        echo "$name: $found"
        status=1
        continue
    }
    # shellcheck disable=SC2086 # three numbers
    set -- $found
    within "$name" "$1" "$2"
    if [ "$3" -ne 1 ]; then
        echo "$name: $3 thread-local accesses, one is allowed"
        status=1
    fi
    instructions=$((instructions + $1))
    branches=$((branches + $2))
done
[ "$status" -ne 0 ] || within sum "$instructions" "$branches"

# The walk must refuse these; a checker that sees nothing would pass everything.
for sample in 'call   10 <x>' 'lock incl (%rax)' 'push   %rbx' 'jmp    99 <y>' \
    'xchg   %eax,(%rdi)'; do
    if printf '   0:\t%s\n   4:\tret\n' "$sample" | walk sample x86_64 >/dev/null; then
        echo "the walk accepts: $sample"
        status=1
    fi
done
for sample in 'bl 10 <x>' 'ldaxr w0, [x1]' 'stp x29, x30, [sp, #-16]!'; do
    if printf '   0:\t%s\n   4:\tret\n' "$sample" | walk sample aarch64 >/dev/null; then
        echo "the walk accepts: $sample"
        status=1
    fi
done
counted=$(printf '%s:\t%s\n' 0 'mov    %fs:0x0,%rax' 4 'jne    20 <z>' 8 'jmp    c <x+0xc>' c ret |
    walk sample x86_64)
if [ "$counted" != '4 1 1' ]; then
    echo "the walk counts '$counted' where 4 1 1 is right"
    status=1
fi
exit $status
