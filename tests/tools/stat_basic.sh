#!/bin/sh
# SPDX-License-Identifier: MIT
# hakmem-stat's manners: help and version on standard output in 80 columns, one line for each wrong
# usage, documented exit statuses, forms that independent readers take.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"
# shellcheck source=tests/tools/stat_common.sh
. "$top_srcdir/tests/tools/stat_common.sh"

for option in --help -h --version -V; do
    "$stat" "$option" >out 2>errors || complain "$option: exit status $?"
    [ -s out ] || complain "$option: prints nothing"
    [ ! -s errors ] || complain "$option: complains"
    awk 'length > 80 { exit 1 }' out || complain "$option: wider than 80 columns"
done
expect 1 '' 'hakmem-stat: cannot write to standard output: No space left on device' \
    sh -c '"$1" --help >/dev/full' sh "$stat"
hint='(see hakmem-stat --help)'
expect 2 '' "hakmem-stat: no process given $hint" "$stat" --json
expect 2 '' "hakmem-stat: --all takes no process $hint" "$stat" --all 1
expect 2 '' "hakmem-stat: --diff takes two files $hint" "$stat" --diff one
expect 2 '' 'hakmem-stat: unknown option --jsno (nearest: --json)' "$stat" --jsno 1
expect 2 '' "hakmem-stat: unknown option -x $hint" "$stat" -x 1
expect 2 '' "hakmem-stat: option --json takes no value $hint" "$stat" --json=1 1
expect 2 '' "hakmem-stat: option --sort needs a value $hint" "$stat" --sort
expect 2 '' 'hakmem-stat: unknown option --jsno (nearest: --json)' "$stat" 1 --jsno=2
expect 2 '' "hakmem-stat: option --json takes no value $hint" "$stat" 1 --json=1
expect 2 '' "hakmem-stat: option --sort needs a value $hint" "$stat" 1 --sort
expect 2 '' "hakmem-stat: unknown option --xyzzy $hint" "$stat" --xyzzy
expect 2 '' 'hakmem-stat: option --pr is ambiguous: --prometheus, --profile' "$stat" --pr 1
keys='tid, name, allocated, freed, cached, slabs or rate'
list_keys='pid, name, resident, live, waste, threads or trend'
expect 2 '' "hakmem-stat: --sort size: not $keys, nor $list_keys $hint" "$stat" --sort=size 1
expect 2 '' "hakmem-stat: -s size: not $keys, nor $list_keys $hint" "$stat" 1 -s size
expect 2 '' "hakmem-stat: --sort rate: not $list_keys $hint" "$stat" --sort rate
expect 2 '' "hakmem-stat: --sort trend: not $keys $hint" "$stat" --sort trend 1
expect 2 '' "hakmem-stat: --count 0: not a number above 0 $hint" "$stat" --count=0 1
range='not a number of seconds from 0.05 to 86400'
expect 2 '' "hakmem-stat: -i 0: $range $hint" "$stat" -i 0 1
expect 2 '' "hakmem-stat: -i 0: $range $hint" "$stat" -i0 1
expect 2 '' "hakmem-stat: --inter 0: $range $hint" "$stat" --inter 0 1
expect 2 '' "hakmem-stat: --json and -c: one of them at a time $hint" "$stat" --json -c 1
# What would have no effect is refused.
expect 2 '' "hakmem-stat: -i goes with --watch or --csv $hint" "$stat" -i 2 1
expect 2 '' "hakmem-stat: --count goes with --watch or --csv $hint" "$stat" --json --count=2 1
expect 2 '' "hakmem-stat: --sort goes with tables of threads or processes $hint" \
    "$stat" --json --sort=rate 1
expect 2 '' "hakmem-stat: --leaks goes with --profile $hint" "$stat" --leaks 1
expect 2 '' "hakmem-stat: --interval needs --count with --csv $hint" "$stat" -c --interval=2 1

