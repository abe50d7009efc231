#!/bin/sh
# SPDX-License-Identifier: MIT
# PostgreSQL: initdb, pgbench with several clients, and a script of queries whose answers are the
# same as a plain server's; then a plain server dumps the database that was made under hakmem-run.
# The server runs as the user nobody if the test runs as root, and listens to a unix socket alone.
. "$(dirname "$0")/lib.sh"
bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
PATH=$bin:$PATH
need initdb postgres psql pgbench pg_dump setpriv
PGHOST=$work/pg
PGUSER=tester
PGDATABASE=postgres
export PGHOST PGUSER PGDATABASE
mkdir "$PGHOST"
if [ "$(id -u)" -eq 0 ]; then
    chown -R nobody: "$PGHOST" "$HOME"
    set -- setpriv --reuid=nobody --regid=nogroup --clear-groups
else
    set --
fi
as_user="$*"

# make_cluster HOW [RUN]
make_cluster() {
    cluster=$PGHOST/$1
    shift
    # shellcheck disable=SC2086 # a list of words, or nothing
    (cd "$PGHOST" && limited $as_user "$@" initdb -D "$cluster" -U tester -A trust -N \
        --locale=C.UTF-8 -E UTF8) >"$work/initdb" 2>&1 || {
        tail_of "$work/initdb"
        fail "initdb $*"
    }
}

# start_server HOW [RUN]: leaves the server's pid in $server.
start_server() {
    cluster=$PGHOST/$1
    shift
    # shellcheck disable=SC2086 # a list of words, or nothing
    (cd "$PGHOST" && exec $as_user "$@" postgres -D "$cluster" -k "$PGHOST" \
        -c listen_addresses= -c fsync=off -c work_mem=2MB -c max_parallel_workers_per_gather=2 \
        -c min_parallel_table_scan_size=64kB -c parallel_setup_cost=0 -c shared_buffers=32MB \
        -c dynamic_shared_memory_type=mmap) >>"$work/log" 2>&1 &
    server=$!
    # shellcheck disable=SC2034 # read by lib.sh
    servers=$server
    until_true 600 psql -c 'SELECT 1' || {
        tail_of "$work/log"
        fail 'the server does not start'
    }
}

stop_server() {
    stop "$server" || {
        tail_of "$work/log"
        fail "postgres ends with status $?"
    }
}

query() {
    limited psql -X -A -t -v ON_ERROR_STOP=1 "$@"
}

# A server process that ended by a signal makes all of them restart, and says so in the log.
no_crash() {
    if grep -E 'terminated by signal|PANIC|hakmem:' "$work/log" >&2; then
        tail_of "$work/log"
        fail 'a server process crashed'
    fi
}

cp "$here/postgres.sql" "$work/script.sql"
# shellcheck disable=SC2034 # read by lib.sh
seconds=1200
make_cluster plain
start_server plain
query -v rows=$((30000 * scale)) -f "$work/script.sql" >"$work/plain.answers" || exit 99
stop_server

make_cluster hakmem "$run"
start_server hakmem "$run"
# A backend that sleeps, to be looked at with the server's other processes.
query -c 'SELECT pg_sleep(20)' >/dev/null 2>&1 &
sleeper=$!
sleeps() {
    query -c 'SELECT query FROM pg_stat_activity' | grep -q '^SELECT pg_sleep'
}
until_true 600 sleeps || fail 'no backend sleeps'
processes=$(children "$server")
# shellcheck disable=SC2086 # a list of words
has_library "$server" $processes
[ "$(echo "$processes" | wc -w)" -ge 5 ] || fail "too few server processes: $processes"
query -v rows=$((30000 * scale)) -f "$work/script.sql" >"$work/hakmem.answers" 2>"$work/errors" || {
    tail_of "$work/errors" "$work/log"
    fail 'the queries fail under hakmem-run'
}
diff "$work/plain.answers" "$work/hakmem.answers" >&2 || fail 'other answers under hakmem-run'

bench() {
    limited "$run" pgbench "$@" >"$work/bench" 2>&1 || {
        tail_of "$work/bench" "$work/log"
        fail "pgbench $*"
    }
}
bench -q -i -s $((2 * scale))
bench -c 8 -j 2 -t $((250 * scale)) -M prepared
bench -n -S -C -c 4 -j 2 -t $((50 * scale))
sums=$(query -F ' ' -c 'SELECT (SELECT sum(abalance) FROM pgbench_accounts),
    (SELECT sum(bbalance) FROM pgbench_branches), (SELECT sum(tbalance) FROM pgbench_tellers),
    (SELECT sum(delta) FROM pgbench_history), (SELECT count(*) FROM pgbench_history)')
echo "$sums" | awk -v rows=$((2000 * scale)) '
    { exit !($1 == $2 && $2 == $3 && $3 == $4 && $5 == rows) }' || fail "sums differ: $sums"
query -q -c 'VACUUM FULL' -c 'REINDEX DATABASE postgres' || fail 'VACUUM FULL or REINDEX'
limited "$run" pg_dump -f "$work/hakmem.dump" || fail pg_dump
wait "$sleeper" || fail 'a backend that slept ended'
stop_server
no_crash
start_server hakmem
limited pg_dump -f "$work/plain.dump" || fail 'a plain pg_dump'
stop_server
# \restrict and \unrestrict are followed by a random word.
sed -i '/^.\(un\)\{0,1\}restrict /d' "$work/hakmem.dump" "$work/plain.dump"
cmp "$work/plain.dump" "$work/hakmem.dump" || fail 'a plain server dumps other data'
echo "postgres: the same ($sums)"
