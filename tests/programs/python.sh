#!/bin/sh
# SPDX-License-Identifier: MIT
# python3 with its own regression tests, with its small-object allocator and without (then each
# object is a block of malloc's): the outcome of every test file is that of a plain run.
. "$(dirname "$0")/lib.sh"
need python3
seconds=600
python=/usr/bin/python3
served '\(python3\.[0-9]*\|libpython[^ ]*\)' "$python" -c 'print([0] * 100000 == [])'
"$run" "$python" -c 'print(open("/proc/self/maps").read())' | grep -q "/$library" ||
    fail "$library is not in python"

# outcomes LABEL HOW MALLOC TEST...: a line a test file: its name and how it went.
outcomes() {
    label=$1
    how=$2
    prefix="env PYTHONMALLOC=$3"
    [ "$how" = hakmem ] && prefix="env PYTHONMALLOC=$3 $run"
    shift 3
    mkdir -p "$work/$label.$how"
    # shellcheck disable=SC2086 # words
    (cd "$work/$label.$how" && limited $prefix "$python" -m test -j2 --timeout 300 "$@" \
        </dev/null >out 2>&1)
    awk '{ for (i = 1; i < NF; i++) if ($i ~ /^test_/) print $i, $(i + 1) }' \
        "$work/$label.$how/out" | sort -u >"$work/$label.$how.list"
}

compared() {
    label=$1
    shift
    outcomes "$label" hakmem "$@"
    grep -q 'hakmem:' "$work/$label.hakmem/out" && fail "$label: the library complains"
    shift
    for test in "$@"; do
        if ! grep -q "^$test passed" "$work/$label.hakmem.list"; then
            outcomes "$label-again" plain default "$test"
            if grep -q "^$test passed" "$work/$label-again.plain.list"; then
                tail_of "$work/$label.hakmem/out"
                fail "$label: $test passes only without the library"
            fi
            echo "$label: $test does not pass here without the library, either"
        fi
    done
    grep -q passed "$work/$label.hakmem.list" || fail "$label: no test passed"
    echo "$label: $(grep -c passed "$work/$label.hakmem.list") test files passed"
}
compared objects malloc test_json test_gc test_dict test_list test_set test_bytes test_weakref \
    test_unicode test_re test_io test_pickle test_struct test_array test_memoryview
compared system default test_threading test_ctypes test_sqlite3 test_subprocess test_thread \
    test_queue test_zlib test_mmap test_fork1 test_concurrent_futures
