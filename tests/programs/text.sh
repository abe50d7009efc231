#!/bin/sh
# SPDX-License-Identifier: MIT
# The tools of every day on a long file: sort with threads, awk, sed, grep, join, diff, bash.
. "$(dirname "$0")/lib.sh"
need sort awk sed grep join diff bash
awk -v lines=$((200000 * scale)) 'BEGIN {
    state = 1
    for (i = 0; i < lines; i++) {
        state = (state * 16807) % 2147483647
        printf "%d %08x word%d\n", state % 50000, state, i % 977
    }
}' >"$work/text"
served sort sort "$work/text"
served bash bash -c 'echo {1..1000}'
served sed sed -n 1p "$work/text"
cat >"$work/work" <<'SCRIPT'
set -e -o pipefail
sort --parallel=4 -S 8M -k 3,3 -k 1,1n "$1" | tee sorted | sha1sum
sort -u -k 1,1 "$1" >left
sed -E 's/^([0-9]+) (.*) (word)([0-9]*)$/\1 \4-\3 \2/' left | sort -k 1,1 >right
join left right | sha1sum
awk '{ count[$3]++; last[$3] = last[$3] substr($2, 1, 1) }
    END { for (w in count) print w, count[w], last[w] }' "$1" | sort | sha1sum
grep -E '(1|2).*([a-f])\2 .*7$' "$1" | sha1sum
head -n 3000 left | sed 's/word1/other/' >changed
head -n 3000 left | diff -u - changed | sed 1,2d | sha1sum || true
declare -A seen
while read -r key rest; do
    seen[$key]+=${rest:0:3}
done < <(head -n 20000 "$1")
for key in "${!seen[@]}"; do
    echo "$key ${seen[$key]}"
done | sort | sha1sum
for i in {1..150}; do
    list=$(printf '%s,' $(seq "$i" 200))
    (echo "${list//,/;}" | cut -d ';' -f 3)
done | sha1sum
SCRIPT
same text bash "$work/work" "$work/text"
