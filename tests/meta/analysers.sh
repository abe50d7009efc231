#!/bin/sh
# SPDX-License-Identifier: MIT
# What gcc -fanalyzer, cppcheck and clang-tidy say of lib/ and tools/ is mended, or stands with its
# reason in analysers.except; an exception that nothing needs any more is a failure, too. Then
# valgrind's memcheck: with the option that the manual names it sees a program's faults through
# libhakmem, and a sound program is sound, linked with the library or preloaded.
# shellcheck disable=SC2086 # lists of words
set -eu
: "${top_srcdir:?}" "${HAKMEM_SO:?}"
work=$(mktemp -d "${TMPDIR:-/tmp}/hakmem-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
for tool in cppcheck clang-tidy valgrind; do
    command -v "$tool" >/dev/null || { echo "no $tool" && exit 77; }
done
cd "$top_srcdir"
export LC_ALL=C
printf '#define %s "x"\n' HAK_VERSION HAK_LIBDIR HAK_BINDIR HAK_SYSCONFDIR >"$work/facts.h"
flags="-std=gnu17 -include $work/facts.h -Ilib -Itools"
sources=$(find lib tools -name '*.c' | LC_ALL=C sort)

# The analyser knows free as libc's; what it says of our own free's insides it says of any.
run_gcc() {
    for file in $sources; do
        gcc $flags -O1 -fanalyzer -c -o /dev/null "$file" 2>&1
    done | sed -n 's/^\(.*: warning: .*\)/gcc \1/p'
}

run_cppcheck() {
    cppcheck --enable=warning,performance,portability --quiet --std=c11 --library=gnu -Ilib \
        -Itools --suppress=missingIncludeSystem -D__x86_64__ -D__GNUC__=12 -D__LP64__ \
        --template='cppcheck {file}:{line}: {id}: {message}' --template-location='' \
        lib tools 2>&1 | grep '^cppcheck' || true
}

run_clang_tidy() {
    checks='-*,clang-analyzer-*,bugprone-*,-bugprone-easily-swappable-parameters'
    checks="$checks,-bugprone-reserved-identifier,-clang-analyzer-security.insecureAPI.*"
    for half in 0 1; do
        files=$(echo $sources | tr ' ' '\n' | awk -v half=$half 'NR % 2 == half')
        clang-tidy --quiet --checks="$checks" $files -- $flags >"$work/tidy.$half" 2>/dev/null &
    done
    wait
    cat "$work/tidy.0" "$work/tidy.1" | sed -n "s|^$PWD/|clang-tidy |p" |
        grep -E 'warning:|error:' || true
}

# Findings without an exception, and exceptions without a finding.
judge() {
    grep -v '^#' tests/meta/analysers.except | awk '
        FNR == NR { split($0, part, " @ "); pattern[++count] = part[1]; next }
        {
            excused = 0
            for (i = 1; i <= count; i++)
                if ($0 ~ pattern[i]) { used[i] = excused = 1 }
            if (!excused)
                print
        }
        END {
            for (i = 1; i <= count; i++)
                if (!(i in used))
                    print "an exception that nothing needs: " pattern[i]
        }' - "$1"
}

{
    run_gcc
    run_cppcheck
    run_clang_tidy
} >"$work/findings"
judge "$work/findings" >"$work/bad"

cat >"$work/program.c" <<'END'
#include <stdlib.h>
#include <string.h>
int main(int count, char **arguments) {
    char *volatile block = malloc(40);
    memset(block, 0, 40);
    block = realloc(block, 400);
    if (count > 1 && !strcmp(arguments[1], "overflow"))
        block[400] = 1;
    if (count > 1 && !strcmp(arguments[1], "leak"))
        return 0;
    free(block);
    if (count > 1 && !strcmp(arguments[1], "freed"))
        return block[7];
    return 0;
}
END
$CC -O0 -g -w -o "$work/plain" "$work/program.c"
$CC -O0 -g -w -o "$work/linked" "$work/program.c" "$HAKMEM_SO" \
    "-Wl,-rpath,$(dirname "$HAKMEM_SO")"

# memcheck EXPECTED PROGRAM [CASE]: the status, and the option of the manual.
memcheck() {
    expected=$1
    shift
    status=0
    valgrind --quiet --leak-check=full --error-exitcode=9 \
        --soname-synonyms=somalloc='libhakmem*' "$@" >"$work/said" 2>&1 || status=$?
    [ "$status" -eq "$expected" ] || {
        echo "memcheck: $*: status $status instead of $expected"
        cat "$work/said"
    }
}

for program in "$work/linked" "$work/plain"; do
    [ "$program" = "$work/linked" ] || export LD_PRELOAD="$HAKMEM_SO"
    memcheck 0 "$program"
    memcheck 9 "$program" overflow
    memcheck 9 "$program" freed
    memcheck 9 "$program" leak
done >"$work/memcheck"
unset LD_PRELOAD
# Without the option it runs our code as it is: no false alarm.
valgrind --quiet --error-exitcode=9 "$work/linked" >"$work/said" 2>&1 || {
    echo "memcheck without the option:"
    cat "$work/said"
} >>"$work/memcheck"
cat "$work/bad" "$work/memcheck"
[ ! -s "$work/bad" ] && [ ! -s "$work/memcheck" ]
