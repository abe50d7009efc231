#!/bin/sh
# SPDX-License-Identifier: MIT
# python3 with its own regression tests, with malloc for each object (PYTHONMALLOC=malloc) and, for some,
# with Python's own small-object allocator: each test case ends the same as without hakmem-run. And a
# program of our own that uses the sqlite3 module from threads.
. "$(dirname "$0")/lib.sh"
need python3
python3 -c 'import test.test_json' 2>/dev/null || {
    echo 'python: libpython3.11-testsuite is not installed (see tests/programs/packages)' >&2
    exit 99
}
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
served 'python3\(\.[0-9]*\)\{0,1\}' python3 -c 'print("x" * 1000)'
# shellcheck disable=SC2016 # the inner shell's
"$run" python3 -c 'import sys; sys.exit("/'"$library"'" not in open("/proc/self/maps").read())' ||
    fail "python3 does not see $library in its own maps"

# cases FILE: the test cases in regrtest's report and how each ended. A case stands in it twice if it
# ran in two processes.
cases() {
    sed 's/<testcase/\
&/g' "$1" | grep '^<testcase' |
        sed 's/^<testcase name="\([^"]*\)".*result="\([a-z]*\)"[^>]*>\(<[a-z]*\)\{0,1\}.*/\1 \2 \3/' |
        sed 's/ at 0x[0-9a-f]*//' | LC_ALL=C sort
}

# tests_same LABEL ARGUMENT...: runs regrtest plain and under hakmem-run.
tests_same() {
    label=$1
    shift
    for how in plain hakmem; do
        once "$label" "$how" python3 -m test -j2 --timeout 150 --junit-xml "$work/xml" "$@"
        [ -e "$work/xml" ] || {
            tail_of "$work/$label.$how/out" "$work/$label.$how/err"
            fail "$label: no report of the $how run, status $(cat "$work/$label.$how/status")"
        }
        cases "$work/xml" >"$work/$label.$how.cases"
        rm "$work/xml"
    done
    if ! diff "$work/$label.plain.cases" "$work/$label.hakmem.cases" >&2 ||
        ! cmp "$work/$label.plain/status" "$work/$label.hakmem/status"; then
        tail -n 60 "$work/$label.hakmem/out" >&2
        fail "$label: other results (<: plain, >: under hakmem-run)"
    fi
    [ "$(wc -l <"$work/$label.hakmem.cases")" -ge 20 ] || fail "$label: too few test cases"
    echo "$label: $(wc -l <"$work/$label.hakmem.cases") test cases end the same"
}

same sqlite python3 "$here/work.py" "$scale"
tests_same pymalloc test_gc test_json test_weakref test_thread test_deque
PYTHONMALLOC=malloc
export PYTHONMALLOC
same sqlite-malloc python3 "$here/work.py" "$scale"
tests_same objects test_json test_gc test_ctypes test_dict test_list test_set test_unicode test_bytes \
    test_weakref test_tracemalloc test_threading test_thread test_zlib test_mmap test_pyexpat \
    test_pickle test_deque test_hashlib test_fork1 test_re test_array test_memoryview test_lzma
tests_same files test_io test_subprocess -i '*Signal*' -i '*_interrupt*' -i '*timeout*'
tests_same processes test_multiprocessing_fork test_multiprocessing_forkserver \
    -m '*WithProcessesTestPool.*' -m '*TestQueue.test_put' -m '*TestQueue.test_fork' \
    -m '*TestSharedMemory.*' -m '*TestHeap.*' -m '*TestValue.*' -m '*TestArray.*' \
    -m '*WithThreadsTestPool.test_map*' -m '*WithManagerTestContainers.*' -i '*test_terminate*' \
    -i '*timeout*' -i '*resource_tracker*'
