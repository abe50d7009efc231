#!/bin/sh
# SPDX-License-Identifier: MIT
# hakmem-run --compare: who takes part, the proof of the preload, what is claimed and what isn't,
# input, output, exit statuses, signals, and that nothing stays behind.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"
TMPDIR=$work/tmp
export TMPDIR
mkdir tmp
compare() {
    "$run" --compare "$@"
}
# fields PATH: of the object in ./json
fields() {
    jq -r "$1" json
}

# An allocator that never frees, and says nothing of it; a library that is no allocator.
compile libgreedy.so -shared -fPIC <<'END'
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
static char *next, *end;
void *malloc(size_t bytes) {
    bytes = (bytes + 31) / 16 * 16;
    if (!next || (size_t)(end - next) < bytes) {
        size_t more = bytes + (16 << 20);
        next = mmap(NULL, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        end = next + more;
    }
    char *block = next;
    next += bytes;
    *(size_t *)block = bytes - 16;
    return block + 16;
}
void free(void *block) { (void)block; }
void *calloc(size_t count, size_t bytes) { return malloc(count * bytes); }
void *realloc(void *block, size_t bytes) {
    void *moved = malloc(bytes);
    if (block)
        memcpy(moved, block, ((size_t *)block)[-2] < bytes ? ((size_t *)block)[-2] : bytes);
    return moved;
}
END
echo 'int nothing;' | compile libnothing.so -shared -fPIC
# Takes 2 MiB again and again, reads its input, writes much, and ends as it is told.
compile busy <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
    char text[64] = "";
    ssize_t bytes = read(0, text, 63);
    for (int i = 0; i < 20; i++) {
        volatile char *block = malloc(2 << 20);
        memset((char *)block, 1, 2 << 20);
        free((char *)block);
    }
    for (int i = 0; i < 30000; i++)
        puts("output that nobody wants to see");
    if (argc > 1 && strcmp(argv[1], "input") == 0)
        return bytes != 6 || memcmp(text, "line 2", 6) != 0;
    if (argc > 1 && strcmp(argv[1], "crash") == 0 && getenv("LD_PRELOAD") &&
        strstr(getenv("LD_PRELOAD"), "greedy"))
        abort();
    return argc > 1 ? atoi(argv[1]) : 0;
}
END

compare --runs=6 --json --with="$work/libgreedy.so" --with="$work/libnothing.so" ./busy >json \
    2>errors || complain "--compare: status $?: $(cat errors)"
[ ! -s errors ] || complain "--compare complains: $(cat errors)"
[ "$(fields '.schema, .runs, .failed_runs, .command[0]' | tr '\n' ' ')" = \
    'hakmem-compare-1 6 0 ./busy ' ] || complain "head: $(cat json)"
[ "$(fields '.allocators[0, 1].name' | tr '\n' ' ')" = 'glibc hakmem ' ] || complain 'order'
[ "$(fields '.allocators[0, 1] | .in_effect')" = "$(printf 'yes\nyes')" ] || complain 'preload'
[ "$(fields '[.allocators[0, 1].runs | length] | add')" -eq 12 ] || complain 'runs'
greedy='.allocators[] | select(.name == "libgreedy.so")'
[ "$(fields "$greedy | .in_effect, .flaw, .ratio.peak_bytes.differs" | tr '\n' ' ')" = \
    'yes null true ' ] || complain "greedy: $(fields "$greedy")"
# 20 blocks of 2 MiB in place of one.
fields "$greedy | .ratio.peak_bytes | .low > 3 and .low <= .median and .median <= .high" |
    grep -qx true || complain "greedy's memory: $(fields "$greedy")"
nothing='.allocators[] | select(.name == "libnothing.so")'
[ "$(fields "$nothing | .in_effect, .flaw, .ratio, (.runs | length)" | tr '\n' ' ')" = \
    'no preload null 0 ' ] || complain "nothing: $(fields "$nothing")"
# The medians are those of the runs: of six, between the third and the fourth.
[ "$(fields '.allocators[0].median.peak_bytes')" = \
    "$(fields '.allocators[0].runs | map(.peak_bytes) | sort | (.[2] + .[3]) / 2 | floor')" ] ||
    complain 'median'
