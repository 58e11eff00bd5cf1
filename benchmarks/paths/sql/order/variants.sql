-- As ../windows/variants.sql, but relies on the rows of steps being in the order of sessions, also when texts are joined.
-- A path is a text with a letter a step until the end.
with paths as (
    select string_agg(letter, '') as path
    from (
        select
            session, chr(65 + enum_code(event)) as letter,
            lag(session) over () is distinct from session or lag(event) over () <> event as is_kept
        from steps
    )
    where is_kept
    group by session
),
top as (
    select path, count(*) as n from paths group by path order by n desc, path limit 20
)
select list_transform(string_split(path, ''), lambda c: enum_range(null::kind)[ascii(c) - 64]) as path, n from top;
