#!/bin/sh
# SPDX-License-Identifier: MIT
# gdb, which runs python inside, debugs a program: breakpoints, backtraces, types, a crash.
. "$(dirname "$0")/lib.sh"
need gdb gcc
cat >"$work/debugged.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
struct node { int value; struct node *next; };
static int crash(struct node *list) { return list->next->value; }
static struct node *push(struct node *list, int value) {
    struct node *node = malloc(sizeof *node);
    *node = (struct node){value, list};
    return node;
}
int main(void) {
    struct node *list = NULL;
    for (int i = 0; i < 5; i++)
        list = push(list, i * i);
    list->next->next = NULL;
    return crash(list->next);
}
END
gcc -g -O0 -o "$work/debugged" "$work/debugged.c" || exit 99
cat >"$work/commands" <<'END'
set debuginfod enabled off
set confirm off
set style enabled off
break push if value == 9
info types node
list push
run
bt
print *list
print *list->next
finish
continue
bt
python print(sum(len(s.name) for s in gdb.lookup_symbol("main")[0].symtab.static_block()))
ptype struct node
kill
END
gdb -batch -ex run "$work/debugged" >"$work/out" 2>&1
grep -q SIGSEGV "$work/out" || {
    echo 'gdb: nothing can be traced here'
    exit 77
}
served gdb gdb -batch -ex 'print 6 * 7'
# shellcheck disable=SC2016 # for the inner shell
same gdb sh -c 'gdb -nx -batch -x "$1/commands" "$1/debugged" 2>&1 |
    sed "s/0x[0-9a-f]*/ADDRESS/g; s/process [0-9]*/process/g"' sh "$work"
