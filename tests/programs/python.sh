#!/bin/sh
# SPDX-License-Identifier: MIT
# python3: objects, text, json, a database in memory, threads, and processes made in each of the
# three ways of multiprocessing; with its small-object allocator and without.
. "$(dirname "$0")/lib.sh"
need python3
python=/usr/bin/python3
PYTHONHASHSEED=0
export PYTHONHASHSEED
served 'python3\(\.[0-9]*\)\{0,1\}' "$python" -c 'print([0] * 100000 == [])'
for allocator in default malloc; do
    PYTHONMALLOC=$allocator
    export PYTHONMALLOC
    same "$allocator" "$python" "$here/work.py" "$scale"
done
