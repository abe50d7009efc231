#!/bin/sh
# SPDX-License-Identifier: MIT
# python3 with its own regression tests, with its small-object allocator and without (then each
# object is a block of malloc's): a test file that passes in a plain run passes here. Debian's
# package has no test_sqlite3; python.sh uses a database.
. "$(dirname "$0")/lib.sh"
need python3
# shellcheck disable=SC2034 # read by lib.sh
seconds=3600
python=/usr/bin/python3
served 'python3\(\.[0-9]*\)\{0,1\}' "$python" -c 'print([0] * 100000 == [])'

# What takes part of the test files that would take minutes as a whole; all if empty.
only=

# outcomes WHERE HOW MALLOC TEST...: a line a test file: its name and how it went.
outcomes() {
    where=$1
    prefix="env PYTHONMALLOC=$3"
    [ "$2" = hakmem ] && prefix="env PYTHONMALLOC=$3 $run"
    shift 3
    mkdir "$where"
    # shellcheck disable=SC2086 # words
    (cd "$where" && limited $prefix "$python" -m test -j2 --timeout 900 \
        ${only:+--matchfile "$only"} "$@" \
        </dev/null >out 2>&1)
    awk '{ for (i = 1; i < NF; i++) if ($i ~ /^test_/) print $i, $(i + 1) }' "$where/out" |
        sort -u >"$where/list"
}

# compared LABEL MALLOC TEST...: what doesn't pass must not pass in a plain run either.
compared() {
    label=$1
    malloc=$2
    shift 2
    outcomes "$work/$label" hakmem "$malloc" "$@"
    grep -q 'hakmem:' "$work/$label/out" && fail "$label: the library complains"
    for test in "$@"; do
        grep -q "^$test passed" "$work/$label/list" && continue
        outcomes "$work/$label.$test" plain "$malloc" "$test"
        if grep -q "^$test passed" "$work/$label.$test/list"; then
            tail_of "$work/$label/out"
            fail "$label: $test passes only without the library"
        fi
        echo "$label: $test does not pass here without the library, either"
    done
    passed=$(grep -c passed "$work/$label/list")
    [ "$passed" -ge $((($# + 1) / 2)) ] || fail "$label: only $passed of $# test files passed"
    echo "$label: $passed of $# test files passed"
}
compared objects malloc test_json test_gc test_dict test_list test_set test_bytes test_weakref \
    test_re test_struct test_array test_memoryview
compared system default test_threading test_ctypes test_subprocess test_thread \
    test_queue test_zlib test_mmap test_fork1
compared main default test_multiprocessing_main_handling
only=$work/only
printf '%s\n' '*Queue*' '*Connection*' '*Pool.test_map*' '*SharedMemory*' '*TestHeap*' \
    '*ProcessPoolForkExecutorTest*' '*ThreadPoolExecutorTest*' >"$only"
compared processes default test_multiprocessing_fork test_multiprocessing_spawn \
    test_multiprocessing_forkserver test_concurrent_futures
