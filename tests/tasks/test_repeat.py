import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.schema import CartpathError
from cartpath.tasks import REPEATED, SLICES, RepeatTask, TimeSplit, repeat_at, repeat_rows
from tests.features.logs import items_table
from tests.tasks.buying import (
    BEGIN,
    DAY,
    HOUR,
    Line,
    between,
    categories,
    changed_from,
    cuts_at,
    known,
    lines_of,
    log_of_lines,
    users_of,
)


def pairs(log, rows):
    ids = log.view.user_id.take(rows.user).to_pylist()
    texts = [rows.texts[what] for what in rows.what]
    return sorted(zip(ids, rows.cutoff.tolist(), texts, rows.label.tolist(), strict=True))


def found(lines, days, horizon, task):
    log = log_of_lines(lines)
    rows = repeat_at(log, cuts_at(days, horizon), task)
    return [(user, (at - BEGIN) / DAY, text, label) for user, at, text, label in pairs(log, rows)]


def buy(user, at, item):
    return Line(user, at, "purchase", item)


LINES = [buy("u", 0, "i1"), buy("u", 5, "i1"), buy("u", 6, "i4"), buy("u", 30, "i1"), buy("u", 30, "i2")]


def test_what_was_bought_before_is_asked_about_once():
    # i2 was not bought before; i1 was bought twice, and is again.
    assert found(LINES, [1], 2, RepeatTask("2d")) == [("u", 1, "i1", 1), ("u", 1, "i4", 0)]


def test_another_item_of_the_category_is_a_repeat_of_it():
    # i1 and i4 are of "c1 > d1" and "c1 > d0", i2 of "c2 > d0".
    assert found(LINES, [1], 2, RepeatTask("2d", "category")) == [("u", 1, "c1 > d0", 0), ("u", 1, "c1 > d1", 1)]
    assert found(LINES, [1], 2, RepeatTask("2d", "category_1")) == [("u", 1, "c1", 1)]
    assert found(LINES, [1], 2, RepeatTask("2d", "brand")) == [("u", 1, "b0", 1), ("u", 1, "b1", 1)]


def test_what_has_no_category_is_left_out():
    lines = [buy("u", 0, "i0"), buy("u", 0, None), buy("u", 0, "i3"), buy("v", 0, "i0")]
    assert found(lines, [1], 2, RepeatTask("2d", "category")) == [("u", 1, "c0 > d1", 0)]
    assert found(lines, [1], 2, RepeatTask("2d")) == [("u", 1, "i0", 0), ("u", 1, "i3", 0), ("v", 1, "i0", 0)]


def test_a_purchase_at_the_cutoff_is_of_the_future_and_one_at_the_horizon_s_end_beyond():
    lines = [buy("at", 0, "i1"), buy("at", 24, "i1"), buy("end", 0, "i1"), buy("end", 72, "i1")]
    assert found(lines, [1], 2, RepeatTask("2d")) == [("at", 1, "i1", 1), ("end", 1, "i1", 0)]


def test_what_was_bought_too_long_ago_is_not_asked_about():
    lines = [buy("u", 0, "i1"), buy("u", 12, "i2")]
    assert found(lines, [1], 2, RepeatTask("2d", bought_within="12h")) == [("u", 1, "i2", 0)]
    assert [row[2] for row in found(lines, [1], 2, RepeatTask("2d", bought_within="1d"))] == ["i1", "i2"]


def value_of(item, of):
    place = items_table()["item_id"].to_pylist().index(item)
    parts = (categories()[item] or "").split(" > ")
    return {
        "item": item,
        "category": categories()[item],
        "category_1": parts[0] or None,
        "brand": items_table()["brand"].to_pylist()[place],
    }[of]


