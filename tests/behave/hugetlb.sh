#!/bin/sh
# SPDX-License-Identifier: MIT
# HAKMEM_HUGE_PAGES=hugetlb: memory comes from the kernel's pool of huge pages as long as that has
# some, and from normal pages then, without a signal and without a word unless HAKMEM_LOG asks; what
# comes from the pool is never purged. The machine's pool is changed for the seconds that it takes.
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"

pool=/sys/kernel/mm/hugepages/hugepages-2048kB
skip() {
    echo "hugetlb.sh: skipped: $*"
    exit 77
}

build hugetlb "$src/hugetlb_main.c"
build random_ops "$top_srcdir/tests/stress/random_ops.c"
build remote_free "$top_srcdir/tests/stress/remote_free.c"

# taking WHAT: runs the program, whose words are then in $work/words.
taking() {
    run "$HAKMEM_RUN" --huge-pages=hugetlb --log=yes "$work/hugetlb" >"$work/words" 2>"$work/log" ||
        fail "$1: exit status $?: $(cat "$work/log")"
    cat "$work/words" "$work/log"
}
# expect WHAT TEST...: a test of numbers.
expect() {
    what=$1
    shift
    [ "$@" ] || fail "$what: $*"
}
says_so() {
    [ "$(grep -c 'vm.nr_hugepages' "$work/log")" -eq 1 ]
}

[ -e "$pool/nr_hugepages" ] || skip "the kernel has no pool of 2 MiB pages"
old=$(cat "$pool/nr_hugepages")
if [ "$old" -eq 0 ]; then
    taking "without a pool"
    read -r pooled _ refusals purged <"$work/words"
    expect "pooled without a pool" "$pooled" -eq 0
    expect "refusals without a pool" "$refusals" -gt 0
    expect "normal pages that are purged" "$purged" -gt 0
    says_so || fail "not one line about the pool: $(cat "$work/log")"
    run "$HAKMEM_RUN" --huge-pages=hugetlb "$work/hugetlb" 2>&1 >/dev/null | grep . &&
        fail "a word that nobody asked for"
fi
[ "$(id -u)" -eq 0 ] || skip "the rest needs root"

# with COUNT free pages in the pool
with() {
    (echo $((old + $1)) >"$pool/nr_hugepages") 2>/dev/null || skip "the pool can't be changed"
    [ "$(cat "$pool/free_hugepages")" -ge "$1" ] || skip "the machine has no $1 huge pages free"
}
trap 'echo "$old" >"$pool/nr_hugepages"; rm -rf "$work"' EXIT
with 80
taking "a large pool"
read -r pooled free refusals purged <"$work/words"
expect "pooled, large pool" "$pooled" -ge 40000000
expect "refusals, large pool" "$refusals" -eq 0
expect "free again, large pool" "$free" -ge 40000000
expect "purged, large pool" "$purged" -le 2097152
if says_so; then fail "a complaint without a reason"; fi
SEED=7 run "$HAKMEM_RUN" --huge-pages=hugetlb "$work/remote_free" >/dev/null ||
    fail "remote_free with a large pool"
with 12
taking "a small pool"
read -r pooled _ refusals _ <"$work/words"
expect "pooled, small pool" "$pooled" -gt 0
expect "pooled, small pool" "$pooled" -le 25165824
expect "refusals, small pool" "$refusals" -gt 0
says_so || fail "not one line about the pool: $(cat "$work/log")"
SEED=8 THREADS=3 run "$HAKMEM_RUN" --huge-pages=hugetlb "$work/random_ops" >/dev/null ||
    fail "random_ops with a small pool"
[ "$(cat "$pool/free_hugepages")" -ge 12 ] || fail "huge pages were lost"
