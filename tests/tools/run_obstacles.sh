#!/bin/sh
# SPDX-License-Identifier: MIT
# Where nothing can be preloaded, hakmem-run says so in one line and runs the program without the
# library, its exit status, environment and existing LD_PRELOAD unchanged.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"

cat >show.c <<'END'
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
    const char *preload = getenv("LD_PRELOAD"), *knob = getenv("HAKMEM_LOG");
    printf("%s %s\n", preload ? preload : "-", knob ? knob : "-");
    return argc > 1 ? atoi(argv[1]) : 0;
}
END
compile plain <show.c
expect 42 "$library yes" '' "$run" --log ./plain 42

# passes_by OBSTACLE FILE COMMAND...: runs without the library, with exit status 42.
passes_by() {
    obstacle="hakmem-run: $1: running it without libhakmem"
    shift
    expect 42 '- -' "$obstacle" "$run" --log "$@" 42
    expect 42 '- -' "$obstacle" "$run" --no-inherit "$@" 42
}

compile static -static <show.c
passes_by './static is statically linked' ./static
echo 'int other_one;' | compile other.so -shared -fPIC
expect 42 './other.so -' 'hakmem-run: ./static is statically linked: running it without libhakmem' \
    env LD_PRELOAD=./other.so "$run" --log ./static 42
compile static-pie -static-pie -fPIE <show.c
passes_by './static-pie is statically linked' ./static-pie

# Its own malloc, where the dynamic linker sees it: exported, in both kinds of hash table.
{
    cat show.c
    cat <<'END'
static char heap[1 << 20], *next = heap;
void *malloc(size_t size) { char *block = next; next += (size + 15) & ~(size_t)15; return block; }
void free(void *pointer) { (void)pointer; }
END
} >own.c
for style in gnu sysv both; do
    compile "own-$style" -fno-builtin -rdynamic "-Wl,--hash-style=$style" <own.c
    passes_by "./own-$style defines its own malloc" "./own-$style"
    # One that only uses malloc, and exports many other names, has none of its own.
    {
        cat show.c
        echo 'int malloc_1, xmalloc, mallo, free_list, mallocs; void *m(void) { return malloc(1); }'
    } | compile "uses-$style" -rdynamic "-Wl,--hash-style=$style"
    expect 42 "$library -" '' "$run" "./uses-$style" 42
done
# Where another program starts it, nobody looks; the library is in it, and its malloc serves all the
# same, also by the names that it doesn't define.
compile own-child -fno-builtin -rdynamic -ldl <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static char heap[1 << 20], *next = heap;
void *malloc(size_t size) { char *block = next; next += (size + 15) & ~(size_t)15; return block; }
void *realloc(void *old, size_t size) { return old ? memcpy(malloc(size), old, 10) : malloc(size); }
void free(void *pointer) {
    if (pointer && ((char *)pointer < heap || (char *)pointer >= next))
        abort();
}
int main(void) {
    const char *const names[] = {"free_sized", "free_aligned_sized", "cfree"};
    for (int i = 0; i < 3; i++) {
        typedef void release(void *, size_t, size_t);
        ((release *)dlsym(NULL, names[i]))(malloc(10), 16, 10);
    }
    char *block = reallocarray(reallocarray(NULL, 10, 10), 20, 10);
    free(block);
    puts(strstr(getenv("LD_PRELOAD"), "libhakmem") ? "served by its own" : "without");
    return 0;
}
END
expect 0 'served by its own' '' "$run" sh -c './own-child; exit $?'
compile no-pie -no-pie <show.c # takes malloc's address in its own procedure linkage table
expect 42 "$library -" '' "$run" ./no-pie 42

# The run-time library of a sanitizer.
echo 'int asan;' | compile libasan.so.8 -shared -fPIC -Wl,-soname,libasan.so.8
compile sanitized -Wl,--no-as-needed ./libasan.so.8 "-Wl,-rpath,$work" <show.c
passes_by './sanitized is built with a sanitizer, which has its own malloc' ./sanitized

# Another C library: a copy of the dynamic linker under another name.
linker=$(${READELF:-readelf} -l plain | sed -n 's/.*interpreter: \(.*\)]$/\1/p')
cp "$linker" ld-other.so
compile other-libc "-Wl,--dynamic-linker=$work/ld-other.so" <show.c
passes_by './other-libc uses another C library (ld-other.so)' ./other-libc
# The dynamic linker as a command is no static program.
expect 42 "$library -" '' "$run" "$linker" ./plain 42

# Other machines: nothing but the header is needed to tell.
# header FILE CLASS ORDER MACHINE, the machine as two bytes
header() {
    {
        printf '\177ELF%b%b\001\000\000\000\000\000\000\000\000\000' "\\0$2" "\\0$3"
        printf '\002\000%b\001\000\000\000' "$4"
        head -c 100 /dev/zero
    } >"$1"
    chmod 755 "$1"
}
header 32-bit 1 1 '\0003\0000' # i386
header other-order 2 2 '\0000\0026' # s390x
header other-machine 2 1 '\0363\0000' # riscv64
without='running it without libhakmem'
for name in 32-bit:'is a 32-bit program' other-order:'is a program for another machine' \
    other-machine:'is a program for another machine'; do
    file=${name%%:*}
    "$run" "./$file" >out 2>errors </dev/null && complain "$file: can be run"
    [ "$(head -n 1 errors)" = "hakmem-run: ./$file ${name#*:}: $without" ] ||
        complain "$file: $(cat errors)"
done

# What looks like a binary is never given to a shell: here an object file that one may execute.
{ head -c 16 plain; printf '\001'; tail -c +18 plain; } >object
chmod 755 object
expect 126 '' 'hakmem-run: ./object: Exec format error' "$run" ./object

# A script is judged by its interpreter, also through env and through other scripts.
printf '#!%s/static\n' "$work" >by-static
printf '#!/usr/bin/env static\n' >by-env
printf '#!/usr/bin/env -S A=1 static -x\n' >by-env-s
printf '#!%s/by-static\n' "$work" >by-script
chmod 755 by-static by-env by-env-s by-script
PATH=$work:$PATH
export PATH
for name in by-static by-env by-env-s by-script; do
    expect 0 '- -' "hakmem-run: $work/static is statically linked: $without" "$run" "./$name"
done
printf '#!%s/loop\n' "$work" >loop
chmod 755 loop
timeout 600 "$run" ./loop >out 2>&1 && complain 'a loop of scripts runs'
[ "$(wc -l <out)" -eq 1 ] || complain "a loop of scripts: $(cat out)"

# Broken files are the kernel's to judge: cut at every length, and with every header byte spoilt.
i=0
while [ "$i" -lt 160 ]; do
    head -c "$i" plain >shortened
    { head -c "$i" plain; printf '\377'; tail -c "+$((i + 2))" plain; } >spoilt
    chmod 755 shortened spoilt
    for file in shortened spoilt; do
        result=0
        timeout 600 "$run" "./$file" >out 2>errors </dev/null || result=$?
        # 139: the kernel ran what we let it run; hakmem-run itself would have printed nothing.
        case $result in
        124) complain "$file at $i: hangs" ;;
        134 | 135) complain "$file at $i: status $result" ;;
        esac
    done
    i=$((i + 1))
done
exit "$status"