# A program at a fixed address whose libraries take malloc's address from it defines no malloc.
compile libtaker.so -shared -fPIC <<'END'
#include <stdlib.h>
void *(*taken(void))(size_t) { return malloc; }
END
compile fixed -no-pie -fno-pie -L. -ltaker -Wl,-rpath,"$work" <<'END'
#include <stdlib.h>
void *(*taken(void))(size_t);
void *(*own)(size_t) = malloc;
int main(void) { free(own(10)); free(taken()(10)); return own != taken(); }
END
compare --runs=1 --json ./fixed >json 2>errors || complain "fixed: $(cat errors)"
[ "$(fields '.allocators[] | .in_effect' | sort -u)" = yes ] ||
    complain "fixed: $(fields '.allocators[] | .name, .in_effect')"
grep -qx 'hakmem-run: 1 runs are too few to claim anything: at least 6 are needed' errors ||
    complain "not said before: $(cat errors)"
# All that the dynamic linker knows of the table take part.
allocators=$top_srcdir/tools/compare/allocators.def
sed -n 'N;s/^HAK_ALLOCATOR("\(.*\)",\n *"\(.*\)")$/\1 \2/p;D' "$allocators" >table
[ -s table ] || complain 'no allocators in the table'
while read -r name soname; do
    if PATH=$PATH:/sbin:/usr/sbin ldconfig -p | grep -q "^[[:space:]]*$soname (libc6,[xA][8A]"; then
        fields '.allocators[].name' | grep -qx "$name" || complain "$name is installed: left out"
    fi
done <table

# For people: 80 columns, the claim, and why not.
compare --runs=6 --with="$work/libgreedy.so" --with="$work/libnothing.so" ./busy >text ||
    complain "text: $?"
sed 's/±/+/g' text | awk 'length > 80 { exit 1 }' || complain "wider than 80: $(cat text)"
tr -s ' \n' ' ' <text >flat
grep -q 'ALLOCATOR TIME CPU PEAK MEMORY PAGE FAULTS glibc [0-9.]* ms ± *[0-9]* % ' flat ||
    complain "table: $(cat text)"
grep -q 'libgreedy.so .*[0-9]* % \(±\|(\).* more memory' flat || complain "greedy: $(cat text)"
grep -q 'libnothing.so not in effect: the program took its malloc from libc.so.6: not measured' \
    flat || complain "nothing: $(cat text)"
compare --runs=5 ./busy >text || complain '5 runs'
grep -q '^5 runs are too few to claim anything: at least 6 are needed.$' text || complain '5 runs'
grep -q 'faster\|slower\|less\|more' text && complain "5 runs claim something: $(cat text)"

# Input: a file from where it stands, and a pipe; each run has all of it. Output, if asked for.
printf 'line 1\nline 2' >input
# shellcheck disable=SC2094
{ read -r _ && compare --runs=2 ./busy input; } <input >out 2>&1 || complain "a file: $(cat out)"
printf 'line 2' | compare --runs=2 ./busy input >out 2>&1 || complain "a pipe: $(cat out)"
compare --runs=1 --show-output sh -c 'echo to-out; echo to-err >&2' >out 2>errors
[ "$(grep -c to-out errors)" -eq "$(grep -c to-err errors)" ] || complain 'shown: not both'
[ "$(grep -c to-out errors)" -ge 4 ] || complain "shown: $(cat errors)"
grep -q to- out && complain 'the output is in the report'

# Exit statuses.
compare --runs=1 ./busy 3 >out 2>&1 && complain 'status 3 is taken for success'
grep -q 'Without any of this the program ends with exit status 3.' out || complain "$(cat out)"
result=0
compare --runs=6 --with="$work/libgreedy.so" ./busy crash >out 2>errors || result=$?
[ "$result" -eq 1 ] || complain "a crash: status $result"
tr -s ' \n' ' ' <out | grep -q 'libgreedy.so killed by SIGABRT at once: not measured' ||
    complain "a crash: $(cat out)"
hint='(see hakmem-run --help)'
no_file='No such file or directory'
expect 127 '' "hakmem-run: no-such-program: $no_file" "$run" --compare no-such-program
expect 2 '' "hakmem-run: -r 0: not a number from 1 to 1000 $hint" "$run" -c -r0 true
expect 2 '' "hakmem-run: --runs and --show-output go with --compare or --tune $hint" \
    "$run" --runs=5 true
expect 2 '' "hakmem-run: --with goes with --compare $hint" "$run" --with=libc.so.6 true
expect 2 '' "hakmem-run: --compare and -t: one of them at a time $hint" "$run" --compare -t true
reason="--compare and --tune let PROGRAM's children inherit: no --no-inherit"
expect 2 '' "hakmem-run: $reason $hint" "$run" --compare -n true
expect 125 '' 'hakmem-run: --with no-such.so: no such library' \
    "$run" --compare --with=no-such.so true
