#!/bin/sh
# SPDX-License-Identifier: MIT
# sqlite3: a big table with indexes, joins, full text search, JSON, VACUUM and the integrity
# check. The answers and the database file are the same to the bit.
. "$(dirname "$0")/lib.sh"
need sqlite3
rows=$((120000 * scale))
cat >"$work/script" <<SQL
PRAGMA cache_size = -20000;
CREATE TABLE item (id INTEGER PRIMARY KEY, key INTEGER, name TEXT, weight REAL, body BLOB);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
INSERT INTO item SELECT i, (i * 7919) % 10007, printf('name-%08x', (i * 2654435761) % 4294967296),
    i / 7.0, zeroblob(i % 60) FROM n;
CREATE INDEX item_key ON item (key, weight);
CREATE INDEX item_name ON item (name);
CREATE VIRTUAL TABLE words USING fts5(text);
INSERT INTO words SELECT name || ' ' || (key % 97) || ' common' FROM item WHERE id % 8 = 0;
SELECT count(*), sum(key), max(name), round(avg(weight), 3) FROM item;
SELECT key % 100, count(*), group_concat(name) FROM item WHERE key < 300 GROUP BY key % 100;
SELECT count(*) FROM item a JOIN item b ON a.key = b.key + 1 WHERE a.id % 40 = 0;
SELECT name, rank() OVER (PARTITION BY key % 5 ORDER BY name) FROM item WHERE id % 999 = 0;
SELECT count(*) FROM words WHERE words MATCH 'common AND 42';
SELECT sum(json_extract(json_object('k', key, 'l', json_array(id, name)), '\$.l[0]')) FROM item;
SELECT name FROM item ORDER BY substr(name, 8), id DESC LIMIT 50;
BEGIN;
UPDATE item SET name = name || '-changed', body = zeroblob(200) WHERE id % 9 = 0;
DELETE FROM item WHERE id % 5 = 0;
ROLLBACK;
DELETE FROM item WHERE id % 7 = 0;
UPDATE item SET name = upper(name) WHERE key % 3 = 0;
ANALYZE;
VACUUM;
PRAGMA integrity_check;
SELECT count(*), sum(length(name)), sum(length(body)) FROM item;
SQL
served 'libsqlite3.so.0' sqlite3 :memory: 'SELECT 1'
same database sqlite3 -init /dev/null file.db ".read $work/script"
