#!/bin/sh
# SPDX-License-Identifier: MIT
# dash and busybox, small shells that fork for everything, and busybox's own sort, awk and tar.
. "$(dirname "$0")/lib.sh"
need dash busybox
cat >"$work/work" <<'SCRIPT'
set -e
i=0
sum=0
text=
while [ "$i" -lt 4000 ]; do
    i=$((i + 1))
    sum=$(((sum * 31 + i) % 1000003))
    text="$text $sum"
    [ $((i % 100)) -ne 0 ] || text=${text#?????????}
done
echo "$sum ${#text}"
for word in $text; do
    case $word in
    *7*3) set -- "$@" "$word" ;;
    esac
done
echo "$#" "$@" | cksum
n=0
while [ "$n" -lt 120 ]; do
    n=$((n + 1))
    line=$(echo "$n $(printf '%05d' "$n")" | (read -r a b; echo "$b-$a"))
done
echo "$line"
SCRIPT
cat >"$work/tools" <<'SCRIPT'
set -e
b=busybox
$b seq 1 20000 | $b awk '{ print $1 * 7919 % 10007, "word" $1 % 97 }' >list
$b sort -n list | $b uniq -c | $b sha1sum
$b sort -k 2 -u list | $b sed 's/word\([0-9]\)/\1-/g' | $b md5sum
$b grep -E '^[0-9]*7 .*[13]$' list | $b wc -l
$b tar -cf - list | $b gzip -9 | $b gunzip | $b tar -tf -
$b diff -q list list
SCRIPT
served dash dash -c 'echo 1 | cat'
served busybox busybox seq 1 3
same dash dash "$work/work"
same ash busybox sh "$work/work"
same tools dash "$work/tools"
