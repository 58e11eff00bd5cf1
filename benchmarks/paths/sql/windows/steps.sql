-- How many sessions are at which event as their first to fifth step.
select place, event, count(*) as n
from (select event, row_number() over (partition by session order by position) as place from steps)
where place <= 5
group by place, event;
