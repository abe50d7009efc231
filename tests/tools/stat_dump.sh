#!/bin/sh
# SPDX-License-Identifier: MIT
# The counters as text: the file of HAKMEM_STATS_FILE with %p, descriptors, what can't be written;
# hakmem_stats_write; and that nothing is said unless it is asked for.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"

expect 0 '' '' env HAKMEM_STATS=1 "$run" true
expect 0 '' '' "$run" --stats --summary=no true
expect 0 '' '' env HAKMEM_SUMMARY=no "$run" --stats true
expect 0 '' '' "$run" --stats-file=counters.%p sh -c 'exec true'
found=$(echo counters.*)
case $found in
counters.[0-9]*) ;;
*) complain "no file: $found" ;;
esac
awk 'NF != 3 && $1 != "pid" || $2 !~ /^[0-9]+$/ { exit 1 } END { exit NR < 30 }' "$found" ||
    complain "lines of $found: $(cat "$found")"
[ "$(sed -n 's/^pid //p' "$found")" -eq "${found#counters.}" ] || complain "pid in $found"
[ "$(stat -c %a "$found")" = 600 ] || complain "rights of $found"

# A file that is there is appended to; a link is not followed; a failure is not the program's.
echo old >kept
"$run" --stats-file=kept true
[ "$(head -n 1 kept)" = old ] || complain 'the file was overwritten'
ln -s target link
expect 1 '' '' "$run" --stats-file=link false
[ ! -e target ] || complain 'a link was followed'
expect 1 '' 'hakmem-run: stats_file=no/such/file cannot be written: No such file or directory
hakmem: stats_file cannot be written: no/such/file' \
    "$run" --log --stats-file=no/such/file false
expect 2 '' 'hakmem-run: --stats-file=: not a text of 1 to 255 characters' \
    "$run" --stats-file= true
"$run" --stats-file=2 true 2>errors >out
[ ! -s out ] || complain 'standard output'
grep -q '^allocations [0-9]* blocks$' errors || complain "standard error: $(cat errors)"

# summary FILE: the lines for people, of one process.
summary() {
    awk '
        NR == 1 { head = /^hakmem: [^ ]+ \(PID [0-9]+\) at exit$/ }
        NR == 2 { blocks = /^hakmem:   blocks    [0-9]+ allocated, [0-9]+ of them large; / \
            && $3 == $9 + $11 }
        NR == 3 { memory = /^hakmem:   memory    [0-9.]+ [KMG]iB: [0-9.]+ [KMG]*i*B allocated, / }
        NR == 4 { rest = /^hakmem:             [0-9.]+ [KMG]*i*B free in slabs, .* metadata$/ }
        NR == 5 { purged = /^hakmem:   purged    [0-9.]+ [KMG]*i*B in [0-9]+ purges; [0-9]+ page/ }
        NR == 6 { process = /^hakmem:   process   [0-9.]+ [MG]iB at its peak, [1-9][0-9]* page/ }
        length > 80 { wide = 1 }
        END { exit !(NR == 6 && head && blocks && memory && rest && purged && process && !wide) }
    ' "$1" ||
        complain "summary: $(cat "$1")"
}
"$run" --stats true 2>errors >out
summary errors
[ ! -s out ] || complain 'summary: standard output'
"$run" --summary sh -c 'exec ls /' 2>errors >out # ls closes standard error before it ends
summary errors
grep -q '^hakmem: ls (PID' errors || complain "exec: $(cat errors)"
result=0
"$run" --summary false 2>errors || result=$?
[ "$result" -eq 1 ] || complain "summary: status $result"
summary errors
# Where standard error led, and nowhere else.
compile closes <<'END'
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
    for (int fd = argc > 1 && strcmp(argv[1], "all") == 0 ? 2 : 3; fd < 1024; fd++)
        close(fd);
    for (int i = 0; i < 300; i++) /* other files under all these numbers */
        if (open("other", O_WRONLY | O_CREAT, 0600) < 0)
            return 1;
    free(malloc(100));
    return 0;
}
END
"$run" --summary ./closes 2>errors || complain 'closes'
summary errors
"$run" --summary ./closes all 2>errors || complain 'closes all'
[ ! -s errors ] || complain "all was closed: $(cat errors)"
[ ! -s other ] || complain "another file was written to: $(cat other)"
"$run" --summary sh -c 'exec true' 2>&- || complain 'no standard error'

# In the process; the same numbers from outside.
compile inside -I"$top_srcdir/lib" "$library" -Wl,-rpath,"$work/.libs" <<'END'
#include <hakmem.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void count(void *context, const char *name, const char *unit, uint64_t value) {
    (void)value;
    *(int *)context += *name && *unit;
}
int main(void) {
    uint64_t before, after;
    int names = 0;
    struct hakmem_class_stats stats;
    if (hakmem_stats_get("live_blocks", &before) != 0)
        return 1;
    void *block = hakmem_malloc(100);
    void *large = hakmem_malloc(1 << 20);
    if (hakmem_stats_get("live_blocks", &after) != 0 || after != before + 2)
        return 2;
    if (hakmem_stats_get("", &after) != ENOENT || hakmem_stats_class(80, &stats) != ENOENT)
        return 3;
    unsigned class = 0; /* the first blocks of a thread may be of a larger class than they need */
    while (hakmem_stats_class(class, &stats) == 0 && stats.block_bytes < hakmem_usable_size(block))
        class++;
    if (stats.block_bytes != hakmem_usable_size(block) || stats.live_blocks < 1)
        return 4;
    hakmem_stats_each(count, &names);
    hakmem_free(block);
    hakmem_free(large);
    if (hakmem_stats_write(1) != 0 || hakmem_stats_write(999) != EBADF)
        return 5;
    return names < 30 ? 6 : 0;
}
END
./inside >out || complain "inside: $?"
grep -q '^held_bytes [1-9][0-9]* bytes$' out || complain "inside: $(cat out)"
exit "$status"
