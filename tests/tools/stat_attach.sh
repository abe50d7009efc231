#!/bin/sh
# SPDX-License-Identifier: MIT
# hakmem-stat reads processes that are stopped, have closed all descriptors, have forked, changed
# their user or run without the knob; it needs the right user, says so if it hasn't, survives what a
# hostile process shows it, and nothing stays behind.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"
# shellcheck source=tests/tools/stat_common.sh
. "$top_srcdir/tests/tools/stat_common.sh"
# segments PID...: those that these processes made.
segments() {
    awk -v pids="$*" 'BEGIN { split(pids, list); for (i in list) ours[list[i]] = 1 }
        $5 in ours { count++ } END { print count + 0 }' /proc/sysvipc/shm
}
allocations() {
    "$stat" --json "$1" | jq .total.allocations
}

# Stopped, and without any descriptor: the counters are where they were.
start "$run" --stats ./target
order c
before=$(allocations "$pid")
kill -STOP "$pid"
[ "$(allocations "$pid")" = "$before" ] || complain 'stopped: other numbers'
"$stat" --json "$pid" | jq -e '.source == "segment"' >/dev/null || complain 'not by its segment'
kill -CONT "$pid"
order a
[ "$(allocations "$pid")" -ge $((before + 5000)) ] || complain 'allocations were not counted'

# Purging on request: the next slow path serves it.
"$stat" --purge "$pid" >purge & # waits until the process has begun
asker=$!
for _ in $(seq 600); do
    order a
    ! is_running "$asker" || continue
    break
done
wait "$asker" || complain "--purge: $?"
grep -q "^$pid: a thread purges" purge || complain "--purge: $(cat purge)"
[ "$("$stat" --json "$pid" | jq .process.dirty_bytes)" -eq 0 ] || complain '--purge: still dirty'
kill -STOP "$pid"
"$stat" --purge "$pid" | grep -q "^$pid: asked; it will" || complain '--purge of a stopped process'

# The library's user has rights that the kernel's tracing rules don't give; others have none.
if [ "$(id -u)" -eq 0 ]; then
    as_nobody='setpriv --reuid 65534 --regid 65534 --clear-groups'
    reason='permission denied (be its user or root; its HAKMEM_STATS=1 helps)'
    # shellcheck disable=SC2086 # a list of words
    expect 4 '' "hakmem-stat: $pid: $reason" $as_nobody "$stat" "$pid"
    stop
    # shellcheck disable=SC2086
    start $as_nobody "$run" --stats ./target
    # shellcheck disable=SC2086
    $as_nobody "$stat" "$pid" >/dev/null || complain "the same user: $?"
    stop
    start "$run" --stats ./target
    order u
    "$stat" "$pid" >/dev/null || complain 'root cannot look into what was root'
    order a
    if command -v unshare >/dev/null && unshare --ipc true 2>/dev/null; then
        stop
        start unshare --ipc "$run" --stats ./target
        "$stat" --json "$pid" | jq -e '.source == "segment"' >/dev/null ||
            complain 'another IPC namespace'
        [ "$(readlink /proc/self/ns/ipc)" != "$(readlink "/proc/$pid/ns/ipc")" ] ||
            complain 'the namespace was no other'
    fi
fi
stop

# Without the knob: by its memory.
start "$run" ./target
"$stat" --json "$pid" >json || complain "without the knob: $?"
value .source | grep -qx memory || complain "without the knob: $(value .source)"
[ "$(value '.threads[] | select(.name == "alpha") | .slabs > 0')" = true ] ||
    complain 'memory: no alpha'
stop

# A program with the library linked into it, under another name.
cat >static.c <<'END'
#include <stdlib.h>
#include <unistd.h>
int main(void) {
    for (int i = 0; i < 100; i++)
        *(volatile char *)malloc(100) = 1;
    write(1, "ready\n", 6);
    pause();
}
END
if [ -e "${top_builddir:?}/libhakmem.a" ]; then
    ${CC:-cc} -o static static.c "$top_builddir/libhakmem.a"
    start ./static
    "$stat" --check "$pid" | grep -q ': on libhakmem' || complain 'statically linked'
    [ "$("$stat" --json "$pid" | jq '[.classes[].live_blocks] | add')" -ge 100 ] ||
        complain 'statically linked: no blocks'
    stop
fi

# Where System V memory can't be had: a file in memory, which is found by its descriptor.
compile_filtered without_ipc <<'END'
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_shmget, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
END
start ./without_ipc "$run" --stats ./target
"$stat" --json "$pid" >json || complain "without System V memory: $?"
value .source | grep -qx file || complain "without System V memory: $(value .source)"
order c
"$stat" --json "$pid" >json || complain "without System V memory and descriptors: $?"
value .source | grep -qx memory || complain "without descriptors: $(value .source)"
stop

# A child has counters of its own, by fork and by the bare system call; killed, it leaves nothing.
compile forks <<'END'
#define _GNU_SOURCE
#include <stdlib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
    char line[32];
    int ends[2];
    free(malloc(1000));
    if (pipe(ends) != 0)
        return 1;
    long child = argc > 1 && strcmp(argv[1], "bare") == 0 ? syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)
                                                          : fork();
    if (child == 0) {
        for (int i = 0; i < 100000; i++)
            free(malloc((size_t)(i * 8 % 5000)));
        write(ends[1], line, 1);
    } else {
        read(ends[0], line, 1);
        snprintf(line, sizeof line, "%ld\n", child);
        write(1, line, strlen(line));
    }
    pause();
}
END
for way in fork bare; do
    start "$run" --stats ./forks "$way"
    child=$answer
    started="$started $child"
    [ "$(allocations "$pid")" -lt 1000 ] || complain "$way: the child counts for its parent"
    [ "$(allocations "$child")" -gt 99000 ] || complain "$way: the child does not count"
    kill -9 "$child"
    stop
