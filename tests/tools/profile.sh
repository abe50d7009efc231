#!/bin/sh
# SPDX-License-Identifier: MIT
# The heap profile: leaks of known places to the byte, pprof's format as protoc reads it, estimates
# from samples, threads, fork, exec, processes that run or are stopped, probes, and what fails.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"
stat=$work/hakmem-stat
cp "${top_builddir:?}/hakmem-stat" "$stat"
# shellcheck disable=SC2154 # set by common.sh
trap 'kill -CONT $started 2>/dev/null || :; kill $started 2>/dev/null || :; rm -rf "$work"' EXIT
started=''
here=$top_srcdir/tests/tools
if "$stat" --profile 1 2>&1 | grep -q 'without libdw'; then
    echo 'hakmem-stat was built without libdw'
    exit 77
fi
command -v protoc >/dev/null || { echo 'no protoc'; exit 77; }

# What it does is the letters of its argument, in their order.
compile program -O1 -fno-builtin -fno-inline -pthread <<'END'
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
void *kept[3000];
int count;
void small(void) { for (int i = 0; i < 10; i++) kept[count++] = malloc(100); }
void zeroed(void) { for (int i = 0; i < 5; i++) kept[count++] = calloc(3, 1000); }
void large(void) { kept[count++] = realloc(malloc(10), 300000); }
void aligned(void) { kept[count++] = aligned_alloc(4096, 8192); }
void freed(void) { for (int i = 0; i < 500; i++) free(malloc((size_t)i * 50)); }
void *take_away(void *none) {
    while (count)
        free(kept[--count]);
    kept[count++] = malloc(77);
    return none;
}
void *in_thread(void *none) { small(); return none; }
void other(void *(*routine)(void *)) {
    pthread_t thread;
    pthread_create(&thread, NULL, routine, NULL);
    pthread_join(thread, NULL);
}
void most(void) { for (int i = 0; i < 75000; i++) free(malloc(1000)); }
void some(void) { for (int i = 0; i < 1000; i++) kept[count++] = malloc(25000); }
void in_place(void) {
    void *block = malloc(100);
    if (realloc(block, malloc_usable_size(block)) != block)
        abort();
    free(block);
}
void forking(void) {
    if (fork() == 0) { while (count) free(kept[--count]); small(); _exit(0); }
    wait(NULL);
}
int main(int argc, char **argv) {
    for (const char *at = argc > 1 ? argv[1] : ""; *at; at++)
        switch (*at) {
        case 's': small(); break;
        case 'z': zeroed(); break;
        case 'l': large(); break;
        case 'a': aligned(); break;
        case 'f': freed(); break;
        case 't': other(take_away); break;
        case 'i': other(in_thread); break;
        case 'm': most(); break;
        case 'o': some(); break;
        case 'k': forking(); break;
        case 'p': in_place(); break;
        case 'q': _exit(3);
        case 'x': abort();
        case 'w': for (;;) { most(); usleep(1000); }
        }
    return 7;
}
END

# live STATUS WANTED ARGUMENT: what the program leaves live, by function, in the order of bytes.
# What libc keeps of a thread isn't its own.
live() {
    got=0
    "$run" --leaks --sample-mean=1 ./program "$3" >out 2>leaks || got=$?
    [ "$got" -eq "$1" ] || complain "$3: exit status $got, not $1: $(cat leaks)"
    found=$(awk '/ bytes in .* sampled$/ { facts = $1 "/" $4; getline
        if ($2 == "program") print $1 ":" facts }' leaks | tr '\n' ' ')
    [ "$found" = "$2 " ] || complain "$3: live: $found, not $2: $(cat leaks)"
}
live 7 'large:300000/1 zeroed:15000/5 aligned:8192/1 small:1000/10' szlaf
grep -q '^program (PID [0-9]*): 324192 bytes in 17 blocks are live$' leaks ||
    complain "the sum: $(head -n 1 leaks)"
