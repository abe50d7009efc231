#!/bin/sh
# SPDX-License-Identifier: MIT
# hakmem-gdb.py: what is at an address, and the heap as a whole, in a stopped process and in its
# core dump, of a library without symbols; and that it says so where there is nothing to see.
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"
script=$top_srcdir/tools/hakmem-gdb.py
command -v gdb >/dev/null || { echo 'no gdb here' && exit 77; }
strip --strip-unneeded "$library" || exit 99

compile heap -O0 <<'END'
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void) {
    static char *many[5000];
    char *blocks[40], *large = malloc(300000);
    char *freed_large = malloc(5 << 20), *freed_fenced = malloc(1 << 20);
    for (int i = 0; i < 5000; i++)
        many[i] = malloc(1024);
    for (int i = 0; i < 5000; i++) /* one in 64 stays: whole pages of its slab are free */
        if (i % 64 != 5)
            free(many[i]);
    malloc_trim(0);
    for (int i = 0; i < 40; i++) /* beyond the first few, which may be of a larger class */
        memset(blocks[i] = malloc(100), 1, 100);
    memset(large, 1, 300000);
    free(blocks[38]);
    free(freed_large);
    free(freed_fenced);
    printf("%p %p %p %p %p %p %p %p %p %p\n", (void *)blocks[39], (void *)(blocks[39] + 7),
           (void *)blocks[38], (void *)((size_t)blocks[39] / 65536 * 65536 + 65000),
           (void *)large, (void *)(large + 300), (void *)(freed_large + 500000), (void *)&large,
           (void *)many[2590], (void *)freed_fenced);
    fflush(stdout);
    abort();
}
END
gdb() {
    command gdb -nx -batch -ex 'set debuginfod enabled off' -ex 'set confirm off' "$@" </dev/null
}
gdb -ex run -ex 'generate-core-file core' -ex "source $script" -ex 'hakmem heap' -ex kill \
    --args env LD_PRELOAD="$library" ./heap >live 2>&1
[ -s core ] || { echo 'gdb: nothing can be traced here' && cat live && exit 77; }
# shellcheck disable=SC2046 # a word an address
set -- $(grep -m 1 '^0x' live)
live=$1 freed=$3 large=$5

# look ADDRESS: what gdb says of it, from the dump.
look() {
    gdb -ex "source $script" -ex "hakmem ptr $1" ./heap core 2>errors | sed -n "s/^$1: //p"
}

# is ADDRESS TEXT: where it says so, up to the address of the heap.
is() {
    got=$(look "$1" | sed 's/, heap 0x.*//')
    [ "$got" = "$2" ] || complain "$1: '$got', not '$2': $(cat errors)"
}
is "$live" "live: block of 112 bytes at $live"
is "$2" "live: block of 112 bytes at $live, 7 bytes inside"
is "$freed" "free: block of 112 bytes at $freed"
look "$4" | grep -q '^never handed out: block of 112 bytes' || complain "$4: $(look "$4")"
is "$large" "live: large block of 303104 bytes at $large"
is "$6" "live: large block of 303104 bytes at $large, 300 bytes inside"
is "$7" 'free memory, still resident'
is "$8" 'not memory of libhakmem'
is "$9" "free, its memory given back: block of 1024 bytes at $9"
is "${10}" "freed, kept inaccessible: large block of 1048576 bytes at ${10}"

gdb -ex "source $script" -ex 'hakmem heap' ./heap core >dead 2>&1
for shown in live dead; do
    awk '$1 == 112 && NF == 4 && $2 >= 1 && $3 >= 32 && $4 >= $3 { class = 1 }
        $0 == "large: 1 blocks, 303104 bytes" { large = 1 }
        /^free and resident: [1-9][0-9]* bytes$/ { free = 1 }
        $1 == "large_frees:" && $2 == 2 { counter = 1 }
        END { exit !(class && large && free && counter) }' $shown ||
        complain "heap, $shown: $(cat $shown)"
done

gdb -ex "source $script" -ex 'hakmem ptr' ./heap core 2>&1 |
    grep -q '^usage: hakmem ptr ADDRESS$' || complain 'no address'
gdb -ex "source $script" -ex 'hakmem heap' ./heap 2>&1 |
    grep -q '^hakmem: no libhakmem in this process or core dump$' || complain 'no process'
exit "$status"
