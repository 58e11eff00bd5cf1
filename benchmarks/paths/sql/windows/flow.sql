-- Which step directly follows which within a session, from (start) to (end): how often, in how many sessions, of how many
-- users, and after how long (median, microseconds).
with pairs as (
    select
        session, "user", event as source,
        lead(event) over visit as target,
        epoch_us(lead(ts) over visit) - epoch_us(ts) as gap,
        lag(event) over visit is null as is_first
    from steps
    window visit as (partition by session order by position)
)
select
    source::varchar as source, coalesce(target::varchar, '(end)') as target,
    count(*) as n, count(distinct session) as sessions, count(distinct "user") as users, median(gap) as gap
from pairs
group by pairs.source, pairs.target
union all
select '(start)', source::varchar, count(*), count(*), count(distinct "user"), null
from pairs
where is_first
group by pairs.source;
