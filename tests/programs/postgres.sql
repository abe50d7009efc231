-- SPDX-License-Identifier: MIT
-- What postgres.sh asks: sorts, joins, aggregates in parallel, JSON, arrays, procedures, errors.
CREATE TABLE item AS SELECT i AS id, (i * 7919) % 1009 AS key, md5(i::text) AS name,
    (i % 977) / 7.0 AS weight FROM generate_series(1, :rows) i;
CREATE INDEX ON item (key, name);
CREATE INDEX ON item USING gin (to_tsvector('simple', name));
ANALYZE item;
SELECT count(*), sum(key), max(name), round(avg(weight), 4) FROM item;
SELECT md5(string_agg(name, ',' ORDER BY name DESC)) FROM item;
SELECT key % 10, count(DISTINCT name), md5(string_agg(name, '' ORDER BY id)) FROM item
    GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM item a JOIN item b USING (key) WHERE a.id % 10 = 0;
SELECT md5(array_agg(r ORDER BY r)::text) FROM (SELECT rank() OVER (PARTITION BY key
    ORDER BY name) AS r FROM item) s;
SELECT md5(jsonb_agg(jsonb_build_object('k', key, 'n', ARRAY[name, upper(name)]) ORDER BY id)::text)
    FROM item WHERE id % 5 = 0;
SELECT count(*) FROM item WHERE name ~ '(a|b)[0-9]{3}.*(.)\2' ;
SELECT md5(string_agg(regexp_replace(name, '([a-f])([0-9])', '\2\1', 'g'), '' ORDER BY id)) FROM item;
SELECT sum(x::numeric ^ 3) FROM generate_series(1, 2000) x;
SELECT length(repeat(name, 100000)) FROM item WHERE id = 1;
SELECT md5(xmlagg(xmlelement(name e, xmlattributes(key), name) ORDER BY id)::text) FROM item
    WHERE id < 3000;
WITH RECURSIVE tree(id, depth, path) AS (SELECT 1, 1, '1' UNION ALL
    SELECT id * 2 + b, depth + 1, path || '/' || (id * 2 + b) FROM tree, (VALUES (0), (1)) v(b)
    WHERE depth < 12)
SELECT count(*), md5(string_agg(path, ' ' ORDER BY id)) FROM tree;
CREATE FUNCTION work(rounds int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    list text[] := '{}';
    caught int := 0;
BEGIN
    FOR i IN 1 .. rounds LOOP
        list := list || repeat(chr(97 + i % 26), i % 40);
        BEGIN
            IF i % 7 = 0 THEN
                RAISE EXCEPTION 'round %', i;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            caught := caught + length(SQLERRM);
        END;
    END LOOP;
    RETURN caught || ' ' || md5(list::text);
END $$;
SELECT work(3000);
BEGIN;
UPDATE item SET name = reverse(name) WHERE key < 500;
SAVEPOINT here;
DELETE FROM item WHERE key < 300;
ROLLBACK TO here;
COMMIT;
CREATE TABLE copy (LIKE item) PARTITION BY HASH (id);
SELECT format('CREATE TABLE copy_%s PARTITION OF copy FOR VALUES WITH (MODULUS 20, REMAINDER %s)',
    i, i) FROM generate_series(0, 19) i \gexec
INSERT INTO copy SELECT * FROM item;
SELECT tableoid::regclass, count(*), md5(string_agg(name, '' ORDER BY id)) FROM copy
    GROUP BY 1 ORDER BY 1;
DELETE FROM copy WHERE id % 3 = 0;
VACUUM ANALYZE copy;
SELECT count(*), md5(string_agg(name, '' ORDER BY id)) FROM copy;
