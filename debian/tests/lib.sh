# SPDX-License-Identifier: MIT
# What the tests of the installed packages share; sourced by each of them, first thing. Leaves the
# shell in a private folder.
# shellcheck shell=sh
set -eu
LC_ALL=C.UTF-8
export LC_ALL
unset LD_PRELOAD LD_LIBRARY_PATH PKG_CONFIG_PATH
work=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" || true; fi; rm -rf "$work"' EXIT
cd "$work"

fail() {
    echo "failed: $*"
    exit 1
}

# same WANTED GOT WORDS
same() {
    [ "$1" = "$2" ] || fail "$3: got '$2', not '$1'"
}

# start_redis COMMAND...: starts a server on ./socket, by COMMAND, and waits until it answers.
# Leaves its process ID in $server.
start_redis() {
    "$@" redis-server --port 0 --unixsocket "$work/socket" --save '' --appendonly no \
        --dir "$work" >redis.log 2>&1 &
    server=$!
    for _ in $(seq 3000); do
        if [ "$(redis-cli -s "$work/socket" ping 2>&1)" = PONG ]; then
            return 0
        fi
        kill -0 "$server" 2>kill.log || break
        sleep 0.1
    done
    cat redis.log
    fail 'redis-server does not answer'
}

# fill_redis: 100,000 values.
fill_redis() {
    lua="for i = 1, 100000 do redis.call('set', 'key' .. i, string.rep('x', 100)) end return 1"
    same 1 "$(redis-cli -s "$work/socket" eval "$lua" 0)" 'filling the server'
    same 100000 "$(redis-cli -s "$work/socket" dbsize)" dbsize
}
