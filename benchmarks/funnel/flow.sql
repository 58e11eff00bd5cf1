-- The flow graph for DuckDB: which step directly follows which within a session, from (start) to (end).
-- Consecutive lines of one order are one step. For each edge: how often, in how many sessions, of how many users.
with marked as (
    select
        user_id, session_id, event, position,
        lag(session_id) over path = session_id and lag(ts) over path = ts
            and lag(event) over path = event and lag(order_id) over path = order_id as goes_on
    from log
    window path as (partition by user_id order by position)
),
steps as (
    select
        user_id, session_id, event,
        coalesce(lag(event) over visit, '(start)') as source,
        lead(event) over visit is null as is_last
    from marked
    where goes_on is not true
    window visit as (partition by session_id order by position)
),
edges as (
    select source, event as target, session_id, user_id from steps
    union all
    select event, '(end)', session_id, user_id from steps where is_last
)
select source, target, count(*) as n, count(distinct session_id) as sessions, count(distinct user_id) as users
from edges
group by source, target;