gone='no such process, or it has ended'
expect 6 '' "hakmem-stat: 2147483647: $gone" "$stat" 2147483647
expect 6 '' "hakmem-stat: 0: $gone" "$stat" 0
expect 6 '' "hakmem-stat: 99999999999: $gone" "$stat" 99999999999
expect 6 '' 'hakmem-stat: no-such-name: no process of this name' "$stat" no-such-name
sleep 60 &
other=$!
started="$started $other"
until_comm "$other" sleep
expect 3 '' "hakmem-stat: $other: not on libhakmem" "$stat" "$other"
expect 1 "sleep (PID $other): not on libhakmem" '' "$stat" --check "$other"
expect 1 '' 'hakmem-stat: none.json: No such file or directory' "$stat" --diff none.json none.json
echo '{"schema":"other","a":1}' >other.json
reason='not written by hakmem-stat --json (schema hakmem-stat-1)'
expect 1 '' "hakmem-stat: other.json: $reason" "$stat" --diff other.json other.json
printf '{"schema":"hakmem-stat-1","a":[[[[[[[[[[[[[[[[[[[[' >deep.json
expect 1 '' "hakmem-stat: deep.json: $reason" "$stat" --diff deep.json deep.json

start "$run" --stats ./target
"$stat" "$pid" >text || complain "text: $?"
awk 'length > 80 { exit 1 }' text || complain 'text: wider than 80 columns'
grep -q "^target (PID $pid), libhakmem" text || complain 'text: no heading'
grep -q ' alpha ' text || complain 'text: no thread alpha'
"$stat" target >by-name 2>errors || : # another process of that name may end meanwhile
grep -q "(PID $pid)" by-name || complain 'by name: another process'
"$stat" --all | grep -q "(PID $pid)" || complain '--all: not there'
"$stat" --check "$pid" >check || complain "--check: $?"
grep -q '^  stats  *yes  *environment$' check || complain '--check: knob stats'
grep -q '^  purge  *yes  *default$' check || complain '--check: knob purge'
"$stat" --frag "$pid" | grep -q 'mostly of the size classes 208' ||
    complain "--frag names no class: $("$stat" --frag "$pid")"

# The sums, by another program's arithmetic.
"$stat" --json "$pid" >json || complain '--json'
for counter in allocations own_frees remote_frees slabs refills carved; do
    [ "$(value ".total.$counter")" = "$(value "[.threads[].$counter] | add")" ] ||
        complain "$counter: sum over threads"
done
for counter in allocations own_frees remote_frees slabs blocks_out slab_bytes; do
    [ "$(value ".total.$counter")" = "$(value "[.classes[].$counter] | add")" ] ||
        complain "$counter: sum over classes"
done
[ "$(value .figures.allocated_bytes)" = \
    "$(value '([.classes[] | .live_blocks * .size] | add) + .process.large_bytes')" ] ||
    complain 'allocated_bytes'
parts='.figures.allocated_bytes + .figures.cached_bytes + .figures.free_bytes +
    .figures.slack_bytes + .process.dirty_bytes + .process.metadata_bytes'
[ "$(value .figures.held_bytes)" = "$(value "$parts")" ] ||
    complain 'held_bytes is not the sum of its parts'
[ "$(value '[.threads[] | select(.name == "beta \"q\"")] | length')" = 1 ] ||
    complain "thread names: $(value '.threads[].name')"
# The first blocks of a thread may be of a larger class.
[ "$(value '[.classes[] | select(.size >= 208) | .live_blocks] | add >= 2000')" = true ] ||
    complain 'live blocks of 208 bytes and more'
[ "$(value '.classes[] | select(.size == 208) | .live_blocks >= 1900')" = true ] ||
    complain 'live blocks of 208 bytes'

# Slabs by how full they are: all of them, each once.
if [ "$(value '.classes[0] | has("slabs_below_25")')" = true ]; then
    parts='.slabs_below_25 + .slabs_below_50 + .slabs_below_75 + .slabs_above_75'
    [ "$(value "[.classes[] | select($parts != .slabs) | .size] | length")" -eq 0 ] ||
        complain "slabs by use: $(value ".classes[] | select($parts != .slabs)")"
    "$stat" --frag "$pid" | grep -q 'OCCUPIED <25% <50% <75% MORE$' ||
        complain '--frag: no parts'
    compile sparse <<'END'
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>
int main(void) {
    static void *volatile blocks[6000];
    for (int i = 0; i < 6000; i++)
        blocks[i] = malloc(1000);
    for (int i = 0; i < 6000; i++)
        if (i % 20)
            free(blocks[i]);
    malloc_trim(0);
    write(1, "ready\n", 6);
    pause();
}
END
    stop
    start "$run" --stats ./sparse
    "$stat" --json "$pid" >sparse.json || complain "sparse: $?"
    # 6000 blocks of 1024 bytes are 94 slabs; 300 of them, in most of the slabs, are left.
    jq -e '.classes[] | select(.size == 1024) | .slabs_below_25 > 80 and .slabs_above_75 < 5' \
        sparse.json >/dev/null ||
        complain "sparse: $(jq '.classes[] | select(.size == 1024)' sparse.json)"
    stop
    start "$run" --stats ./target
    "$stat" --json "$pid" >json || complain '--json again'
