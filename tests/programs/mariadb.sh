#!/bin/sh
# SPDX-License-Identifier: MIT
# mariadbd with tables of two engines, joins, sorting on disk and four clients at a time. They get
# the answers that a plain server gives; the dumps of the databases are the same, too.
. "$(dirname "$0")/lib.sh"
need mariadbd mariadb mariadb-dump mariadb-install-db
as_user=
if [ "$(id -u)" -eq 0 ]; then
    as_user='setpriv --reuid=nobody --regid=nogroup --clear-groups'
fi
cat >"$work/fill.sql" <<END
CREATE DATABASE t;
USE t;
CREATE TABLE goods (id INT PRIMARY KEY, name VARCHAR(40), price INT, note TEXT, KEY (price));
INSERT INTO goods SELECT seq, CONCAT('name', seq * 7919 % 10007), seq * 31 % 977,
    REPEAT(CHAR(65 + seq % 26), seq % 300) FROM seq_1_to_$((6000 * scale));
CREATE TABLE sales (good INT, amount INT) ENGINE=Aria;
INSERT INTO sales SELECT seq % 6000, seq * 13 % 50 FROM seq_1_to_20000;
END
cat >"$work/ask.sql" <<'END'
SELECT COUNT(*), SUM(amount), MD5(GROUP_CONCAT(amount ORDER BY good, amount)) FROM sales;
SELECT price, COUNT(*), SUM(s.amount) FROM goods g JOIN sales s ON s.good = g.id
    GROUP BY price ORDER BY 3 DESC, 1 LIMIT 20;
SELECT MD5(GROUP_CONCAT(CONCAT(name, LENGTH(note)) ORDER BY note DESC, name)) FROM goods;
WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900)
    SELECT SUM(i), JSON_OBJECT('most', MAX(i)) FROM n;
SELECT REGEXP_REPLACE(name, '[13579]', '-'), price FROM goods ORDER BY name, id LIMIT 30;
END

# ask CLIENT-ARGUMENT...
ask() {
    limited mariadb --no-defaults -S "$work/$how/socket" -u root -N "$@"
}

# serve HOW [RUN]: makes a database, asks, and leaves the answers in $work/HOW.answers.
serve() {
    how=$1
    shift
    mkdir "$work/$how"
    [ -z "$as_user" ] || chown -R nobody: "$work/$how" "$HOME"
    # shellcheck disable=SC2086 # words
    $as_user mariadb-install-db --no-defaults --datadir="$work/$how/data" \
        --auth-root-authentication-method=normal --skip-test-db >"$work/install" 2>&1 || {
        tail_of "$work/install"
        fail "mariadb-install-db: $how"
    }
    # shellcheck disable=SC2086
    $as_user "$@" mariadbd --no-defaults --datadir="$work/$how/data" --skip-networking \
        --socket="$work/$how/socket" --pid-file="$work/$how/pid" --innodb-flush-method=fsync \
        --innodb-buffer-pool-size=32M --sort-buffer-size=32K --group-concat-max-len=100M \
        --max-allowed-packet=64M >"$work/$how.log" 2>&1 &
    server=$!
    # shellcheck disable=SC2034 # read by lib.sh
    servers=$server
    until_true 600 ask -e 'SELECT 1' || {
        tail_of "$work/$how.log"
        fail "the server does not start: $how"
    }
    [ "$how" = plain ] || has_library "$server"
    ask <"$work/fill.sql" || fail "filling: $how"
    clients=
    for client in 1 2 3 4; do
        ask t <"$work/ask.sql" >"$work/$how.answers.$client" &
        clients="$clients $!"
    done
    for client in $clients; do
        wait "$client" || fail "a client: $how"
    done
    limited mariadb-dump --no-defaults -S "$work/$how/socket" -u root --skip-dump-date t \
        >"$work/$how.dump" || fail "dump: $how"
    stop "$server" || fail "mariadbd ends with status $?: $how"
}

serve plain
serve hakmem "$run"
for part in answers.1 answers.2 answers.3 answers.4 dump; do
    cmp "$work/plain.$part" "$work/hakmem.$part" || fail "$part: not the same under hakmem-run"
done
[ "$(wc -l <"$work/plain.answers.1")" -eq 53 ] || fail "$(wc -l <"$work/plain.answers.1") answers"
