#!/bin/sh
# SPDX-License-Identifier: MIT
# stress-ng: its malloc stressors with threads, and those that build trees, lists and tables, fork,
# or start threads; each checks its own results (--verify) for a fixed number of operations.
. "$(dirname "$0")/lib.sh"
need stress-ng
# shellcheck disable=SC2034 # read by lib.sh
seconds=1200
served stress-ng stress-ng --malloc 1 --malloc-ops 1000
# stressed LABEL OPTION...: stress-ng ends well and found nothing wrong.
stressed() {
    label=$1
    shift
    once "$label" hakmem stress-ng --verify --no-rand-seed --temp-path "$work" "$@"
    said="$work/$label.hakmem"
    if [ "$(cat "$said/status")" -ne 0 ] ||
        ! grep -q 'successful run completed' "$said/out" "$said/err" ||
        grep -Eiq 'fail|corrupt|terminated on signal|hakmem:' "$said/err"; then
        tail_of "$said/out" "$said/err"
        fail "stress-ng $*: status $(cat "$said/status")"
    fi
    echo "$label: good"
}
stressed malloc --malloc 2 --malloc-bytes 64k --malloc-max 20000 --malloc-ops $((1000000 * scale))
stressed malloc-threads --malloc 2 --malloc-pthreads 4 --malloc-bytes 256k --malloc-max 2000 \
    --malloc-ops $((300000 * scale))
stressed malloc-touch --malloc 1 --malloc-touch --malloc-bytes 8m --malloc-max 32 \
    --malloc-ops $((2000 * scale))
stressed tables --tree 1 --tree-size 25000 --tree-ops 4 --hash 1 --hash-ops 20 --list 1 \
    --list-ops 20 --skiplist 1 --skiplist-ops 4 --tsearch 1 --tsearch-ops 8
stressed processes --fork 1 --fork-ops $((1000 * scale)) --vfork 1 --vfork-ops $((1000 * scale)) \
    --pthread 1 --pthread-ops $((1000 * scale)) --clone 1 --clone-ops $((500 * scale))
stressed others --zlib 1 --zlib-ops 40 --qsort 1 --qsort-ops 2 --wcs 1 --wcs-ops 200 \
    --str 1 --str-ops 200 --matrix 1 --matrix-ops 50
