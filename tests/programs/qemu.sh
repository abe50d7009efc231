#!/bin/sh
# SPDX-License-Identifier: MIT
# qemu-user, which translates code and shares its address space with the program that it emulates:
# a program with threads, with the library in qemu alone and in both; and perl.
. "$(dirname "$0")/lib.sh"
need perl gcc
case $(uname -m) in
x86_64) qemu='qemu-x86_64' ;;
aarch64) qemu='qemu-aarch64' ;;
*) exit 77 ;;
esac
need "$qemu"
cat >"$work/work.c" <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void *work(void *argument) {
    unsigned long sum = (unsigned long)argument;
    for (unsigned i = 1; i < 20000; i++) {
        char *block = malloc(i * 31 % 5000 + 50);
        memset(block, (int)i, i % 50 + 1);
        sum = sum * 31 + (unsigned char)block[0];
        free(block);
    }
    return (void *)sum;
}
int main(void) {
    pthread_t threads[4];
    for (unsigned long i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < 4; i++) {
        void *sum;
        pthread_join(threads[i], &sum);
        printf("%lx\n", (unsigned long)sum);
    }
    return 0;
}
END
gcc -O1 -pthread -o "$work/work" "$work/work.c" || exit 99
# The guest's own loader would take the preload as well: qemu alone is to have it.
served "$qemu" "$qemu" -U LD_PRELOAD "$work/work"
same threads "$qemu" -U LD_PRELOAD "$work/work"
same both "$qemu" "$work/work"
# shellcheck disable=SC2016 # perl's dollars
same perl "$qemu" /usr/bin/perl -e '%h = map { $_ => "x" x $_ } 1 .. 3000;
    print join(",", map { length $h{$_} } sort keys %h), "\n"'
