#!/bin/sh
# SPDX-License-Identifier: MIT
# The folders of lib/ are layers, called rooms. An include or a call points down or stays in its
# room; no cycle is left anywhere, neither of includes nor of calls; the name of a file begins the
# names of its functions. tools/ has rooms of its own. Every header compiles alone.
# The tests of the test come last: it must complain of made-up trees with one fault each.
# shellcheck disable=SC2016 # the dollars in quotes are awk's
set -eu
: "${top_srcdir:?}" "${top_builddir:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
complaints=$work/complaints

# The one table: rooms from the lowest to the highest.
rooms='base os conf stats core pages slabs hardening large cache front report api'
# Rooms among which cycles and some arrows up are still left.
loose='core pages slabs hardening large cache front'
# The arrows up that are left among these; a new one is a fault.
still_up='cache/abandoned>front/pressure cache/abandoned>front/start cache/abandoned>front/thread
    cache/cache>front/fork cache/cache>front/pressure cache/cache>front/thread
    core/region>pages/huge large/large>front/pressure large/large_hardened>front/pressure
    slabs/zero_size>front/pressure'
# Rooms whose files give their names to functions.
named='slabs hardening large cache'
# Rooms of tools/, and what their files may include; "tools" is what lies in no folder.
tools='common:base,conf,common run:base,os,conf,common,run compare:base,conf,common,run,compare
    stat:base,os,conf,stats,common,stat profile:base,stats,common,stat,profile
    tools:base,os,conf,stats,common,run,compare,stat,profile'

# check_edges KIND <EDGES: complains of edges "FROM TO WHAT" that point up, and of what is left when
# files that lead nowhere, or that nothing leads to, are taken away again and again: the cycles.
# A pointer that a higher room hands down makes no edge upwards.
check_edges() {
    "$AWK" -v order="$rooms" -v loose="$loose" -v kind="$1" \
        -v still_up="$(echo "$still_up" | tr "\n" " ")" '
    BEGIN {
        n = split(order, list, " ")
        for (i = 1; i <= n; i++)
            rank[list[i]] = i
        n = split(loose, list, " ")
        for (i = 1; i <= n; i++)
            is_loose[list[i]] = 1
        n = split(still_up, list, " ")
        for (i = 1; i <= n; i++)
            may_be[list[i]] = 1
    }
    { split($1, from, "/"); split($2, to, "/") }
    $1 == $2 || ($1 ">" $2) in may_be { next }
    rank[to[1]] > rank[from[1]] { print kind " upwards: " $1 " -> " $2 ": " $3; next }
    is_loose[from[1]] && is_loose[to[1]] { next }
    { what[$1 " " $2] = $3; alive[$1] = alive[$2] = 1 }
    END {
        do {
            split("", leads)
            split("", led)
            for (edge in what) {
                split(edge, end, " ")
                if (alive[end[1]] && alive[end[2]])
                    leads[end[1]] = led[end[2]] = 1
            }
            dropped = 0
            for (file in alive)
                if (alive[file] && !(leads[file] && led[file])) {
                    alive[file] = 0
                    dropped++
                }
        } while (dropped)
        for (edge in what) {
            split(edge, end, " ")
            if (alive[end[1]] && alive[end[2]])
                print kind " in a cycle: " end[1] " -> " end[2] ": " what[edge]
        }
    }'
}

