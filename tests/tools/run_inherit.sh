#!/bin/sh
# SPDX-License-Identifier: MIT
# By default the programs that the program starts have the library, too. With --no-inherit the
# program has it, and its children see the environment that there was before hakmem-run.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"

echo 'int other_one;' | compile other.so -shared -fPIC
cat >start.c <<'END'
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
extern char **environ;
/* Prints whether the library is here, what main sees of it, and starts a shell that starts env. */
int main(int argc, char **argv, char **envp) {
    char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    int is_here = 0;
    while (fgets(line, sizeof line, maps))
        is_here |= strstr(line, "libhakmem.so") != NULL;
    fclose(maps);
    const char *preload = getenv("LD_PRELOAD");
    printf("%d %s %d\n", is_here, preload ? preload : "-", environ == envp);
    fflush(stdout);
    const char *show = "env | grep -E '^(LD_PRELOAD|HAKMEM_|Z)' | sort; exit 0";
    return system(argc > 1 ? argv[1] : show) >> 8;
}
END
compile start <start.c

Z=1
export Z
expect 0 "1 $library 1
HAKMEM_LOG=yes
LD_PRELOAD=$library
Z=1" '' "$run" --log ./start
expect 0 '1 - 1
Z=1' '' "$run" --no-inherit ./start
expect 0 '1 - 1
Z=1' '' "$run" -n --log --dirty-min=1m --set cache=8k ./start
# What was there before comes back: LD_PRELOAD set, empty, with an equals sign; other knobs.
expect 0 "1 $work/other.so 1
LD_PRELOAD=$work/other.so
Z=1" '' env LD_PRELOAD="$work/other.so" "$run" -n --log ./start
expect 0 '1  1
LD_PRELOAD=
Z=1' '' env LD_PRELOAD= "$run" -n ./start
cp other.so 'other=1.so'
expect 0 "1 $work/other=1.so:$work/other.so 1
LD_PRELOAD=$work/other=1.so:$work/other.so
Z=1" '' env LD_PRELOAD="$work/other=1.so:$work/other.so" "$run" -n --log ./start
expect 0 '1 - 1
HAKMEM_PURGE=no
Z=1' '' env HAKMEM_PURGE=no "$run" -n --log ./start
# An old marker is not handed on.
expect 0 "1 $library 1
LD_PRELOAD=$library
Z=1" '' env HAKMEM_NO_INHERIT=LOG "$run" ./start
# Children may use hakmem-run again.
expect 0 "1 - 1
1 $library 1" '' "$run" -n ./start "$run ./start true"
expect 7 '1 - 1' '' "$run" -n ./start 'exit 7'

# A script by env keeps the library in the interpreter, and has the arguments of a plain run.
cp start show-env
cat >args.c <<'END'
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv) {
    char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    int is_here = 0;
    while (fgets(line, sizeof line, maps))
        is_here |= strstr(line, "libhakmem.so") != NULL;
    printf("%d", is_here);
    for (int i = 0; i < argc; i++)
        printf(" [%s]", argv[i]);
    puts("");
    return 0;
}
END
compile args <args.c
PATH=$work:$PATH
export PATH
printf '#!/usr/bin/env args\n' >env-script
printf '#!%s/args an argument\n' "$work" >direct-script
chmod 755 env-script direct-script
for name in env-script ./env-script "$work/env-script" ./direct-script; do
    plain=$("$name" a 'b c')
    expect 0 "1${plain#0}" '' "$run" "$name" a 'b c'
    expect 0 "1${plain#0}" '' "$run" -n "$name" a 'b c'
done
exit "$status"