expect 125 '' "hakmem-run: --with ./no-such.so: $no_file" \
    "$run" --compare --with=./no-such.so true
echo 'int main(void) { return 0; }' | compile static -static
expect 126 '' 'hakmem-run: ./static is statically linked: nothing to measure' \
    "$run" --compare ./static

# Signals go to the program; hakmem-run ends by them; no process, no folder stays. A program that
# doesn't listen is killed by the second one.
none_is_left() {
    [ -s pids ] || complain 'no process was named'
    while read -r left; do
        if kill -0 "$left" 2>/dev/null; then
            complain "process $left is left"
        fi
    done <pids
}
# ends SIGNAL STATUS COUNT SCRIPT: COUNT is 1, or "more" for as many as it takes.
ends() {
    rm -f pids
    env --default-signal=INT "$run" --compare --runs=2 sh -c "$4" >out 2>&1 &
    tool=$!
    for _ in $(seq 600); do
        [ ! -s pids ] || break
        sleep 0.1
    done
    kill -"$1" "$tool"
    while [ "$3" = more ] && is_running "$tool"; do
        sleep 0.2
        kill -"$1" "$tool" 2>/dev/null || :
    done
    result=0
    wait "$tool" || result=$?
    [ "$result" -eq "$2" ] || complain "$1: status $result: $(cat out)"
    none_is_left
}
ends TERM 143 1 'echo $$ >>pids; sleep 100 & echo $! >>pids; wait'
ends INT 130 1 'trap "echo told >told; exit 5" INT; echo $$ >>pids; sleep 100 & wait'
grep -q told told || complain 'the program was not told'
ends HUP 129 more 'trap "" HUP; echo $$ >>pids; sleep 100 & echo $! >>pids; wait'
# What a run leaves in the background ends with it.
rm -f pids
compare --runs=1 sh -c 'setsid sleep 100 >/dev/null 2>&1 & echo $! >>pids' >out || complain 'left'
none_is_left
[ -z "$(ls tmp)" ] || complain "left in TMPDIR: $(ls tmp)"

# --tune: the setting that helps is found and claimed; too few runs claim nothing.
compile hoarder <<'END'
#include <stdlib.h>
#include <string.h>
int main(void) {
    void *blocks[64];
    for (int i = 0; i < 64; i++)
        memset(blocks[i] = malloc(200000), 1, 200000);
    for (int i = 0; i < 64; i++)
        free(blocks[i]);
    memset(malloc(30000000), 1, 30000000);
    return 0;
}
END
"$run" --tune --runs=11 --json ./hoarder >json || complain "--tune: $?"
[ "$(fields .schema)" = hakmem-tune-1 ] || complain "--tune: $(cat json)"
rows=$(grep -c '^HAK_TUNE' "$top_srcdir/tools/compare/tune.def")
[ "$(fields '.tried.settings | length')" -eq $((rows + 1)) ] || complain '--tune: settings'
fields '[.tried.settings[] | .failed] | any' | grep -qx false || complain '--tune: a setting fails'
[ "$(fields '.confirmed.settings[] | select(.setting == "dirty_min=0 dirty_percent=0") |
    .helps')" = true ] ||
    complain "--tune: $(fields '.tried.settings[] | [.setting, .median, .helps]')"
"$run" --tune --runs=1 --set dirty_min=2m ./hoarder >out || complain "--tune: $?"
grep -q '^dirty_min' out && complain 'a knob that is set was tried'
grep -q '^1 runs are too few to claim anything of so many settings: 1[0-9] are needed.' out ||
    complain "--tune, 1 run: $(cat out)"
sed 's/±/+/g' out | awk 'length > 80 { exit 1 }' || complain "--tune: wider than 80: $(cat out)"
# Each setting of the table is one that the library takes, and isn't the default.
"$run" --list-knobs --json >json
sed -n 's/^HAK_TUNE("\(.*\)",$/\1/p' "$top_srcdir/tools/compare/tune.def" | tr ' ' '\n' >settings
while read -r setting; do
    expect 0 '' '' "$run" --set "$setting" true
    "$run" --list-knobs --json --set "$setting" | cmp -s - json && complain "$setting: no knob"
    name=${setting%%=*}
    [ "$("$run" --list-knobs --json --set "$setting" |
        jq ".knobs[] | select(.name == \"$name\") | .value == .default")" = false ] ||
        complain "$setting is the default"
done <settings
exit "$status"
