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
    [ "$3" != ./script ] || judged=$work/show
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
sed 's/#.*//' "$top_srcdir/tools/deny.list" | grep -q '[^ ]' &&
    complain 'the list that is installed denies something'
exit "$status"
