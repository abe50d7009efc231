-- SPDX-License-Identifier: MIT
-- Fills, indexes, changes and sums a table in memory, for the row sqlite. The parameter $scale is
-- the share of the work in percent.
create table t(id integer primary key, name text, place real, note blob);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 2500 * $scale)
insert into t select i, 'name ' || (i * 7919 % 100003), i / 3.0, zeroblob(i % 200) from n;
create index by_name on t(name);
update t set note = zeroblob(id % 300) where id % 3 = 0;
delete from t where id % 7 = 0;
select count(*), sum(length(note)), count(distinct name) from t;
select count(*) from t a join t b on a.name = b.name where a.id % 50 = 0;
