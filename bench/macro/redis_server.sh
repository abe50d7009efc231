#!/bin/sh
# SPDX-License-Identifier: MIT
# What the rows of redis share; sourced by them. Starts a server in the current folder, on the
# allocator that LD_PRELOAD names; all else runs without it. No port is taken.
# shellcheck shell=sh
set -eu
preload=${LD_PRELOAD-}
debug=${LD_DEBUG-}
unset LD_PRELOAD LD_DEBUG
# Debian's server is linked with jemalloc: for glibc's malloc, libc must come first.
preload=${preload:-libc.so.6}
socket=$PWD/socket
# The server's program goes by the name that it is called; redis-tools has it under another one.
ln -s "$(command -v redis-check-rdb)" redis-server
LD_DEBUG=$debug "$BENCH_LAUNCH" "$PWD/used" "$preload" ./redis-server --port 0 --save '' \
    --unixsocket "$socket" --dir "$PWD" >log 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT

ask() {
    redis-cli -s "$socket" "$@"
}
load() {
    redis-benchmark -s "$socket" -q -c 20 -P 32 "$@" >benchmark 2>&1
}

tries=0
until [ "$(ask ping 2>/dev/null)" = PONG ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || exit 1
    sleep 0.05
done

# Stops the server; what it used is in $used then.
stop_server() {
    ask shutdown nosave >/dev/null 2>&1 || true
    wait "$server" || true
    trap - EXIT
    # shellcheck disable=SC2034 # for who sources this
    used=$(cat used)
}
