-- As ../windows/steps.sql, but relies on the rows of steps being in the order of sessions: a step is the fifth if the row
-- four before is of the same session and the row five before is not.
select 1 + (p1 is true)::int + (p2 is true)::int + (p3 is true)::int + (p4 is true)::int as place, event, count(*) as n
from (
    select
        event,
        lag(session, 1) over () = session as p1,
        lag(session, 2) over () = session as p2,
        lag(session, 3) over () = session as p3,
        lag(session, 4) over () = session as p4,
        lag(session, 5) over () = session as p5
    from steps
)
where p5 is not true
group by place, event;