@given(
    st.integers(0, 10_000),
    st.sampled_from(["item", "category", "category_1", "brand"]),
    st.sampled_from([(None, 1000 * DAY), ("3d", 3 * DAY), ("30h", 30 * HOUR)]),
    st.sampled_from([0.25, 1, 4]),
)
def test_rows_agree_with_a_loop(seed, of, within, horizon):
    lines = [*lines_of(np.random.default_rng(seed)), buy("u9", 0, "i1")]
    log, cuts = log_of_lines(lines), cuts_at([2, 5, 11, 18], horizon)

    def bought(user, begin, end):
        items = {line.item for line in between(lines, user, begin, end, "purchase")} - {None}
        return {value_of(item, of) for item in items} - {None}

    expected = [
        (user, at, value, int(value in bought(user, at, at + cuts.horizon)))
        for user in users_of(lines)
        for at in cuts.at.tolist()
        for value in sorted(bought(user, at - within[1], at))
    ]
    rows = repeat_at(log, cuts, RepeatTask("unused", of, within[0]))
    assert pairs(log, rows) == expected
    keys = list(zip(rows.cutoff.tolist(), rows.user.tolist(), rows.what.tolist(), strict=True))
    assert keys == sorted(keys)
    view = log.view
    for user, ends, at in zip(rows.user, rows.ends, rows.cutoff, strict=True):
        assert ends - view.offsets[user] == (view.ts[view.offsets[user] : view.offsets[user + 1]] < at).sum()


@given(st.integers(0, 10_000), st.sampled_from(["item", "category_1"]))
def test_what_comes_after_changes_answers_alone(seed, of):
    rng = np.random.default_rng(seed)
    lines = [*lines_of(rng, most=20), buy("u9", 0, "i1"), buy("u9", 300, "i1")]
    other = changed_from(lines, 8, rng)
    cuts = cuts_at([8], 4)
    both = [(log := log_of_lines(each), repeat_at(log, cuts, RepeatTask("4d", of, "5d"))) for each in (lines, other)]
    asked = [[row[:3] for row in pairs(log, rows)] for log, rows in both]
    assert asked[0] == asked[1]
    assert sorted(known(*both[0])) == sorted(known(*both[1]))


SPLIT = TimeSplit((BEGIN + 4 * DAY, BEGIN + 8 * DAY, BEGIN + 12 * DAY))


def test_rows_of_the_slices():
    lines = [buy("u", 24 * day, "i1") for day in range(17)] + [buy("u", 0, "i2")]
    rows = repeat_rows(log_of_lines(lines), SPLIT, RepeatTask("2d"))
    assert rows.of("train").label.tolist() == [1, 0]
    assert [len(rows.of(name)) for name in SLICES] == [2, 4, 4, 4]
    assert rows.of("test").texts is rows.texts


def test_questions_without_answers_are_refused():
    log = log_of_lines([buy("u", 24 * day, "i1") for day in range(17)])
    with pytest.raises(CartpathError, match="all of the 1 rows of the train slice are bought again within 2d"):
        repeat_rows(log, SPLIT, RepeatTask("2d"))
    with pytest.raises(CartpathError, match="cannot ask who buys the same 'colour' again") as told:
        repeat_rows(log, SPLIT, RepeatTask("2d", "colour"))
    assert ", ".join(REPEATED) in told.value.hint
    with pytest.raises(CartpathError, match="no event 'purchase' was ever seen"):
        repeat_rows(log_of_lines([Line("u", 24 * day) for day in range(17)]), SPLIT, RepeatTask("2d"))
    nameless = log_of_lines([buy("u", 24 * day, None) for day in range(17)])
    with pytest.raises(CartpathError, match="no purchase is of a known item") as told:
        repeat_rows(nameless, SPLIT, RepeatTask("2d"))
    assert "--map item_id=COLUMN" in told.value.hint
    for of in ("category", "category_1", "category_3"):
        with pytest.raises(CartpathError, match=f"no purchase is of a known {of}") as told:
            repeat_rows(log_of_lines([buy("u", 24 * day, "i0") for day in range(17)]), SPLIT, RepeatTask("2d", of))
        assert "--items FILE" in told.value.hint
    with pytest.raises(CartpathError, match="not a duration"):
        repeat_rows(log, SPLIT, RepeatTask(30))
