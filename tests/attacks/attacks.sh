#!/bin/sh
# SPDX-License-Identifier: MIT
# No attack of attacks.tab gets further than is recorded there, and all double and invalid frees
# that are recorded as reported are reported. What is recorded as open may get better.
set -eu
: "${top_srcdir:?}" "${HAKMEM_SO:?}"
work=$(mktemp -d "${TMPDIR:-/tmp}/hakmem-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

sh "$top_srcdir/tests/attacks/run" only >"$work/seen"
grep -v '^#' "$top_srcdir/tests/attacks/attacks.tab" >"$work/recorded"

awk '
BEGIN { rank["open"] = rank["succeeded"] = 0; rank["harmless"] = 1; rank["fault"] = 2
        rank["reported"] = 3 }
function judge(profile, recorded, seen) {
    if (!(recorded in rank) || (seen != "hangs" && !(seen in rank)))
        print "no such outcome: " recorded ", " seen
    else if (seen == "hangs" || rank[seen] < rank[recorded])
        print profile ": " name " was " recorded ", is " seen
    stopped[profile] += rank[seen] > 0
}
FNR == NR { name = $1 " " $2 " " $3 " " $4; normal[name] = $5; hardened[name] = $6; rows++; next }
FNR == 1 { next }
{
    name = $1 " " $2 " " $3 " " $4
    seen_rows++
    judge("normal", normal[name], $5)
    if (NF > 5)
        judge("hardened", hardened[name], $6)
}
END {
    if (rows < 116 || seen_rows != rows)
        print rows " attacks recorded, " seen_rows " run"
    for (profile in stopped)
        print profile ": " stopped[profile] " of " rows " stopped" >"/dev/stderr"
}' "$work/recorded" "$work/seen" >"$work/bad"
cat "$work/bad"
[ ! -s "$work/bad" ]
