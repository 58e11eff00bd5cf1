-- The loose funnel view > add_to_cart > purchase within 7 days, in users. Every possible start counts: before an event,
-- the latest view can do whatever an earlier one can, and so can the latest add_to_cart that has a view in time.
with views as (
    select "user", position, ts from events where event = 'view'
),
adds as (
    select a."user", a.position, v.ts as start
    from (select * from events where event = 'add_to_cart') as a
    asof join views as v on v."user" = a."user" and v.position < a.position
    where a.ts - v.ts <= interval 7 days
),
purchases as (
    select p."user"
    from (select * from events where event = 'purchase') as p
    asof join adds as a on a."user" = p."user" and a.position < p.position
    where p.ts - a.start <= interval 7 days
)
select
    (select count(distinct "user") from views),
    (select count(distinct "user") from adds),
    (select count(distinct "user") from purchases);
