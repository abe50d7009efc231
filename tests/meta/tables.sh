#!/bin/sh
# SPDX-License-Identifier: MIT
# What stands in the tables is what people are told, and the other way round: knobs.def,
# variables.def, run_options.def and fatals.def against --list-knobs, --help, man pages and code.
set -eu
: "${top_srcdir:?}" "${top_builddir:?}" "${HAKMEM_RUN:?}"
run=$HAKMEM_RUN
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
unset LD_PRELOAD

complain() {
    echo "failed: $*"
    status=1
}

# same WORDS: the lists in $work/a and $work/b hold the same, are not empty, and name nothing twice.
same() {
    grep -q . "$work/a" || complain "$1: the first list is empty"
    for list in a b; do
        sort "$work/$list" | uniq -d | while read -r twice; do
            echo "$1: twice: $twice"
        done >"$work/twice"
        [ ! -s "$work/twice" ] || complain "$(cat "$work/twice")"
        sort "$work/$list" >"$work/$list.sorted"
    done
    diff "$work/a.sorted" "$work/b.sorted" >"$work/diff" || complain "$1 differ:
$(cat "$work/diff")"
}

# rows FILE MACRO: the first cell of each row.
rows() {
    sed -n "s/^$2(\\([A-Za-z0-9_]*\\),.*/\\1/p" "$top_srcdir/$1"
}
upper() {
    tr 'a-z-' 'A-Z_'
}

knobs=lib/conf/knobs.def
"$run" --list-knobs >"$work/list"
"$run" --help >"$work/help"
page7=$top_builddir/man/hakmem.7
page1=$top_builddir/man/hakmem-run.1
# Lines of the section $2 of page $1.
section() {
    awk -v "wanted=.Sh $2" '/^\.Sh/ { is_in = $0 == wanted } is_in' "$1"
}

# The knobs.
rows $knobs HAK_KNOB | upper | sed 's/^/HAKMEM_/' >"$work/knobs"
rows lib/conf/variables.def HAK_VARIABLE | sed 's/^/HAKMEM_/' >"$work/variables"
cp "$work/knobs" "$work/a"
sed -n 's/^\([^ ]*\): .*/\1/p' "$work/list" >"$work/b"
same 'knobs.def and --list-knobs'
section "$page7" KNOBS | sed -n 's/^\.It Ev //p' >"$work/b"
same 'knobs.def and hakmem(7)'
# Units, ranges, defaults and stabilities: made by C here, by awk there.
sed -n 's/^\(HAKMEM_[A-Z_]*\): \(.*\)/\1 \2./p' "$work/list" >"$work/a"
section "$page7" KNOBS | awk '/^\.It Ev/ { name = $3; getline; gsub(/\\-/, "-"); print name, $0 }' \
    >"$work/b"
same 'facts of --list-knobs and of hakmem(7)'
# The texts, on one line each, without regard to case and to the full stop.
plain='s/\\-/-/g; s/\\&//g; s/\.$//'
awk '/^    now / { next } /^HAKMEM_/ { printf "\n%s", $1; next } { $1 = $1; printf " %s", $0 }' \
    "$work/list" | sed 's/^\([^ ]*\):/\1/; /^$/d' | tr '[:upper:]' '[:lower:]' >"$work/a"
echo >>"$work/a"
section "$page7" KNOBS | awk '/^\.El/ { exit } /^\.It Ev/ { printf "\n%s", $3; skip = 2; next }
    skip-- > 0 { next } { printf " %s", $0 }' |
    sed '/^$/d; /^\./d' | sed "$plain" | grep -i '^hakmem_' | tr '[:upper:]' '[:lower:]' >"$work/b"
same 'texts of --list-knobs and of hakmem(7)'
for page in "$page7" "$page1"; do
    cp "$work/variables" "$work/a"
    section "$page" ENVIRONMENT | sed -n 's/^\.It Ev \(HAKMEM_.*\)/\1/p' >"$work/b"
    same "variables.def and $page"
done
sort "$work/knobs" "$work/variables" | uniq -d >"$work/twice"
[ ! -s "$work/twice" ] || complain "knob and variable: $(cat "$work/twice")"