# includes ROOT: an edge for each include of one of our headers in ROOT/lib.
includes() {
    (cd "$1/lib" && find . -name '*.[ch]' ! -path ./hakmem.h | LC_ALL=C sort | xargs "$AWK" '
    FNR == 1 { from = FILENAME; sub(/^\.\//, "", from); sub(/\.[a-z]*$/, "", from) }
    /^[ \t]*#[ \t]*include[ \t]*".*\// {
        split($0, quoted, "\"")
        to = quoted[2]
        sub(/\.[a-z]*$/, "", to)
        print from, to, quoted[2]
    }')
}

# calls ROOT <OBJECTS: an edge for each symbol that one object defines and another one needs. The
# file of lib/cache/libhakmem_core_a-bin.o is cache/bin. Objects without a source don't count.
calls() {
    while read -r object; do
        file=$(printf '%s\n' "$object" |
            sed 's,/\.libs/,/,; s,.*lib/\([a-z]*\)/,\1/,; s,/libhakmem[a-z_]*-,/,; s,\.o$,,')
        [ -e "$1/lib/$file.c" ] || continue
        ${NM:-nm} "$object" | "$AWK" -v file="$file" 'NF > 1 { print file, $(NF - 1), $NF }'
    done | "$AWK" '
    $2 == "U" { needs[$1 " " $3] = $3; next }
    $2 ~ /^[A-Z]$/ { home[$3] = $1 }
    END {
        for (need in needs)
            if (needs[need] in home) {
                split(need, from, " ")
                print from[1], home[needs[need]], needs[need]
            }
    }'
}

# names ROOT: functions of ROOT whose names do not begin with that of their file.
names() {
    (cd "$1" && {
        find tools -name '*.h'
        for room in $named; do
            [ ! -d "lib/$room" ] || find "lib/$room" -name '*.[ch]'
        done
    } | LC_ALL=C sort | xargs "$AWK" '
        FNR == 1 { stem = FILENAME; sub(/.*\//, "", stem); sub(/\.[ch]$/, "", stem) }
        /^[A-Za-z_].*[ *]hak_[a-z0-9_]*\(/ && !/^#|^extern|^static/ &&
            !(FILENAME ~ /c$/ && /;$/) {
            match($0, /hak_[a-z0-9_]*\(/)
            name = substr($0, RSTART, RLENGTH - 1)
            if (name != "hak_" stem && index(name, "hak_" stem "_") != 1)
                print FILENAME ":" FNR ": the name of the file does not begin that of " name
        }')
}

# rules ROOT: what single includes must keep.
rules() {
    (cd "$1" && find lib tools -name '*.[ch]' -o -name '*.def' | LC_ALL=C sort |
        xargs "$AWK" -v rooms="$rooms" -v tools="$(echo "$tools" | tr "\n" " ")" '
    BEGIN {
        n = split(rooms, list, " ")
        for (i = 1; i <= n; i++)
            known[list[i]] = 1
        n = split(tools, list, " ")
        for (i = 1; i <= n; i++) {
            split(list[i], row, ":")
            m = split(row[2], below, ",")
            for (j = 1; j <= m; j++)
                may[row[1], below[j]] = 1
            is_tool_room[row[1]] = 1
        }
    }
    function complain(text) { print FILENAME ":" FNR ": " text }
    FNR == 1 {
        split(FILENAME, part, "/")
        is_tool = part[1] == "tools"
        public = FILENAME == "lib/hakmem.h"
        tool = part[2] ~ /\./ ? "tools" : part[2]
        if (!public && (is_tool ? !(tool in is_tool_room) : !(part[2] in known)))
            complain("not in a room: " part[2])
    }
    /^[ \t]*#[ \t]*include[ \t]*"/ {
        split($0, quoted, "\"")
        target = quoted[2]
        folder = target
        sub(/\/.*/, "", folder)
        if (target ~ /\.c$/)
            complain("includes a .c file: " target)
        if (target == "hakmem.h") {
            if (part[2] != "api")
                complain("the public header belongs to api/: " target)
        } else if (public || (!is_tool && !(folder in known))) {
            complain("an include names its room: " target)
        } else if (is_tool && !((tool, folder) in may)) {
            complain(tool " must not see " folder ": " target)
        }
    }
    /^[ \t]*#[ \t]*include[ \t]*</ {
        split($0, bracketed, "[<>]")
        target = bracketed[2]
        folder = target
        sub(/\/.*/, "", folder)
        if (folder in known || target ~ /^hakmem/ || target ~ /\.c$/)
            complain("a header of ours stands in quotes, and no .c is included: " target)
        if (target == "stdio.h" && !is_tool && part[2] !~ /^(report|api)$/)
            complain("stdio is for the stream of malloc_info alone")
    }')
}

# A header that needs another one before it.
alone() {
    find lib tools -name '*.h' | LC_ALL=C sort | while read -r header; do
        echo "#include \"$header\"" | $CC -std=gnu17 -I. -Ilib -Itools -Wall -Werror \
            -fsyntax-only -DHAK_VERSION='"0"' -xc - 2>&1 || echo "$header: does not compile alone"
    done
}

# expect WORDS ROOT: the faults of a made-up tree must be found.
expect() {
    {
        rules "$2"
        includes "$2" | check_edges include
        find "$2/lib" -name '*.o' | LC_ALL=C sort | calls "$2" | check_edges call
        names "$2"
    } >"$2/found"
    [ -z "$1" ] || grep -q "$1" "$2/found" || {
        echo "not found: $1 in:"
        cat "$2/found"
        echo
    } >>"$complaints"
}

# made NAME FILE CONTENT...: makes a tree and compiles it.
made() {
    tree=$work/$1
    shift
    while [ $# -gt 0 ]; do
        mkdir -p "$tree/tools" "$(dirname "$tree/lib/$1")"
        printf '%b' "$2" >"$tree/lib/$1"
        case $1 in
        *.c) $CC -c -I"$tree/lib" -o "$tree/lib/${1%.c}.o" "$tree/lib/$1" ;;
        esac
        shift 2
    done
}

refuses() {
    rooms='low high'
    loose=
    still_up=
    named='low high'
    made up low/a.c 'int hak_b(void);\nint hak_a(void) { return hak_b(); }\n' \
        high/b.c 'int hak_b(void) { return 0; }\n'
    expect 'call upwards: low/a -> high/b: hak_b' "$work/up"
    made around low/a.c 'int hak_b(void);\nint hak_a(void) { return hak_b(); }\n' \
        low/b.c 'int hak_a(void);\nint hak_b(void) { return hak_a(); }\n'
    expect 'call in a cycle: low/b -> low/a: hak_a' "$work/around"
    made above high/b.h '' low/a.c '#include "high/b.h"\n'
    expect 'include upwards: low/a -> high/b' "$work/above"
    made ring low/b.h '#include "low/c.h"\n' low/c.h '' low/c.c '#include "low/b.h"\n'
    expect 'include in a cycle: low/c -> low/b' "$work/ring"
    made name low/a.c 'int hak_b(void) { return 0; }\n'
    expect 'a.c:1: the name of the file does not begin that of hak_b' "$work/name"
    made room nowhere/a.h '\n'
    expect 'not in a room: nowhere' "$work/room"
    made ours high/b.h '' high/a.h '#include <high/b.h>\n'
    expect 'stands in quotes' "$work/ours"
    made sound low/a.c 'int hak_a(void) { return 0; }\n' \
        high/b.c 'int hak_a(void);\nint hak_b(void) { return hak_a(); }\n'
    expect '' "$work/sound"
    cat "$work/sound/found" >>"$complaints"
}

cd "$top_srcdir"
{
    rules .
    includes . | check_edges include
    names .
    alone
} >"$complaints"
find "$top_builddir/lib" -name 'libhakmem_core_a-*.o' -o -path '*/api/.libs/libhakmem_la-*.o' \
    >"$work/objects"
[ "$(wc -l <"$work/objects")" -gt 40 ] || echo 'where are the objects?' >>"$complaints"
calls . <"$work/objects" | check_edges call >>"$complaints"
refuses
cat "$complaints"
[ ! -s "$complaints" ]
