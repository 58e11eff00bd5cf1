"""What a proposal needs beyond a column each: stand-ins, options, and what to be wary of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.event_map import written
from cartpath.ingest.mapping.choice import LOW, MEDIUM, Choice
from cartpath.ingest.mapping.facts import Facts
from cartpath.ingest.mapping.sample import Sample
from cartpath.schema import Columns, Event, event_schema


def amend(choices: dict[str, Choice], table: pa.Table, columns: Sequence[Facts]) -> list[str]:
    """Put stand-ins where a required column is missing, take back what its rows contradict; say what to be wary of."""
    facts = {each.name: each for each in columns}
    warnings = [*_line_total(choices, table), *_user(choices), *_event(choices)]
    ordered = {name: choices[name] for name in _order(choices)}
    choices.clear()
    choices.update(ordered)
    warnings += _misnamed(choices, facts)
    return [*warnings, *_times(choices, facts), *_identities(choices, facts), *_unsure(choices)]


def _order(choices: Mapping[str, Choice]) -> list[str]:
    return [name for name in event_schema().names if name in choices]


def _line_total(choices: dict[str, Choice], table: pa.Table) -> list[str]:
    """An order's total is the same on all of its lines."""
    value, order = choices.get(Columns.order_value), choices.get(Columns.order_id)
    if value is None or order is None:
        return []
    pairs = (
        table.select([order.column, value.column])
        .group_by([order.column])
        .aggregate([(value.column, "count_distinct")])
    )
    several = pc.sum(pc.greater(pairs[f"{value.column}_count_distinct"], 1)).as_py() or 0
    if several <= 0.05 * len(pairs):
        return []
    del choices[Columns.order_value]
    return [
        f"{value.column!r} is no order's total: {several:,} of {len(pairs):,} orders have different values on their "
        "rows; if it is the amount of a line, ingest needs the price of one piece"
    ]


def _user(choices: dict[str, Choice]) -> list[str]:
    session = choices.get(Columns.session_id)
    if Columns.user_id in choices or session is None:
        return []
    choices[Columns.user_id] = Choice(session.column, LOW, "no column names a user; a session stands for one")
    return [f"no column names a user: each {session.column!r} is taken as a user of its own, who never comes back"]


def _event(choices: dict[str, Choice]) -> list[str]:
    if Columns.event in choices:
        return []
    order = choices.get(Columns.order_id)
    if order is not None:
        why = f"no column names events, and {order.column!r} is an order's number"
        choices[Columns.event] = Choice(f"={Event.purchase}", MEDIUM, why)
        return [f"no column names events: every row is taken as a {Event.purchase}, as each has an order's number"]
    if Columns.item_id in choices and Columns.ts in choices:
        choices[Columns.event] = Choice(f"={Event.view}", LOW, "no column names events or orders; rows name items")
        return [f"no column names events: every row is taken as a {Event.view}; --map event==NAME says otherwise"]
    return []


def read_anyway(choices: Mapping[str, Choice], facts: Mapping[str, Facts]) -> list[str]:
    """Return the columns that adapter ``generic`` reads by their canonical names, though they were not chosen."""
    taken = {name for name, choice in choices.items() if not choice.column.startswith("=")}
    return [name for name in event_schema().names if name in facts and name not in taken]


def _misnamed(choices: Mapping[str, Choice], facts: Mapping[str, Facts]) -> list[str]:
    return [
        f"{name!r} has the name of a canonical column and not its values; ingest reads it by its name: rename it first"
        for name in read_anyway(choices, facts)
        if facts[name].nulls < 1
    ]


def _times(choices: Mapping[str, Choice], facts: Mapping[str, Facts]) -> list[str]:
    if Columns.ts not in choices:
        return []
    name = choices[Columns.ts].column
    time, said = facts[name].time, []
    if time.local:
        said.append(f"{name!r} has no offset and is read as UTC; if it is local: --option time_zone=Europe/Berlin")
    if time.other:
        said.append(f"{name!r} fits {time.pattern} and {time.other}: day and month cannot be told apart in these rows")
    if time.dates_only:
        said.append(f"{name!r} has days without a time of day: the order within a day is that of the file")
    return said


def _identities(choices: Mapping[str, Choice], facts: Mapping[str, Facts]) -> list[str]:
    user = facts.get(choices[Columns.user_id].column) if Columns.user_id in choices else None
    if user is None:
        return []
    said = []
    if user.nulls:
        said.append(f"{user.nulls:.1%} of the rows have no {user.name!r}; ingest would quarantine them")
    if user.varied > 0.95 and user.n >= 50:
        said.append(f"{user.name!r} hardly repeats: there would be no paths")
    return said


def _unsure(choices: Mapping[str, Choice]) -> list[str]:
    return [
        f"{name} is a guess: {choice.column!r} ({choice.why})"
        for name, choice in choices.items()
        if choice.confidence == LOW and not choice.column.startswith("=") and "stands for" not in choice.why
    ]


def options(choices: Mapping[str, Choice], facts: Mapping[str, Facts], events: Mapping[str, str]) -> dict[str, str]:
    """Return the options that reading the columns as chosen needs."""
    found: dict[str, str] = {}
    chosen = {name: facts[choice.column] for name, choice in choices.items() if choice.column in facts}
    if Columns.ts in chosen and (pattern := chosen[Columns.ts].time.pattern):
        found["time_format"] = pattern
    numbers = (Columns.price, Columns.quantity, Columns.order_value, Columns.visit_number)
    if any(chosen[name].point == "," for name in numbers if name in chosen):
        found["decimal"] = ","
    if events:
        found["events"] = written(events)
    return found


def is_headerless(looked: Sample) -> bool:
    """Whether the names of a CSV file's columns are numbers, as its first line has them if there is no header."""
    names = looked.table.column_names
    plain = [name.partition(".")[0].lstrip("-") for name in names]
    return looked.format == "csv" and sum(name.isdigit() for name in plain) * 2 > len(names)
