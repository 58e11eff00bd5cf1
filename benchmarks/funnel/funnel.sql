-- The loose funnel view > add_to_cart > purchase within 7 days, in users, for DuckDB.
-- Every possible start counts. Of all views before an event the latest can do whatever an earlier one can, so a running
-- maximum of their times is enough; the same goes for the start of the best chain up to add_to_cart.
with steps as (
    select user_id, event, ts, position
    from log
    where event in ('view', 'add_to_cart', 'purchase')
),
viewed as (
    select *, max(ts) filter (event = 'view') over path as start
    from steps
    window path as (partition by user_id order by position)
),
added as (
    select *, max(start) filter (event = 'add_to_cart' and ts - start <= interval 7 days) over path as chain
    from viewed
    window path as (partition by user_id order by position)
),
reached as (
    select
        bool_or(event = 'view') as view,
        bool_or(chain is not null) as add_to_cart,
        bool_or(event = 'purchase' and ts - chain <= interval 7 days) as purchase
    from added
    group by user_id
)
select count(*) filter (view), count(*) filter (add_to_cart), count(*) filter (purchase)
from reached;
