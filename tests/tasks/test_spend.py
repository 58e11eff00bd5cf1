from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.paths import Counting, variants
from cartpath.schema import CartpathError, iso
from cartpath.tasks import LogScale, SpendTask, TimeSplit, spend_at, spend_rows
from tests.tasks.buying import (
    BEGIN,
    DAY,
    HOUR,
    Line,
    between,
    changed_from,
    cuts_at,
    known,
    lines_of,
    log_of_lines,
    named,
    users_of,
)


def spent_by(lines, days, horizon, task=None):
    log = log_of_lines(lines)
    rows = spend_at(log, cuts_at(days, horizon), task or SpendTask("2d"))
    return {(user, (at - BEGIN) / DAY): value for user, at, value in named(log, rows, "value")}


def buy(user, at, **amounts: Any):
    return Line(user, at, "purchase", **amounts)


def test_an_order_counts_once_with_its_value_and_lines_without_one_by_price_and_quantity():
    first = buy("u", 0, price=1.0)
    of_order = [buy("u", 30, order="a", value=50.0, price=9.0), buy("u", 31, order="a", value=50.0, price=9.0)]
    assert spent_by([first, *of_order], [1], 2) == {("u", 1): 50}
    priced = [buy("u", 30, order="a", price=9.0, quantity=3), buy("u", 31, order="a", price=4.0), buy("u", 32)]
    assert spent_by([first, *priced], [1], 2) == {("u", 1): 9 * 3 + 4}
    # Without an order id there is no order whose value it could be.
    loose = [buy("u", 30, value=50.0, price=9.0), buy("u", 31, value=50.0, price=9.0, quantity=2)]
    assert spent_by([first, *loose], [1], 2) == {("u", 1): 27}


def test_refunds_are_not_taken_off():
    lines = [buy("u", 0, price=1.0), buy("u", 30, price=9.0), Line("u", 31, "refund", price=9.0)]
    assert spent_by(lines, [1], 2) == {("u", 1): 9}


def test_a_purchase_at_the_cutoff_is_of_the_future_and_one_at_the_horizon_s_end_beyond():
    lines = [buy("u", 0, price=1.0), buy("u", 24, price=2.0), buy("u", 72, price=4.0)]
    assert spent_by(lines, [1], 2) == {("u", 1): 2}
    assert spent_by(lines, [1], 3) == {("u", 1): 6}


def test_who_is_asked_about_is_a_choice():
    lines = [buy("buyer", 0, price=1.0), Line("viewer", 0), buy("viewer", 30, price=5.0), buy("new", 30, price=7.0)]
    assert spent_by(lines, [1], 2) == {("buyer", 1): 0}
    assert spent_by(lines, [1], 2, SpendTask("2d", among=None)) == {("buyer", 1): 0, ("viewer", 1): 5}
    assert spent_by(lines, [2], 1, SpendTask("1d", "1d")) == {("viewer", 2): 0, ("new", 2): 0}


def amount_of(lines):
    """What one user's purchases are worth, line by line and order by order."""
    total = 0.0
    for order in {line.order for line in lines}:
        of = [line for line in lines if line.order == order]
        values = [line.value for line in of if line.value is not None]
        priced = [line.price * (line.quantity or 1) for line in of if line.price is not None]
        total += max(values) if order is not None and values else sum(priced)
    return total


@given(
    st.integers(0, 10_000),
    st.sampled_from([None, "view", "purchase"]),
    st.sampled_from([(None, 1000 * DAY), ("3d", 3 * DAY), ("30h", 30 * HOUR)]),
    st.sampled_from([0.25, 1, 4]),
)
def test_rows_agree_with_a_loop(seed, among, within, horizon):
    lines = [*lines_of(np.random.default_rng(seed)), buy("u9", 0), Line("u9", 0)]
    log, cuts = log_of_lines(lines), cuts_at([2, 5, 11, 18], horizon)
    expected = [
        (user, at, amount_of(between(lines, user, at, at + cuts.horizon, "purchase")))
        for user in users_of(lines)
        for at in cuts.at.tolist()
        if between(lines, user, at - within[1], at, among)
    ]
    rows = spend_at(log, cuts, SpendTask("unused", within[0], among))
    assert named(log, rows, "value") == expected


class OneBucket:
    """A log as the views on paths ask for it."""

    generation, n_buckets = 1, 1

    def __init__(self, log):
        self.log, self.items = log, log.items
        self.codes, self.bucket = log.codes, lambda _: log.view

    @property
    def manifest(self):
        raise FileNotFoundError("there is no store that could keep answers")

    def code_of(self, name, value):
        return {text: code for code, text in enumerate(self.codes(name))}.get(value, -1)


