#!/bin/sh
# SPDX-License-Identifier: MIT
# A program on the deny list is started without the library, and one line says so; names, paths,
# patterns, links, interpreters and comments; what is installed denies nothing.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"
HAKMEM_DENY=$work/deny
export HAKMEM_DENY

compile show <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv) {
    char line[400];
    int is_loaded = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        is_loaded |= strstr(line, "libhakmem") != NULL;
    puts(is_loaded ? "with" : "without");
    return argc > 1 ? atoi(argv[1]) : 0;
}
END
# Starts what it is told, from its own process.
compile prog <<'END'
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) {
    char line[400];
    int is_loaded = 0, status = 1;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        is_loaded |= strstr(line, "libhakmem") != NULL;
    puts(is_loaded ? "with" : "without");
    fflush(stdout);
    if (argc > 1 && vfork() == 0) {
        execv(argv[1], argv + 1);
        _exit(1);
    }
    wait(&status);
    return WEXITSTATUS(status);
}
END
compile args <<'END'
#include <stdio.h>
int main(int argc, char **argv) {
    return printf("[%s] [%s] %s\n", argv[1], argv[2], argv[3]) < argc;
}
END
# Forbids a program to execute another one after the first.
# The program's arguments are ours: the kernel allows just the call with this address.
compile_filtered refused <<'END'
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(uintptr_t)argv[1], 0, 1),
END
mkdir 'a folder'
cp show 'a folder/other'
ln -s show link
printf '#!%s/show\n' "$work" >script
chmod 755 script

# denied LINE PATTERN COMMAND... ; allowed PATTERN COMMAND...
denied() {
    place="is on the deny list ($work/deny, line $1)"
    printf '# a comment\n\n  %s  # why\nlater\n' "$2" >deny
    judged=$3
    [ "$2 $3" != 'show ./script' ] || judged=$work/show
    shift 2
    expect 0 without "hakmem-run: $judged $place: running it without libhakmem" "$run" "$@"
}
allowed() {
    printf '%s\n' "$1" >deny
    shift
    expect 0 with '' "$run" "$@"
}
allowed '' ./show
allowed '# show' ./show
allowed other ./show
allowed sho ./show
allowed '/nowhere/*' ./show
allowed '/show' ./show
denied 3 show ./show
denied 3 'sh[a-p]w' ./show
denied 3 "$work/show" ./show
denied 3 "$work/*" './a folder/other'
denied 3 '*/a folder/*' './a folder/other'
denied 3 show ./link # what it is, not what it is called alone
denied 3 link ./link
denied 3 show ./script
denied 3 script ./script
# The exit status is the program's; the line is said for the first pattern that fits.
printf 'sh*\nshow\n' >deny
expect 7 without "hakmem-run: ./show is on the deny list ($work/deny, line 1): running it without \
libhakmem" "$run" ./show 7
# Long lines, and bytes that are no text.
{ printf '%060000d\n' 0; printf '\377\000x\n[\n'; echo show; } >deny
expect 0 without "hakmem-run: ./show is on the deny list ($work/deny, line 4): running it without \
libhakmem" "$run" ./show
# A list that isn't there denies nothing; one that was named must be there.
expect 0 with "hakmem-run: $work/none: No such file or directory" \
    env HAKMEM_DENY="$work/none" "$run" ./show
expect 0 with '' env HAKMEM_DENY= "$run" ./show
# A program that another one starts leaves the library by itself, with its arguments, descriptors,
# exit status and process as they were; what it starts has none, either.
cat >"$work/browser" <<'END'
#!/bin/sh
exec "$@"
END
chmod 755 browser
printf 'nothing\nshow # as a browser\n' >deny
expect 7 'without' '' "$run" sh -c './show 7; exit $?'
expect 7 'with
without' '' "$run" ./prog ./show 7
expect 0 '[a b] [] 3' '' "$run" sh -c './args "a b" "" 3' # not denied
printf 'args\nbrowser\n' >deny
expect 0 '[a b] [] 3' '' "$run" sh -c './args "a b" "" 3'
expect 3 'without' '' "$run" sh -c './browser ./show 3'
expect 0 'text' '' "$run" sh -c 'echo text | ./browser cat'
expect 0 'same' '' "$run" sh -c './browser sh -c "echo \$\$" >pids & echo $! >>pids; wait
    [ "$(uniq pids | wc -l)" -eq 1 ] && echo same'
other=$work/other.so
echo 'int other;' | compile other.so -shared -fPIC
expect 0 "$other" '' env LD_PRELOAD="$other" "$run" sh -c './browser sh -c "echo \$LD_PRELOAD"'
expect 0 with '' "$run" --no-inherit ./show
# A list that has gone, or is a folder, denies nothing; nor does one that nobody has named.
expect 0 with '' "$run" sh -c 'rm deny; ./browser ./show'
mkdir deny
expect 0 with '' env LD_PRELOAD="$library" HAKMEM_DENY="$work/deny" ./show
rmdir deny
echo show >deny
expect 0 without '' env LD_PRELOAD="$library" ./show
expect 0 with '' env -u HAKMEM_DENY LD_PRELOAD="$library" ./show
# Where it can't be executed again, it goes on with the library.
expect 0 with '' env LD_PRELOAD="$library" ./refused ./show

sed 's/#.*//' "$top_srcdir/tools/run/deny.list" | grep -q '[^ ]' &&
    complain 'the list that is installed denies something'
exit "$status"