# The options: hakmem-run's own and those of the stable knobs, and none is both.
run_options=$top_srcdir/tools/run/run_options.def
sed -n 's/^HAK_OPTION([A-Z_]*, [^ ]*, "\([a-z-]*\)",.*/--\1/p' "$run_options" >"$work/a"
awk '/^HAK_KNOB\(/ { row = "" } { row = row " " $0 }
    /"\)$/ && row ~ /", STABLE,/ { sub(/.*HAK_KNOB\(/, "", row); sub(/,.*/, "", row)
        gsub(/_/, "-", row); print "--" row }' "$top_srcdir/$knobs" >>"$work/a"
sed -n 's/^  \(-[A-Za-z],\|   \) \(--[a-z-]*\).*/\2/p' "$work/help" >"$work/b"
same 'the tables of options and --help'
section "$page1" OPTIONS | sed -n 's/^\.It.* Fl \\-\([a-z\-]*\).*/--\1/p' | sed 's/\\//g' >"$work/b"
same 'the tables of options and hakmem-run(1)'
sed -n "s/^HAK_OPTION([A-Z_]*, '\\(.\\)',.*/-\\1/p" "$run_options" >"$work/a"
section "$page1" OPTIONS | sed -n 's/^\.It Fl \([A-Za-z]\) ,.*/-\1/p' >"$work/b"
same 'the letters of the options and hakmem-run(1)'

# What the shells complete.
for tool in run stat; do
    "$top_builddir/hakmem-$tool" --help | sed -n 's/^  \(-[A-Za-z],\|   \) \(--[a-z-]*\).*/\2/p' \
        >"$work/a"
    sed -n "s/.*compgen -W '\\(--[^']*\\)'.*/\\1/p" \
        "$top_builddir/tools/completion/hakmem-$tool" | tr ' ' '\n' | sed 's/=$//' >"$work/b"
    same "hakmem-$tool --help and completion in bash"
    sed -n -e "s/^    '[^{]*{-.[+]*,\\(--[a-z-]*\\)=*}.*/\\1/p" \
        -e "s/^    '\\(--[a-z-]*\\).*/\\1/p" \
        "$top_builddir/tools/completion/_hakmem-$tool" >"$work/b"
    same "hakmem-$tool --help and completion in zsh"
done

# hakmem-stat's.
page_stat=$top_builddir/man/hakmem-stat.1
"$top_builddir/hakmem-stat" --help >"$work/help"
stat_options=$top_srcdir/tools/stat/stat_options.def
sed -n 's/^HAK_OPTION([A-Z_]*, [^ ]*, "\([a-z-]*\)",.*/--\1/p' "$stat_options" >"$work/a"
sed -n 's/^  \(-[A-Za-z],\|   \) \(--[a-z-]*\).*/\2/p' "$work/help" >"$work/b"
same 'stat_options.def and --help'
section "$page_stat" OPTIONS | sed -n 's/^\.It.* Fl \\-\([a-z\-]*\).*/--\1/p' |
    sed 's/\\//g' >"$work/b"
same 'stat_options.def and hakmem-stat(1)'
sed -n "s/^HAK_OPTION([A-Z_]*, '\\(.\\)',.*/-\\1/p" "$stat_options" >"$work/a"
section "$page_stat" OPTIONS | sed -n 's/^\.It Fl \([A-Za-z]\) ,.*/-\1/p' >"$work/b"
same 'the letters of stat_options.def and hakmem-stat(1)'

# The counters and figures: the page, and what the library and the tool give.
{
    rows lib/stats/figures.def HAK_FIGURE
    echo own_frees
    rows lib/stats/counters.def 'HAK_[A-Z]*_COUNTER'
} >"$work/a"
section "$page7" STATISTICS | sed -n 's/^\.It Li //p' >"$work/b"
same 'the tables of counters and hakmem(7)'
"$run" --stats-file=2 true 2>"$work/dump"
sed -n 's/^\([a-z_]*\) [0-9]* [a-z][a-z]*$/\1/p' "$work/dump" >"$work/b"
same 'the tables of counters and what HAKMEM_STATS_FILE gives'

# Each knob exists in the struct, and something beside the parser reads it: a knob that does
# nothing is a promise not kept. (conf.c itself acts on strict.)
for name in $(rows $knobs HAK_KNOB); do
    grep -rqE "hak_conf\\.$name([^a-z_]|\$)" "$top_srcdir/lib" --include='*.[ch]' ||
        complain "knob $name: nothing reads it"
done
{
    echo '#include "conf/conf.h"'
    echo 'uint64_t sum(void) { return 0'
    rows $knobs HAK_KNOB | sed 's/.*/    + hak_conf.&/'
    echo '; }'
    echo "_Static_assert(sizeof hak_conf == 8 * $(rows $knobs HAK_KNOB | wc -l), \"fields\");"
} >"$work/struct.c"
${CC:-cc} -std=gnu17 -fsyntax-only -I "$top_srcdir/lib" "$work/struct.c" ||
    complain 'struct hak_conf and knobs.def differ'

# The fatal reports.
rows lib/os/fatals.def HAK_FATAL | tr 'A-Z_' 'a-z-' >"$work/a"
section "$page7" DIAGNOSTICS | sed -n 's/^\.It \([^:]*\): .*/\1/p' | sed 's/\\//g' >"$work/b"
same 'fatals.def and hakmem(7)'
sed -n 's/^HAK_FATAL([A-Z_]*, "\([^"]*\)",.*/\1/p' "$top_srcdir/lib/os/fatals.def" >"$work/a"
section "$page7" DIAGNOSTICS | sed -n 's/^\.It [^:]*: \(.*\)/\1/p' | sed "$plain" >"$work/b"
same 'the messages of fatals.def and of hakmem(7)'

# The functions of hakmem.h, and a page for each.
sed -n 's/^[a-z].*[ *]\(hakmem_[a-z_]*\)(.*/\1/p' "$top_srcdir/lib/hakmem.h" >"$work/a"
sed -n 's/^\.Nm \(hakmem_[a-z_]*\).*/\1/p' "$top_srcdir/man/hakmem_malloc.3" >"$work/b"
same 'hakmem.h and the names of hakmem_malloc(3)'
sed -n 's/^\.Fn \(hakmem_[a-z_]*\) "*[a-z].*/\1/p' "$top_srcdir/man/hakmem_malloc.3" >"$work/b"
same 'hakmem.h and the synopsis of hakmem_malloc(3)'
find "$top_srcdir/man" "$top_builddir/man" -name '*.3' | sed 's|.*/||; s|\.3$||' |
    sort -u >"$work/b"
same 'hakmem.h and the pages of section 3'
exit "$status"