@given(st.integers(0, 10_000), st.integers(1, 15), st.sampled_from([0.25, 2, 9]))
def test_sums_over_users_are_the_revenue_of_the_period(seed, day, horizon):
    lines = lines_of(np.random.default_rng(seed))
    # Everybody is known from before.
    lines += [Line(user, 0) for user in ["u9", *users_of(lines)]] + [buy("u9", 0)]
    log, cuts = log_of_lines(lines), cuts_at([day], horizon)
    rows = spend_at(log, cuts, SpendTask("unused", among=None))
    begin = BEGIN + day * DAY
    period = Counting.of(since=iso(begin), until=iso(begin + cuts.horizon))
    assert rows.value.sum() == variants(OneBucket(log), period, across_sessions=True).revenue


@given(st.integers(0, 10_000))
def test_what_comes_after_changes_answers_alone(seed):
    rng = np.random.default_rng(seed)
    lines = [*lines_of(rng, most=20), buy("u9", 0), buy("u9", 300)]
    other = changed_from(lines, 8, rng)
    cuts = cuts_at([8], 4)
    found = [(log := log_of_lines(of), spend_at(log, cuts, SpendTask("4d", "5d"))) for of in (lines, other)]
    assert sorted(known(*found[0])) == sorted(known(*found[1]))


SPLIT = TimeSplit((BEGIN + 4 * DAY, BEGIN + 8 * DAY, BEGIN + 12 * DAY))


def test_rows_of_the_slices():
    lines = [buy("u", 24 * day, price=float(day)) for day in range(17)]
    rows = spend_rows(log_of_lines(lines), SPLIT, SpendTask("2d"))
    assert rows.of("train").value.tolist() == [2 + 3]
    # The last event ends the last answer: of days 15 and 16, the other of days 13 and 14.
    assert rows.of("test").value.tolist() == [13 + 14, 15 + 16]
    assert rows.of("train").scaled.tolist() == pytest.approx([np.log(6)])


def test_logs_nobody_spends_in_are_refused():
    views = [Line("u", 24 * day) for day in range(17)]
    with pytest.raises(CartpathError, match="no event 'purchase' was ever seen"):
        spend_rows(log_of_lines(views), SPLIT, SpendTask("2d", among=None))
    with pytest.raises(CartpathError, match="no purchase has a price or an order value") as told:
        spend_rows(log_of_lines([*views, buy("u", 24)]), SPLIT, SpendTask("2d"))
    assert "--map price=COLUMN" in told.value.hint
    with pytest.raises(CartpathError, match="nobody of the train slice spends anything within 2d"):
        spend_rows(log_of_lines([*views, buy("u", 24, price=1.0)]), SPLIT, SpendTask("2d"))
    with pytest.raises(CartpathError, match="nobody is asked about in the train slice"):
        spend_rows(log_of_lines([*views, buy("u", 24 * 16, price=1.0)]), SPLIT, SpendTask("2d"))


def test_the_smearing_estimate_by_hand():
    # Residuals on the scale are log 2 and log 1/2: the mean of exp is 5/4, where symmetric errors would say 1.
    scale = LogScale.fit(np.log([3.0, 4.0]), np.array([5.0, 1.0]))
    assert scale.smear == pytest.approx((2 + 1 / 2) / 2)
    assert scale.amount(np.log([4.0, 0.5])).tolist() == pytest.approx([4 * 5 / 4 - 1, 0])
    assert LogScale.fit(np.zeros(0), np.zeros(0)) == LogScale()


def test_a_constant_prediction_gives_back_the_mean_amount():
    amounts = np.random.default_rng(0).exponential(50, 1000) * (np.arange(1000) % 3 == 0)
    scaled = LogScale().scaled(amounts)
    constant = np.full(1000, scaled.mean())
    assert LogScale.fit(constant, amounts).amount(constant) == pytest.approx(np.full(1000, amounts.mean()))
    # Without smearing it falls short: half of the amount and more.
    assert LogScale().amount(constant)[0] < amounts.mean() / 2


def test_the_scale_goes_there_and_back():
    amounts = np.array([0.0, 0.01, 1.0, 1e6])
    assert LogScale().amount(LogScale().scaled(amounts)) == pytest.approx(amounts)
    assert LogScale().scaled(np.array([-5.0])).tolist() == [0.0]
