-- As ../windows/flow.sql, but relies on the rows of steps being in the order of sessions: lag and lead without a partition
-- are one pass, without a sort.
with pairs as (
    select
        session, "user", event as source,
        case when lead(session) over () = session then lead(event) over () end as target,
        case when lead(session) over () = session then epoch_us(lead(ts) over ()) - epoch_us(ts) end as gap,
        lag(session) over () is distinct from session as is_first
    from steps
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
