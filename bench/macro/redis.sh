#!/bin/sh
# SPDX-License-Identifier: MIT
# redis-server under redis-benchmark with pipelines, for the row redis. The server alone runs on the
# allocator; what it used is what is reported. The argument is the share of the work in percent.
set -eu
preload=${LD_PRELOAD-}
debug=${LD_DEBUG-}
unset LD_PRELOAD LD_DEBUG
# Debian's server is linked with jemalloc: for glibc's malloc, libc must come first.
preload=${preload:-libc.so.6}
socket=$PWD/socket
# The server's program goes by the name that it is called; redis-tools has it under another one.
ln -s "$(command -v redis-check-rdb)" redis-server
LD_DEBUG=$debug "$BENCH_LAUNCH" "$PWD/server" "$preload" ./redis-server --port 0 --save '' \
    --unixsocket "$socket" --dir "$PWD" >log 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
tries=0
until [ "$(redis-cli -s "$socket" ping 2>/dev/null)" = PONG ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || exit 1
    sleep 0.05
done
redis-benchmark -s "$socket" -q -c 20 -P 32 -r 20000 -n $((3000 * $1)) -d 300 \
    -t set,get,lpush,rpop,sadd,hset,zadd >benchmark 2>&1
redis-cli -s "$socket" shutdown nosave >/dev/null 2>&1 || true
wait "$server" || true
trap - EXIT
cat server
