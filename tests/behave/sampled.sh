#!/bin/sh
# SPDX-License-Identifier: MIT
# While a heap profile samples blocks, rarely or often, programs go on as ever: tests of this folder
# and of tests/stress again.
set -eu
cd "${top_builddir:?}"
status=0
HAKMEM_SAMPLE=1
export HAKMEM_SAMPLE
for HAKMEM_SAMPLE_MEAN in 1 2000; do
    export HAKMEM_SAMPLE_MEAN
    for name in behave/errno_rules behave/fork_signal behave/libc_allocs behave/stats_sums \
        behave/statistics behave/thread_exit behave/usable stress/thread_churn; do
        result=0
        /bin/sh "${top_srcdir:?}/tests/run-c" "./tests/$name.preloaded.t" >sampled.log 2>&1 ||
            result=$?
        if [ "$result" -ne 0 ]; then
            tail -n 5 sampled.log
            echo "failed: $name with one byte in $HAKMEM_SAMPLE_MEAN sampled: status $result"
            status=1
        fi
    done
done
rm -f sampled.log
exit "$status"