fi

# The age and the memory of the process are the kernel's, with and without HAKMEM_STATS: blocks that
# nobody touched are held, and not resident.
stop
compile untouched <<'END'
#include <stdlib.h>
#include <unistd.h>
int main(void) {
    static void *volatile block;
    block = malloc(500 << 20);
    write(1, "ready\n", 6);
    pause();
}
END
for knob in yes no; do
    start "$run" --stats=$knob ./untouched
    "$stat" --json "$pid" >json || complain "untouched, stats=$knob: $?"
    [ "$(value '.resident_bytes < 50000000 and .figures.held_bytes > 500000000')" = true ] ||
        complain "untouched: $(value '[.resident_bytes, .figures.held_bytes]')"
    age=$(value '.time - .started')
    { [ "$age" -ge 0 ] && [ "$age" -lt 600 ]; } || complain "stats=$knob: $age s old"
    "$stat" "$pid" >text || complain "untouched: $?"
    grep -q ', up [0-9]* s, counters from ' text || complain "stats=$knob: $(sed -n 1p text)"
    sed -n 's/^  resident  *\([0-9.]*\) MiB .*/\1/p' text |
        awk '$1 > 50 { large = 1 } END { exit large || !NR }' ||
        complain "untouched: $(cat text)"
    stop
done
start "$run" --stats ./target
"$stat" --json "$pid" >json || complain '--json once more'

# What changes, and nothing else: 1000 frees of another thread's blocks.
cp json before.json
order f
"$stat" --json "$pid" >after.json
"$stat" --diff before.json after.json >changes || complain '--diff'
awk '$1 == "total.remote_frees" && $4 == "+1000" { found = 1 } END { exit !found }' changes ||
    complain "--diff: $(cat changes)"
awk '$1 == "figures.live_blocks" && $4 == "-1000" { found++ }
    $1 == "classes.208.live_blocks" && $4 <= -950 && $4 >= -1000 { found++ }
    END { exit found != 2 }' changes ||
    complain "--diff: $(cat changes)"

# CSV: as many cells everywhere; a series.
"$stat" --csv --count=3 --interval=0.1 "$pid" >csv || complain '--csv'
[ "$(wc -l <csv)" -eq 4 ] || complain "--csv: $(wc -l <csv) lines"
awk -F, 'NR > 1 { if ($1 <= last || $1 !~ /^[0-9]+\.[0-9][0-9][0-9]$/) exit 1; last = $1 }' csv ||
    complain "--csv: times: $(cut -d, -f1 csv)"
[ "$(awk -F, '{ print NF }' csv | sort -u | wc -l)" -eq 1 ] || complain '--csv: cells'

# Prometheus's text format, strictly: HELP and TYPE before samples, once; no metric in two places.
"$stat" --prometheus "$pid" "$pid" >metrics 2>errors || complain "--prometheus: $(cat errors)"
"$stat" --prometheus "$pid" >metrics
awk -f "$top_srcdir/tests/tools/prometheus.awk" metrics || complain '--prometheus: not valid'
# And by readers that others wrote.
if python3 -c 'import prometheus_client' 2>/dev/null; then
    python3 "$top_srcdir/tests/tools/prometheus.py" <metrics >parsed || complain 'prometheus.py'
    [ "$(cat parsed)" = "$(grep -c '^# TYPE' metrics) $(grep -vc '^#' metrics)" ] ||
        complain "prometheus.py read $(cat parsed)"
fi
if command -v promtool >/dev/null; then
    "$stat" --prometheus "$pid" | promtool check metrics >said 2>&1 ||
        complain "promtool: $(cat said)"
fi
grep -q "^hakmem_class_allocations_total{pid=\"$pid\",program=\"target\",class=\"208\"} [0-9]*$" \
    metrics || complain '--prometheus: no class 208'
stop
exit "$status"
