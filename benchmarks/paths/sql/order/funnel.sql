-- As ../windows/funnel.sql, but relies on the rows of events being in path order. User and time make one number that rises
-- from row to row, so the latest view is a running maximum over all rows, without a sort: another user's is too far away.
with funnel as (
    select "user", event, "user"::hugeint * $span + (epoch_us(ts) - $first) as moment
    from events where event in ('view', 'add_to_cart', 'purchase')
),
viewed as (
    select *, max(moment) filter (event = 'view') over (rows unbounded preceding) as start from funnel
),
added as (
    select *, event = 'add_to_cart' and moment - start <= $window as is_added from viewed where event <> 'view'
),
chained as (
    select *, max(start) filter (is_added) over (rows unbounded preceding) as chain from added
)
select
    (select count(distinct "user") from events where event = 'view'),
    count(distinct "user") filter (is_added),
    count(distinct "user") filter (event = 'purchase' and moment - chain <= $window)
from chained;