awk '/ bytes in .* sampled$/ { getline; getline; if ($1 != "main") exit 1 }' leaks ||
    complain "not called by main: $(cat leaks)"
live 7 'take_away:77/1' szlt
live 7 'small:1000/10' i
live 7 'zeroed:15000/5 small:1000/10' szk
live 3 'small:1000/10' spq
got=0
"$run" --leaks --sample-mean=1 sh -c 'exec ./program s' 2>leaks || got=$?
[ "$got" -eq 7 ] || complain "exec: exit status $got"
grep -q '^1000 bytes in 10 blocks, 10 sampled$' leaks || complain "exec: $(cat leaks)"
got=0
prlimit --core=0 "$run" --leaks --sample-mean=1 ./program sx 2>leaks || got=$?
[ "$got" -eq 134 ] || complain "abort: exit status $got"
grep -q '^    small' leaks || complain "abort: $(cat leaks)"

# Every block, more than the process has room for, from four threads at once, and many of them live:
# nothing is lost, and the sums are exact.
compile many -O1 -fno-builtin -fno-inline -pthread <<'END'
#include <pthread.h>
#include <stdlib.h>
enum { THREADS = 4, BLOCKS = 40000 };
static void *kept[THREADS][BLOCKS];
void *stay(int i) { return malloc(10 + i % 7); }
void *go(void) { return malloc(1000); }
static void *work(void *own) {
    void **mine = own;
    for (int i = 0; i < BLOCKS; i++) {
        mine[i] = stay(i);
        if (i % 2)
            free(go());
    }
    return NULL;
}
int main(void) {
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, work, kept[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    return 0;
}
END
exact='^ *2079980 bytes in 160000 blocks, 160000 sampled$'
"$run" --leaks --sample-mean=1 ./many 2>leaks || complain "many: $?"
grep -A 1 "$exact" leaks | grep -q '^    stay ' || complain "many: $(head -n 8 leaks)"
grep -q 'lost' leaks && complain "many: $(grep lost leaks)"
# A reader that does not read for a while: the program waits for it.
"$run" --profile=many.txt --sample-mean=1 ./many 2>errors &
reader=$!
started="$started $reader"
until [ "$(cat "/proc/$reader/comm")" = hakmem-stat ]; do
    sleep 0.01
done
kill -STOP "$reader"
sleep 0.5
kill -CONT "$reader"
wait "$reader" || complain "stopped reader: $?"
grep -q "$exact" many.txt || complain "stopped reader: $(head -n 8 many.txt)"
grep -q lost errors many.txt && complain "stopped reader: $(cat errors)"

# read FILE: what an independent reader finds in it, in ./found.
read_profile() {
    gzip -dc "$1" | protoc --decode=pprof.Profile --proto_path="$here" profile.proto >decoded ||
        complain "$1: protoc cannot read it"
    awk -f "$here/profile.awk" decoded | sort >found
    ! grep '^wrong' found || complain "$1: see above"
}
# near NAME COLUMN WANTED PERCENT
near() {
    awk -v name="$1" -v column="$2" -v wanted="$3" -v percent="$4" '
        $1 == "function" && $2 == name { value = $column; there = 1 }
        END { off = value / wanted - 1; exit !(there && off * off <= percent * percent / 10000) }' \
        found || complain "$1: column $2 is not within $4 % of $3: $(cat found)"
}
got=0
"$run" --profile=program.pb.gz --sample-mean=128k ./program mo 2>errors || got=$?
[ "$got" -eq 7 ] || complain "exit status $got: $(cat errors)"
grep -q '^hakmem-stat: program.pb.gz: [0-9]* samples of program, [0-9.]* s$' errors ||
    complain "said: $(cat errors)"
read_profile program.pb.gz
for line in 'type alloc_objects count' 'type alloc_space bytes' 'type inuse_objects count' \
    'type inuse_space bytes' 'period 131072'; do
    grep -qx "$line" found || complain "missing: $line"
done
# About 570 and 190 samples, all of which fit the ring: four standard deviations are 17 % and 27 %.
near most 3 75000 17
near most 4 75000000 17
near some 3 1000 27
near some 5 1000 27
near some 6 25000000 27
near main 4 100000000 15
[ "$(sed -n 's/^function most [0-9]* [0-9]* //p' found)" = '0 0' ] || complain 'most is live'
wanted=$("$READELF" -n "$(command -v ./program)" | sed -n 's/.*Build ID: //p')
[ -z "$wanted" ] || grep -q "^build-id $wanted .*/program\$" found || complain 'build-id'
"$run" --profile=again.pb.gz --sample-mean=128k ./program mo 2>errors || :
mv found first
read_profile again.pb.gz
diff first found || complain 'the same run gave other samples'
"$run" --profile=program.svg --sample-mean=128k ./program mo 2>errors || :
grep -q '^<g><title>some: .* MiB, 100.0 %</title>' program.svg || complain 'the live flame graph'
grep -q '^<g><title>most: .* MiB, [0-9.]* %</title>' program.svg || complain 'the other graph'
awk '/<g>/ { open++ } /<\/g>/ { open-- } END { exit open || $0 != "</svg>" }' program.svg ||
    complain 'program.svg is not whole'

# Until the reader says that it has begun.
await_reader() {
    for _ in $(seq 600); do
        ! grep -q '^hakmem-stat: sampling ' errors 2>/dev/null || return 0
        sleep 0.05
    done
    complain "not begun: $(cat errors)"
}

# A running process, twice, with and without a segment, and a stopped one.
for knobs in HAKMEM_STATS=1 HAKMEM_STATS=0; do
    env "$knobs" HAKMEM_SAMPLE_MEAN=64k "$run" ./program sw &
    pid=$!
    started="$started $pid"
    for i in 1 2; do
        tries=0
        until "$stat" --profile --output=running.pb.gz "$pid" 0.3 2>errors &&
            ! grep -q ': 0 samples' errors; do
            tries=$((tries + 1))
            [ "$tries" -lt 50 ] || { complain "$knobs: $(cat errors)"; break; }
            sleep 0.1
        done
        read_profile running.pb.gz
        grep -q '^function most [1-9]' found || complain "$knobs, look $i: $(cat found)"
        ! grep -q '^function small' found || complain "$knobs: samples of before"
    done
    # Every block, and to standard output; then as before.
    "$stat" --profile --sample-mean=1 --output=- "$pid" 0.3s >every.pb.gz 2>errors ||
        complain "$knobs, every block: $(cat errors)"
    grep -q "^hakmem-stat: sampling program (PID $pid) for 0.3 s$" errors ||
        complain "$knobs: not said: $(cat errors)"
    grep -q '^hakmem-stat: standard output: [0-9]* samples of program' errors ||
        complain "$knobs: $(cat errors)"
    grep -q lost errors && complain "$knobs: $(cat errors)"
    # It ends although the process never does: what it takes while we read is not the profile's.
    sed -n 's/.* samples of program, \([0-9]*\)\.[0-9] s$/\1/p' errors |
        awk '$1 > 60 { long = 1 } END { exit long || !NR }' || complain "$knobs: $(cat errors)"
    read_profile every.pb.gz
    grep -qx 'period 1' found || complain "$knobs: $(grep period found)"
    awk '$1 == "function" && $2 == "most" && $4 == 1000 * $3 { exact = 1 } END { exit !exact }' \
        found || complain "$knobs: not exact: $(cat found)"
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        "$stat" --profile --output=running.pb.gz "$pid" 0.3 2>errors || complain "$knobs: again"
        grep -q ': 0 samples' errors || break
    done
    read_profile running.pb.gz
    ! grep -qx 'period 1' found || complain "$knobs: still every block"
    "$stat" --profile "$pid" "$pid" >out 2>&1 && complain 'a second process was taken for seconds'
    grep -q "^hakmem-stat: --profile takes one process, and $pid is one, too" out ||
        complain "a second process: $(cat out)"
    kill -STOP "$pid"
    until grep -q '^State:[[:space:]]*T' "/proc/$pid/status"; do
        sleep 0.1
    done
    "$stat" --profile --output=stopped.pb.gz "$pid" 0.2 2>errors || complain "stopped: $?"
    grep -q ': 0 samples of program, .*(it allocated too little, or is stopped)$' errors ||
        complain "stopped: $(cat errors)"
    kill -CONT "$pid"
    # It ends with the process, and by a signal.
    rm -f errors
    "$stat" --profile --output=ended.pb.gz "$pid" 2>errors &
    reader=$!
    await_reader
    kill -INT "$reader" 2>/dev/null || kill -TERM "$reader"
    kill -TERM "$reader" 2>/dev/null || :
    wait "$reader" || complain "a signal: status $?"
    grep -q 'samples of program' errors || complain "a signal: $(cat errors)"
    rm -f errors
    "$stat" --profile --output=ended.pb.gz "$pid" 2>errors &
    reader=$!
    await_reader
    kill "$pid"
    wait "$reader" || complain "the process ended: status $?: $(cat errors)"
done

# The probes: their notes, and that a listener starts the sampling.
"$READELF" -n "$library" >notes
for name in alloc free; do
    grep -A 3 'Provider: otel_memory' notes | grep -q "Name: $name\$" || complain "no probe $name"
done
semaphore=$(sed -n '/Name: alloc$/,/Semaphore/s/.*Semaphore: //p' notes)
compile listener -fno-builtin <<'END'
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* Blocks that are sampled are large ones. */
static int sampled(void) {
    static void *block[20000];
    int before = mallinfo2().hblks;
    for (int i = 0; i < 20000; i++)
        block[i] = malloc(100);
    int count = mallinfo2().hblks - before;
    for (int i = 0; i < 20000; i++)
        free(block[i]);
    return count;
}
int main(int argc, char **argv) {
    char line[4096];
    unsigned long base = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (!base && fgets(line, sizeof line, maps))
        if (strstr(line, "libhakmem.so"))
            base = strtoul(line, NULL, 16);
    volatile unsigned short *listeners = (void *)(base + strtoul(argv[argc - 1], NULL, 16));
    int before = sampled();
    ++*listeners;
    sampled();
    int during = sampled();
    --*listeners;
    sampled();
    return before != 0 || during == 0 || sampled() != 0;
}
END
"$run" --sample-mean=4k ./listener "$semaphore" || complain "a listener: $?"

# What fails.
expect 2 '' 'hakmem-stat: --profile takes a PID and a number of seconds (see hakmem-stat --help)' \
    "$stat" --profile
hint='(see hakmem-stat --help)'
expect 2 '' "hakmem-stat: x: not a number of seconds from 0.05 to 1000000 $hint" \
    "$stat" --profile 1 x
expect 2 '' "hakmem-stat: --sample-mean 0: not a size from 1 to 1g $hint" \
    "$stat" --profile --sample-mean 0 1
expect 2 '' "hakmem-stat: -m goes with --profile $hint" "$stat" -m 1 1
expect 3 '' "hakmem-stat: $$: not on libhakmem" "$stat" --profile $$ 1
expect 6 '' 'hakmem-stat: 4194305: no such process, or it has ended' "$stat" --profile 4194305 1
expect 127 '' 'hakmem-run: no-such-program: No such file or directory' \
    "$run" --leaks no-such-program
got=0
"$run" --profile=no/such/file true 2>errors || got=$?
[ "$got" -eq 1 ] || complain "an unwritable file: status $got"
grep -q '^hakmem-stat: no/such/file: No such file or directory$' errors ||
    complain "an unwritable file: $(cat errors)"
exit "$status"
