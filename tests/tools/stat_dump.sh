#!/bin/sh
# SPDX-License-Identifier: MIT
# The counters as text: the file of HAKMEM_STATS_FILE with %p, descriptors, what can't be written;
# hakmem_stats_write; and that nothing is said unless it is asked for.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"

expect 0 '' '' "$run" --stats true
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
expect 1 '' 'hakmem: stats_file cannot be written: no/such/file' \
    "$run" --log --stats-file=no/such/file false
expect 2 '' 'hakmem-run: HAKMEM_STATS_FILE=: not a text of 1 to 255 characters' \
    "$run" --stats-file= true
"$run" --stats-file=2 true 2>errors >out
[ ! -s out ] || complain 'standard output'
grep -q '^allocations [0-9]* blocks$' errors || complain "standard error: $(cat errors)"

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
    if (hakmem_stats_class(6, &stats) != 0 || stats.block_bytes != 112 || stats.live_blocks < 1)
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
grep -q '^resident_bytes [1-9][0-9]* bytes$' out || complain "inside: $(cat out)"
exit "$status"
