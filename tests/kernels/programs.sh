#!/bin/sh
# SPDX-License-Identifier: MIT
# Some work of real programs for a slow guest: what the longer tests of tests/programs do, with
# sizes for an emulated processor. Each is run plain and on the library, and prints the same.
# shellcheck disable=SC2016 # what is quoted is for another shell
. "$(dirname "$0")/../programs/lib.sh"
need python3 perl gcc redis-check-rdb redis-cli sqlite3 ruby

cat >"$work/work.py" <<'PY'
import hashlib, json, os
rows = [{"n": i, "text": "x" * (i % 300), "list": list(range(i % 20))} for i in range(1500)]
text = json.dumps(rows)
buffer = bytearray()
for i in range(1000):
    buffer += bytes([i % 256]) * 4096
for share in (2, 3, 4):
    buffer += buffer[: len(buffer) // share]
child = os.fork()
if child == 0:
    os._exit(len(json.loads(text)) % 256)
print(os.waitpid(child, 0)[1] >> 8, len(buffer), hashlib.sha256(buffer).hexdigest())
PY
PYTHONMALLOC=malloc
PYTHONHASHSEED=0
PERL_HASH_SEED=0
export PYTHONMALLOC PYTHONHASHSEED PERL_HASH_SEED
same python python3 "$work/work.py"

cat >"$work/work.pl" <<'PL'
my (%count, $long);
for my $i (1 .. 10000) { $count{"key" . $i % 5000} .= chr(65 + $i % 26); }
$long .= "line $_\n" x 9 for 1 .. 20000;
my @sorted = sort { $count{$a} cmp $count{$b} || $a cmp $b } keys %count;
my $answer = `echo from a child`;
print length $long, " @sorted[0 .. 9] $answer";
PL
same perl perl "$work/work.pl"

cat >"$work/work.rb" <<'RB'
text = String.new
5000.times { |i| text << "#{i} " * 40 }
tree = (1..5000).group_by { |i| i % 97 }.transform_values { |list| list.map(&:to_s) }
GC.compact
threads = 3.times.map { |t| Thread.new { (1..1000).map { |i| "#{t}-#{i}" }.join.sum } }
puts text.sum, tree.size, threads.map(&:value).inspect, IO.popen("echo child", &:read)
RB
same ruby ruby "$work/work.rb"

cat >"$work/work.sql" <<'SQL'
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, body BLOB);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
INSERT INTO item SELECT i, printf('name-%08x', i * 2654435761 % 4294967296), zeroblob(i % 90)
    FROM n;
CREATE INDEX item_name ON item (name);
SELECT count(*), max(name), sum(length(body)) FROM item;
SELECT length(group_concat(name)) FROM (SELECT name FROM item ORDER BY substr(name, 8), id);
DELETE FROM item WHERE id % 3 = 0;
VACUUM;
PRAGMA integrity_check;
SQL
same sqlite sqlite3 -init /dev/null file.db ".read $work/work.sql"

awk -v functions=8 -f "$here/../programs/gcc_long.awk" >"$work/long.c"
same gcc sh -c 'gcc -O2 -c "$1" -o long.o && size long.o' sh "$work/long.c"

# redis saves in forked children while it is written to; what it reads from the dump is the same.
cat >"$work/redis" <<'SH'
ask() { redis-cli -s ./socket "$@"; }
ready() { [ "$(ask ping 2>/dev/null)" = PONG ]; }
saving() { ask info persistence | grep -q 'in_progress:1'; }
start() {
    ./redis-server --port 0 --unixsocket ./socket --save '' --enable-debug-command yes >log 2>&1 &
    until ready; do kill -0 $! || exit 1; sleep 0.1; done
}
ln -s "$(command -v redis-check-rdb)" redis-server
start
awk 'BEGIN { for (i = 0; i < 1200; i++) {
    print "SET s" i, "value" i * 7919
    print "APPEND s" i % 300, "more" i
    print "HSET h" i % 50, "f" i, i
    print "ZADD z" i % 20, i, "m" i
    if (i % 400 == 200) print "BGSAVE SCHEDULE"
} }' | ask >answers || exit 1
while saving; do sleep 0.1; done
ask bgsave
while saving; do sleep 0.1; done
ask info persistence | grep bgsave_status
ask debug digest
ask shutdown nosave
wait
start
ask debug digest
ask shutdown nosave
wait
rm -f log dump.rdb answers redis-server
SH
same redis sh "$work/redis"
