# SPDX-License-Identifier: MIT
# What the tests of hakmem-stat share; sourced after common.sh. Leaves hakmem-stat in $stat and a
# program that does what it reads from a pipe in ./target.
# shellcheck shell=sh
stat=$work/hakmem-stat
cp "${top_builddir:?}/hakmem-stat" "$stat"
# shellcheck disable=SC2154 # set by common.sh
trap 'kill -CONT $started 2>/dev/null || :; kill $started 2>/dev/null || :; rm -rf "$work"' EXIT
started=''

# Allocates, says so, and obeys: one letter a line.
compile target -pthread <<'END'
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void *blocks[3000];
static pthread_barrier_t filled;
static void *fill(void *name) {
    pthread_setname_np(pthread_self(), name);
    for (int i = 0; i < 1000; i++)
        blocks[i + (*(char *)name - 'a') * 1000] = memset(malloc(200), 1, 200);
    pthread_barrier_wait(&filled);
    pause();
    return NULL;
}
int main(void) {
    pthread_t thread;
    char line[16];
    pthread_barrier_init(&filled, NULL, 3);
    setvbuf(stdin, NULL, _IONBF, 0);
    pthread_create(&thread, NULL, fill, "alpha");
    pthread_create(&thread, NULL, fill, "beta \"q\"\n");
    void *large = memset(malloc(1000000), 1, 1000000);
    pthread_barrier_wait(&filled);
    write(1, "ready\n", 6);
    while (read(0, line, 2) == 2) {
        if (*line == 'f')
            for (int i = 0; i < 1000; i++)
                free(blocks[i]);
        if (*line == 'c')
            for (int fd = 3; fd < 1024; fd++)
                close(fd);
        if (*line == 'a')
            for (int i = 0; i < 5000; i++)
                free(malloc(i + 1));
        if (*line == 'u' && setuid(65534) != 0)
            return 1;
        write(1, "done\n", 5);
    }
    free(large);
    return 0;
}
END

# start COMMAND...: runs COMMAND, which becomes ./target, and leaves its PID in $pid.
start() {
    rm -f orders answers
    mkfifo orders answers
    "$@" <orders >answers 2>target.errors &
    pid=$!
    started="$started $pid"
    exec 8>orders 9<answers
    read -r answer <&9 || complain "$*: did not start: $(cat target.errors)"
    : "$answer"
}

# order LETTER
order() {
    echo "$1" >&8
    read -r answer <&9 || complain "the target is gone"
}

stop() {
    kill -CONT "$pid" 2>/dev/null || :
    kill -9 "$pid" 2>/dev/null || :
    wait "$pid" 2>/dev/null || :
    exec 8>&- 9<&-
}

# value NAME: from the last --json, a jq path.
value() {
    jq -r "$1" json
}
