#!/bin/sh
# SPDX-License-Identifier: MIT
# Crash-only: processes with HAKMEM_STATS=1 are killed at 240 random moments of their lives, most of
# them while they start, fork or make threads. Whoever starts next, and hakmem-stat, find no
# segment, file or lock that is in their way; segments of other users are let alone.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"
# shellcheck source=tests/tools/stat_common.sh
. "$top_srcdir/tests/tools/stat_common.sh"

compile worker -pthread <<'END'
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void *work(void *unused) {
    for (unsigned i = 0; i < 3000; i++)
        free(malloc(i * 97 % 100000));
    return unused;
}
int main(void) {
    for (;;) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, NULL) == 0)
            pthread_join(thread, NULL);
        if (fork() == 0) {
            free(malloc(100));
            _exit(0);
        }
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
}
END

# Starts the worker again and again, kills it after up to 8 ms, and prints its process ID.
compile killer <<'END'
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
int main(int count, char **arguments) {
    uint64_t random = 88172645463325252u + (uint64_t)getpid();
    char *const command[] = {"./worker", NULL};
    for (int i = 0; count == 2 && i < atoi(arguments[1]); i++) {
        pid_t pid;
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        if (posix_spawn(&pid, command[0], NULL, NULL, command, environ) != 0)
            return 1;
        usleep((useconds_t)(random % (i % 4 ? 8000 : 1500)));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        printf("%d\n", pid);
    }
    return 0;
}
END

# Everything that a killed process could have left on a file system that it can write to.
files() {
    find . /dev/shm -maxdepth 1 ! -name pids ! -name before ! -name after ! -name killer.err
}

files >before
HAKMEM_STATS=1 LD_PRELOAD=$library ./killer 240 >pids 2>killer.err || complain "killer: status $?"
[ "$(wc -l <pids)" -eq 240 ] || complain "$(wc -l <pids) kills"
[ ! -s killer.err ] || complain "the killed said: $(head -n 3 killer.err)"
files >after
diff before after || complain 'files are left behind'

# left: segments made by the killed, by their kind of size: process IDs come again. Their children
# are gone soon.
left() {
    awk -v page="$(getconf PAGESIZE)" 'NR == FNR { ours[$1] = 1; next }
        $5 in ours && $1 == 0 && $4 % page == page - 61 { print $2, $7 }' pids /proc/sysvipc/shm
}
for turn in $(seq 300); do
    expect 0 '' '' "$run" --stats --summary=no true # sweeps
    [ -n "$(left)" ] || break
    sleep 0.2
done
[ -z "$(left)" ] || complain "segments of killed processes after $turn starts: $(left)"

start "$run" --stats ./target
"$stat" "$pid" >stat.out 2>&1 || complain "hakmem-stat: status $?: $(cat stat.out)"
grep -q target stat.out || complain "hakmem-stat: $(cat stat.out)"
stop
gone=$(tail -n 1 pids)
expect 6 '' "hakmem-stat: $gone: no such process, or it has ended" "$stat" "$gone"

# What another user made to look like ours is not root's to sweep up.
if [ "$(id -u)" -eq 0 ]; then
    compile litter <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>
int main(int count, char **arguments) {
    printf("%d\n", shmget(IPC_PRIVATE, (size_t)atol(arguments[1]), 0600));
    return count != 2;
}
END
    id=$(setpriv --reuid 65534 --regid 65534 --clear-groups \
        ./litter "$(($(getconf PAGESIZE) - 61))")
    expect 0 '' '' "$run" --stats --summary=no true
    awk '{ print $2 }' /proc/sysvipc/shm | grep -qx "$id" ||
        complain "another user's segment is gone"
    ipcrm -m "$id" 2>/dev/null || :
fi
exit "$status"
