#!/bin/sh
# SPDX-License-Identifier: MIT
# hakmem-stat and what others plant: its reader with changed snapshots under sanitizers; a process
# that names somebody else's segment as its page for wishes; processes that are killed at any moment
# while their statistics are on, of which nothing stays behind.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"
# shellcheck source=tests/tools/stat_common.sh
. "$top_srcdir/tests/tools/stat_common.sh"

# The tool's own files but for the one that finds the process; SEED= and ROUNDS= make other runs.
sanitizers='-fsanitize=address,undefined -fno-sanitize-recover=all'
sources=
for file in stat/reader stat/snapshot stat/snapshot_slabs stat/show stat/show_formats \
    stat/show_process stat/show_tables stat/stat_options common/complain common/option \
    common/output common/proc; do
    sources="$sources $top_srcdir/tools/$file.c"
done
sources="$sources $top_srcdir/lib/conf/distance.c $top_srcdir/lib/conf/value.c"
sources="$sources $top_srcdir/lib/base/format.c"
# shellcheck disable=SC2086 # lists of words
if echo 'int main(void) { return 0; }' | $CC -x c - -o try $sanitizers 2>/dev/null && ./try; then
    $CC -std=gnu17 -D_GNU_SOURCE= -O1 -g -w $sanitizers '-DHAK_VERSION="0"' \
        -I"$top_srcdir/lib" -I"$top_srcdir/tools" -o reader "$top_srcdir/tests/fuzz/reader.c" \
        $sources "$top_srcdir/lib/stats/stats.c"
    start "$run" --stats ./target
    ./reader "$pid" "${SEED:-1}" "${ROUNDS:-800}" >reader.out 2>&1 ||
        complain "reader: $(cat reader.out)"
    stop
else
    echo 'no sanitizers: the reader was not tried with changed snapshots'
fi

# A process of another user shows a segment of its own as its counters and names a segment of root
# as the page for wishes: root's --purge must not write there.
compile planter -I"$top_srcdir/lib" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <unistd.h>
#include "stats/layout.h"
int main(int count, char **arguments) {
    int id = shmget(IPC_PRIVATE, 65536, IPC_CREAT | 0600);
    struct hak_stats_header *header = shmat(id, 0, 0);
    shmctl(id, IPC_RMID, 0);
    memcpy(header->magic, HAK_STATS_MAGIC, 16);
    header->layout = HAK_STATS_LAYOUT;
    header->kind = HAK_STATS_SHARED;
    header->control_id = atoi(arguments[1]);
    header->rows.count = 1;
    write(1, "ready\n", 6);
    pause();
    return count;
}
END
compile victim <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <unistd.h>
/* Makes a segment and says its number; with a number, prints what is in it and removes it. */
int main(int count, char **arguments) {
    int id = count > 1 ? atoi(arguments[1]) : shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    unsigned *page = shmat(id, 0, 0);
    printf("%u\n", count > 1 ? *page : (unsigned)id);
    if (count > 1)
        shmctl(id, IPC_RMID, 0);
    return 0;
}
END
if [ "$(id -u)" -eq 0 ]; then
    id=$(./victim)
    start setpriv --reuid 65534 --regid 65534 --clear-groups ./planter "$id"
    "$stat" --purge "$pid" >purge.out 2>&1 || :
    stop
    seen=$(./victim "$id")
    [ "$seen" = 0 ] || complain "--purge wrote $seen into a segment of another user"
fi

# Killed at any moment of their lives, also in the middle of their start.
compile worker -pthread <<'END'
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
static void *work(void *unused) {
    for (unsigned i = 0;; i++)
        free(malloc(i * 97 % 100000));
    return unused;
}
int main(void) {
    for (;;) {
        pthread_t thread;
        pthread_create(&thread, NULL, work, NULL);
        usleep(1000);
        if (fork() == 0)
            _exit(0);
    }
}
END
pids=
for turn in 1 2 3 4 5 6 7 8 9 10 11 12; do
    HAKMEM_STATS=1 LD_PRELOAD=$library ./worker &
    pid=$!
    pids="$pids $pid"
    started="$started $pid"
    sleep "0.0$((turn * 7 % 12))"
    "$stat" "$pid" >stat.out 2>&1 || : # it may not have begun
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || :
    [ "$turn" -gt 3 ] ||
        expect 6 '' "hakmem-stat: $pid: no such process, or it has ended" "$stat" "$pid"
done
# A kill between the two system calls that make a segment and mark it for removal leaves it; whoever
# starts next sweeps it up, and nothing that isn't ours.
compile litter <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>
#include <unistd.h>
int main(int count, char **arguments) {
    printf("%d %d\n", getpid(), shmget(IPC_PRIVATE, (size_t)atol(arguments[1]), 0600));
    return count == 0;
}
END
read -r killed ours <<END
$(./litter "$(($(getconf PAGESIZE) - 61))")
END
read -r other theirs <<END
$(./litter "$(getconf PAGESIZE)")
END
"$run" --stats ./litter 4096 >another.out
ids=$(awk '{ print $2 }' /proc/sysvipc/shm)
echo "$ids" | grep -qx "$theirs" || complain "the segment of process $other was swept up"
! echo "$ids" | grep -qx "$ours" || complain "the segment of process $killed is still there"
ipcrm -m "$theirs" -m "$(sed 's/.* //' another.out)"
left=$(awk -v pids="$pids" 'BEGIN { split(pids, list); for (i in list) ours[list[i]] = 1 }
    $5 in ours' /proc/sysvipc/shm)
[ -z "$left" ] || complain "segments of killed processes: $left"
exit "$status"
