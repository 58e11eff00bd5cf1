from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath.features import log_from_table
from cartpath.models.cutoff.standing import COLUMNS, PAIR_COLUMNS, standing
from cartpath.tasks import CutoffRows, RepeatTask, asked_users, repeat_at
from tests.tasks.buying import BEGIN, DAY, HOUR, between, categories, changed_from, cuts_at, lines_of, log_of_lines
from tests.tasks.test_spend import amount_of


def days_since(at, lines, which):
    return (at - lines[which].ts) / DAY if lines else np.nan


def steps_of(past):
    """The step of each line of a path: lines of one order at one time, one after the other, are one."""
    numbers = []
    for place, line in enumerate(past):
        before = past[place - 1] if place else line
        together = line.order and (before.ts, before.order, before.event) == (line.ts, line.order, line.event)
        numbers.append(numbers[-1] if place and together else place)
    return numbers


def twin(lines, user, at):
    """Where a user stands, from the plain rows."""
    past = sorted(between(lines, user, 0, at), key=lambda line: line.ts)
    bought = [line for line in past if line.event == "purchase"]
    # Half an hour of silence ends a session: events are six hours apart, or at once.
    visits, paid = len({line.ts for line in past}), amount_of(bought)
    times = len({step for step, line in zip(steps_of(past), past, strict=True) if line.event == "purchase"})
    mean = paid / times if bought else np.nan
    return [
        *(days_since(at, past, -1), days_since(at, bought, -1), days_since(at, past, 0)),
        *(visits, times, paid, mean),
    ]


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_where_a_user_stands_is_what_the_plain_rows_say(seed):
    lines = lines_of(np.random.default_rng(seed))
    log = log_of_lines(lines)
    rows = asked_users(log, cuts_at([4, 9.25, 15], 3))
    ids = log.view.user_id.take(rows.user).to_pylist()
    expected = [twin(lines, user, int(at)) for user, at in zip(ids, rows.cutoff, strict=True)]
    np.testing.assert_allclose(np.expm1(standing(log, rows)), np.array(expected), rtol=1e-9, atol=1e-9)


def pair_twin(lines, user, at, texts):
    past = sorted(between(lines, user, 0, at), key=lambda line: line.ts)
    steps = {
        step: line
        for step, line in zip(steps_of(past), past, strict=True)
        if line.event == "purchase" and line.item in texts
    }
    bought = list(steps.values())
    return [days_since(at, bought, -1), days_since(at, bought, 0), len(steps)]


@pytest.mark.parametrize("of", ["item", "category"])
@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_how_often_and_when_it_was_bought_is_what_the_plain_rows_say(of, seed):
    lines = lines_of(np.random.default_rng(seed))
    if not any(line.event == "purchase" and categories().get(line.item) for line in lines):
        return
    log, category = log_of_lines(lines), categories()
    rows = repeat_at(log, cuts_at([4, 9.25, 15], 3), RepeatTask("3d", of))
    found = np.expm1(standing(log, rows, of))[:, len(COLUMNS) :]
    assert found.shape == (len(rows), len(PAIR_COLUMNS))
    for row, (user, at, what) in enumerate(zip(rows.user, rows.cutoff, rows.what, strict=True)):
        text = rows.texts[what]
        texts = {text} if of == "item" else {item for item, path in category.items() if path == text}
        expected = pair_twin(lines, log.view.user_id[user].as_py(), int(at), texts)
        np.testing.assert_allclose(found[row], expected, rtol=1e-9, atol=1e-9)


def test_lines_of_one_hit_are_one_purchase():
    when = [datetime(1970, 1, 1, tzinfo=UTC)] * 3
    columns = {"user_id": ["u"] * 3, "ts": when, "event": ["purchase"] * 3, "item_id": ["a", "a", "b"]}
    log = log_from_table(
        pa.table({**columns, "price": [1.0, 1.0, 4.0], "_hit": ["h"] * 3, "event_id": ["1", "2", "3"]})
    )
    rows = repeat_at(log, cuts_at_day(1), RepeatTask("1d"))
    found = np.expm1(standing(log, rows, "item"))
    assert found[:, COLUMNS.index("purchases")].round(9).tolist() == [1, 1]
    assert found[:, COLUMNS.index("per_purchase")].round(9).tolist() == [6, 6]
    assert found[:, -1].round(9).tolist() == [1, 1]


def cuts_at_day(day):
    found = cuts_at([0], 1)
    return type(found)(np.array([day * DAY]), found.slice, found.horizon)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_nothing_from_the_cutoff_on_changes_it(seed):
    rng = np.random.default_rng(seed)
    lines, day = lines_of(rng), 8
    cuts = cuts_at([day], 3)
    found = []
    for those in (lines, changed_from(lines, day, rng)):
        log = log_of_lines(those)
        rows = asked_users(log, cuts)
        found.append(dict(zip(log.view.user_id.take(rows.user).to_pylist(), standing(log, rows), strict=True)))
    assert found[0].keys() == found[1].keys()
    assert all(np.array_equal(found[0][user], found[1][user], equal_nan=True) for user in found[0])


def test_silence_grows_with_the_cutoff_and_nothing_else_must_be_known():
    lines = [line for line in lines_of(np.random.default_rng(1)) if line.event == "view"]
    log = log_of_lines(lines)
    view = log.view
    ends = view.offsets[1:]
    at = view.ts[ends - 1] + np.arange(1, view.n_users + 1) * HOUR
    rows = CutoffRows(np.arange(view.n_users), ends, at, np.zeros(view.n_users, np.int64))
    found = np.expm1(standing(log, rows))
    np.testing.assert_allclose(found[:, 0], np.arange(1, view.n_users + 1) / 24)
    assert np.isnan(found[:, [1, 6]]).all()
    assert (found[:, 5] == 0).all()
    assert view.ts.min() >= BEGIN
