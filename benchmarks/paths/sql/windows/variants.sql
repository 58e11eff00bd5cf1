-- The 20 most frequent paths of sessions, repeats of a step collapsed.
with paths as (
    select list(event order by position) as path
    from (select *, lag(event) over (partition by session order by position) as before from steps)
    where event is distinct from before
    group by session
)
select path, count(*) as n from paths group by path order by n desc, path limit 20;
