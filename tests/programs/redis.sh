#!/bin/sh
# SPDX-License-Identifier: MIT
# redis-server with I/O threads under redis-benchmark with pipelines, while it saves in a forked
# child and frees in its background threads. The digest of all data is the same as that of a plain
# server that was told the same, and of a server that reads the dump. All by a unix socket: no
# port is taken.
. "$(dirname "$0")/lib.sh"
# redis-tools has the server's program, which goes by the name that it is called.
need redis-check-rdb redis-cli redis-benchmark
ln -s "$(command -v redis-check-rdb)" "$work/redis-server"
served redis-server "$work/redis-server" --version

ask() {
    redis-cli -s "$work/socket" "$@"
}

# Not an error: "LOADING" instead of "PONG".
answers() {
    [ "$(ask ping)" = PONG ]
}

# start_server FOLDER [RUN]: leaves the server's pid in $server.
start_server() {
    folder=$work/$1
    shift
    mkdir -p "$folder"
    "$@" "$work/redis-server" --port 0 --unixsocket "$work/socket" --dir "$folder" --save '' \
        --io-threads 3 --io-threads-do-reads yes --enable-debug-command yes \
        --lazyfree-lazy-user-del yes >>"$folder/log" 2>&1 &
    server=$!
    servers=$server
    until_true 600 answers || {
        tail_of "$folder/log"
        fail 'the server does not start'
    }
}

stop_server() {
    stop "$server" || fail "redis-server ends with status $?"
    rm -f "$work/socket"
}

no_save_runs() {
    [ "$(ask info persistence | grep -c 'in_progress:1')" -eq 0 ]
}

# Waits for a save, which must have gone well.
saved() {
    until_true 600 no_save_runs || fail 'a save in a child does not end'
    ask info persistence | grep -q 'bgsave_status:ok' || {
        tail_of "$folder/log"
        fail 'BGSAVE fails'
    }
    ask info persistence | grep -q 'bgrewrite_status:ok' || fail 'BGREWRITEAOF fails'
}

# The same commands for each server: strings, lists, sets, hashes, sorted sets, streams, scripts.
awk -v keys=$((20000 * scale)) 'BEGIN {
    state = 5
    for (i = 0; i < keys; i++) {
        state = (state * 16807) % 2147483647
        print "SET s" state % 9000, "value" state
        print "APPEND s" state % 900, "more" state
        print "LPUSH l" i % 50, state
        print "SADD set" i % 70, "m" state % 3000
        print "HSET h" i % 500, "f" state % 60, state
        print "ZADD z" i % 40, state % 1000, "m" state % 2000
        if (i % 10 == 0) print "XADD x" i % 9, i + 1 "-1", "field", state
        if (i % 20 == 0) print "EVAL \"return redis.call(\x27rpush\x27, KEYS[1], ARGV[1])\" 1 q", i
        if (i % 100 == 0) print "DEL s" state % 9000
        if (i % 1000 == 999) print "UNLINK z" i % 40
    }
}' >"$work/commands"

start_server plain
ask <"$work/commands" >"$work/plain.answers"
wanted=$(ask debug digest)
stop_server

start_server hakmem "$run"
has_library "$server"
ask <"$work/commands" >"$work/hakmem.answers"
cmp "$work/plain.answers" "$work/hakmem.answers" || fail 'other answers under hakmem-run'
[ "$(ask debug digest)" = "$wanted" ] || fail 'other data under hakmem-run'

redis-benchmark -s "$work/socket" -q --threads 2 -c 40 -P 16 -r 20000 -n $((20000 * scale)) -d 200 \
    -t set,get,incr,lpush,rpush,lpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset \
    >"$work/benchmark" 2>&1 &
benchmark=$!
servers="$benchmark $server"
saves=0
while kill -0 "$benchmark" 2>/dev/null; do
    ask bgsave >/dev/null
    ask bgrewriteaof >/dev/null
    ask copy s1 "copy$saves" >/dev/null
    saved
    saves=$((saves + 1))
    sleep 0.2
done
wait "$benchmark" || {
    tail_of "$work/benchmark"
    fail 'redis-benchmark fails'
}
# shellcheck disable=SC2034 # read by lib.sh
servers=$server
[ "$saves" -gt 0 ] || fail 'no save while the benchmark ran'
grep -iq error "$work/benchmark" && fail "redis-benchmark: $(grep -i error "$work/benchmark")"

wanted=$(ask debug digest)
[ "$(ask debug reload)" = OK ] || fail 'DEBUG RELOAD'
[ "$(ask debug digest)" = "$wanted" ] || fail 'other data after DEBUG RELOAD'
ask bgsave >/dev/null
saved
stop_server
redis-check-rdb "$work/hakmem/dump.rdb" >"$work/check" ||
    fail "dump.rdb: $(tail -n 3 "$work/check")"

mkdir "$work/again"
cp "$work/hakmem/dump.rdb" "$work/again"
start_server again
[ "$(ask debug digest)" = "$wanted" ] || fail 'a plain server reads other data from the dump'
stop_server
start_server hakmem "$run"
[ "$(ask debug digest)" = "$wanted" ] || fail 'the server reads other data from its dump'
ask flushall async >/dev/null
[ "$(ask dbsize)" = 0 ] || fail 'FLUSHALL ASYNC'
ask memory purge >/dev/null
ask <"$work/commands" | cmp "$work/plain.answers" - || fail 'other answers after FLUSHALL'
stop_server
echo "redis: the same, $saves saves"