done
# shellcheck disable=SC2086 # a list of processes
for _ in $(seq 600); do
    [ "$(segments $started)" -ne 0 ] || break
    sleep 0.1
done
# shellcheck disable=SC2086 # a list of processes
[ "$(segments $started)" -eq 0 ] || complain "segments left: $(cat /proc/sysvipc/shm)"

# exec gives up what it had; a program that isn't on libhakmem has nothing.
HAKMEM_STATS=1 "$run" --no-inherit env sleep 60 &
pid=$!
started="$started $pid"
until_comm "$pid" sleep
expect 3 '' "hakmem-stat: $pid: not on libhakmem" "$stat" "$pid"

# Whatever a process writes there, the tool ends by itself with one of its statuses.
compile hostile <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static uint64_t state = 88172645463325252ull;
static uint64_t next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}
/* The header in the library's data, for a process without segment. */
static unsigned char *find_anchor(void) {
    char line[400];
    unsigned long start, end;
    unsigned char *found = NULL;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (!found && fgets(line, sizeof line, maps))
        if (strstr(line, "libhakmem") && strstr(line, " rw") &&
            sscanf(line, "%lx-%lx", &start, &end) == 2)
            found = memmem((void *)start, end - start, "libhakmem stats", 16);
    fclose(maps);
    return found;
}
static unsigned char *find(void) {
    char line[400];
    unsigned long start, end, size, best = 0;
    unsigned char *found = NULL;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        if (strstr(line, "SYSV") && sscanf(line, "%lx-%lx", &start, &end) == 2 &&
            (size = end - start) > best) {
            best = size;
            found = (unsigned char *)start;
        }
    fclose(maps);
    return found;
}
int main(int argc, char **argv) {
    unsigned char *segment = find(), *page = segment ? segment : find_anchor(), copy[16384];
    size_t bytes = segment ? sizeof copy : 320;
    char pid[24], *arguments[] = {argv[1], "--json", pid, NULL};
    int seen[256] = {0};
    if (argc < 2 || !page)
        return 99;
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    memcpy(copy, page, bytes);
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
    for (int round = 0; round < 300; round++) {
        static const uint64_t evil[] = {0, 1, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF, ~0ull, 1ull << 63};
        for (int i = 0; i < 1 + round % 5; i++) {
            size_t at = next() % (round % 2 ? 320 : bytes) / 4 * 4;
            uint64_t value = round % 3 ? evil[next() % 7] : next();
            memcpy(page + at, &value, round % 4 ? 4 : 8);
        }
        if (round % 2)
            memcpy(page, copy, 20); /* magic and layout as they were: the rest is looked at */
        pid_t child;
        int status;
        if (posix_spawn(&child, argv[1], &quiet, NULL, arguments, environ) != 0 ||
            waitpid(child, &status, 0) != child)
            return 98;
        if (!WIFEXITED(status) || WEXITSTATUS(status) > 6) {
            printf("round %d: status %x\n", round, status);
            return 1;
        }
        seen[WEXITSTATUS(status)]++;
        memcpy(page, copy, bytes);
    }
    printf("%d read, %d refused\n", seen[0], 300 - seen[0]);
    return seen[0] < 10 || seen[0] > 290;
}
END
# A tool that sees its own wrong reads, if the compiler has what that takes.
checked=$stat
sanitizers='-fsanitize=address,undefined -fno-sanitize-recover=all'
# shellcheck disable=SC2086 # a list of words
if echo 'int main(void) { return 0; }' | ${CC:-cc} -x c - -o try $sanitizers 2>/dev/null && ./try
then
    checked=$work/hakmem-stat-checked
    sources=$(find "$top_srcdir/tools/stat" "$top_srcdir/tools/common" -name '*.c' \
        ! -name 'screen.c' ! -name 'show_diff.c')
    ${CC:-cc} -std=gnu17 -g $sanitizers -DHAK_VERSION='"0"' -I"$top_srcdir/lib" \
        -I"$top_srcdir/tools" -o "$checked" "$top_srcdir/tools/hakmem-stat.c" \
        $sources "$top_srcdir/tools/profile/profile_none.c" "$top_srcdir/lib/conf/distance.c" \
        "$top_srcdir/lib/conf/value.c" "$top_srcdir/lib/base/format.c" \
        "$top_srcdir/lib/stats/stats.c" || complain 'the tool cannot be built with its checks on'
fi
ASAN_OPTIONS=exitcode=99
export ASAN_OPTIONS
for knob in yes no; do
    "$run" --no-inherit --stats=$knob ./hostile "$checked" >hostile.out 2>&1 ||
        complain "hostile, stats=$knob: $(cat hostile.out)"
done

# Another layout is said to be one.
compile other <<'END'
#include <string.h>
#include <sys/shm.h>
#include <unistd.h>
int main(void) {
    int id = shmget(IPC_PRIVATE, 65536, IPC_CREAT | 0600);
    char *page = shmat(id, 0, 0);
    shmctl(id, IPC_RMID, 0);
    memcpy(page, "libhakmem stats", 16);
    page[16] = 77;
    write(1, "ready\n", 6);
    pause();
}
END
start ./other
expect 5 '' "hakmem-stat: $pid: its libhakmem has another layout of counters" "$stat" "$pid"
stop
exit "$status"
