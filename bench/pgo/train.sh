#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the training programs of --enable-pgo in folder $1, whose subfolder "profile" they write:
# fixed work, one thread, an empty environment. What is left out of the profile afterwards depends
# on the machine: where the kernel puts memory, say. Writing it calls malloc, too, for the files'
# names: without the folder of the build in them they have one length everywhere.
set -eu
cd "$1"
rm -f profile/*.gcda

train() {
    program=./train_$1
    shift
    env -i GCOV_PREFIX=profile GCOV_PREFIX_STRIP=999 "$program" "$@" >log 2>&1 || {
        cat log >&2
        exit 1
    }
    if grep profiling log >&2; then
        exit 1
    fi
}
train mixed 300000
train micro mix size=mixed ops=500000
train micro mix size=tiny ops=500000
train micro mix size=heavy ops=200000
train micro calloc ops=500000
train micro aligned ops=200000
train micro realloc ops=100000
train micro large ops=60 doublings=5
train micro live ops=200000 live=5000
train micro order ops=500000
train micro order order=in ops=500000
train micro order order=fifo ops=500000
rm -f profile/os_*.gcda log
if [ ! -s profile/api_malloc.gcda ] || [ ! -s profile/cache_cache.gcda ]; then
    echo 'the training programs have left no profile' >&2
    exit 1
fi
