"""Summaries of buyers against a loop over plain rows, and the models of churn and spend that read them."""

from __future__ import annotations

import math
from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.models.lifetime import (
    BgNbd,
    GammaGamma,
    LifetimeChurn,
    LifetimeSpend,
    fit_lifetime_churn,
    fit_lifetime_spend,
    rfm_at,
)
from cartpath.schema import CartpathError
from cartpath.tasks import ChurnTask, SpendTask, churn_at, spend_at
from tests.models.buyers import summaries
from tests.tasks.buying import BEGIN, DAY, Line, changed_from, cuts_at, lines_of, log_of_lines, users_of

ZONE_HOURS = {"UTC": 0, "Etc/GMT-5": 5}


def order_of(lines: list[Line]) -> tuple[int, float]:
    """When an order was placed, and what it is worth: not a number where nobody knows."""
    values = [line.value for line in lines if line.value is not None and line.order is not None]
    priced = [line.price * (line.quantity or 1) for line in lines if line.price is not None]
    return min(line.ts for line in lines), max(values) if values else sum(priced) if priced else math.nan


def summary_of(lines: list[Line], user: str, at: int, hours: int) -> tuple[float, ...] | None:
    orders: dict[object, list[Line]] = {}
    for place, line in enumerate(lines):
        if line.user == user and line.event == "purchase" and line.ts < at:
            orders.setdefault(line.order or place, []).append(line)
    days: dict[int, list[tuple[int, float]]] = {}
    for of in orders.values():
        placed = order_of(of)
        days.setdefault((placed[0] + hours * DAY // 24) // DAY, []).append(placed)
    if not days:
        return None
    times = sorted(min(ts for ts, _ in day) for day in days.values())
    amounts = [sum(amount for _, amount in day if amount == amount) for day in days.values()]
    paid = [amount for amount in amounts if amount > 0]
    mean = sum(paid) / len(paid) if paid else math.nan
    return len(days) - 1, (times[-1] - times[0]) / DAY, (at - times[0]) / DAY, len(paid), mean


def summaries_of(log, at, zone="UTC"):
    found = rfm_at(log, at, zone)
    names = log.view.user_id.take(found.user).to_pylist()
    columns = zip(found.frequency, found.recency, found.age, found.paid, found.monetary, strict=True)
    return dict(zip(names, columns, strict=True))


@given(st.integers(0, 10_000), st.sampled_from([2, 5.25, 11, 30]), st.sampled_from(sorted(ZONE_HOURS)))
def test_summaries_agree_with_a_loop(seed, day, zone):
    lines = [*lines_of(np.random.default_rng(seed), most=20), Line("u9", 0, "purchase")]
    at = BEGIN + int(day * DAY)
    expected = {user: summary_of(lines, user, at, ZONE_HOURS[zone]) for user in users_of(lines)}
    found = summaries_of(log_of_lines(lines), at, zone)
    assert set(found) == {user for user, of in expected.items() if of is not None}
    for user, of in found.items():
        assert of == pytest.approx(expected[user], nan_ok=True), user


def test_a_day_is_one_purchase_and_a_moment_is_not_before_itself():
    lines = [Line("u", hours, "purchase", price=2.0) for hours in (0, 12, 48)] + [Line("v", 48, "purchase")]
    assert summaries_of(log_of_lines(lines), BEGIN + 2 * DAY) == {"u": (0, 0, 2, 1, 4)}
    found = summaries_of(log_of_lines(lines), BEGIN + 3 * DAY)
    assert found["u"] == (1, 2, 3, 2, 3)
    assert found["v"][:4] == (0, 0, 1, 0)
    assert math.isnan(found["v"][4])
    assert summaries_of(log_of_lines(lines), BEGIN) == {}


@given(st.integers(0, 10_000))
def test_what_comes_after_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    lines = [*lines_of(rng, most=20), Line("u9", 0, "purchase", price=1.0)]
    at = BEGIN + 8 * DAY
    found, other = (summaries_of(log_of_lines(of), at) for of in (lines, changed_from(lines, 8, rng)))
    assert {user: repr(of) for user, of in found.items()} == {user: repr(of) for user, of in other.items()}


def buyers_of_days(rng, users=120, days=40):
    """Users who buy on random days, at prices of their own."""
    lines = []
    for user in range(users):
        price = float(rng.integers(5, 50))
        bought = rng.choice(days, int(rng.integers(1, 6)), replace=False)
        lines += [Line(f"u{user}", 24 * int(day), "purchase", price=price + int(rng.integers(0, 9))) for day in bought]
    return lines


CHURN, SPEND = ChurnTask("5d", event="purchase"), SpendTask("5d")


def fits(lines):
    log, cuts = log_of_lines(lines), cuts_at([10, 20], 5)
    churn = fit_lifetime_churn(log, churn_at(log, cuts, CHURN), CHURN)
    return log, churn, fit_lifetime_spend(log, spend_at(log, cuts, SPEND), SPEND)


def test_fits_know_the_answers_of_training_and_nothing_later():
    rng = np.random.default_rng(0)
    lines = buyers_of_days(rng)
    _, churn, spend = fits(lines)
    # The last answer ends with day 25.
    _, *later = fits(changed_from(lines, 25, rng))
    assert [churn, spend] == later
    _, *earlier = fits(changed_from(lines, 24, rng))
    assert churn != earlier[0]


def test_predictions_are_those_of_the_summaries():
    log, churn, spend = fits(buyers_of_days(np.random.default_rng(1)))
    rows = spend_at(log, cuts_at([18, 12], 5), SPEND)
    for n in (0, len(rows) // 2, len(rows) - 1):
        row, at = rows.take(np.array([n])), int(rows.cutoff[n])
        buyer = summaries(*summaries_of(log, at)[log.view.user_id[int(rows.user[n])].as_py()])
        none = churn.buying.none_within(buyer, 5.0)
        assert churn.predicted(log, rows)[n] == pytest.approx(np.log(none / (1 - none)))
        mean = spend.buying.purchases(buyer, 5.0) * spend.paying.amount(buyer)
        assert spend.amounts(log, row) == pytest.approx(mean)
        assert spend.predicted(log, rows)[n] == pytest.approx((1 - none) * np.log1p(mean / (1 - none)))
    assert len(churn.predicted(log, rows.take(np.empty(0, np.int64)))) == 0


@given(st.integers(0, 10_000))
def test_scores_do_not_know_what_comes_after(seed):
    rng = np.random.default_rng(seed)
    lines = [*lines_of(rng, most=20), Line("u9", 0, "purchase", price=1.0)]
    model = LifetimeSpend(BgNbd(0.8, 10, 0.9, 2.5), GammaGamma(3.0, 4.0, 20.0), 4.0)
    scores = []
    for of in (lines, changed_from(lines, 8, rng)):
        log = log_of_lines(of)
        rows = spend_at(log, cuts_at([8], 4), SPEND)
        scores.append(dict(zip(log.view.user_id.take(rows.user).to_pylist(), model.predicted(log, rows), strict=True)))
    assert scores[0] == scores[1]


def test_written_and_read_they_are_the_same(tmp_path):
    buying = BgNbd(0.1 + 0.2, 4.4, 0.8, 2.4)
    for model in (LifetimeChurn(buying, 2.5, "Europe/Paris"), LifetimeSpend(buying, GammaGamma(1 / 3, 4, 5), 30.0)):
        model.save(tmp_path)
        assert type(model).load(tmp_path) == model


def test_what_buyers_do_not_tell_is_refused():
    log = log_of_lines([*buyers_of_days(np.random.default_rng(1)), Line("viewer", 0)])
    cuts = cuts_at([10], 5)
    for event in (None, "view"):
        task = replace(CHURN, event=event)
        with pytest.raises(CartpathError, match=f"churn is asked of {event or 'visits'}") as told:
            fit_lifetime_churn(log, churn_at(log, cuts, task), task)
        assert "--event purchase" in told.value.hint
    everybody = replace(SPEND, among=None)
    with pytest.raises(CartpathError, match="spend is asked of those with any event"):
        fit_lifetime_spend(log, spend_at(log, cuts, everybody), everybody)
    with pytest.raises(CartpathError, match=r"1 of .* users before 2024-01-11"):
        LifetimeChurn(BgNbd(1, 1, 1, 1), 5.0).predicted(log, spend_at(log, cuts, everybody))
    none = churn_at(log, cuts_at([], 5), CHURN)
    with pytest.raises(CartpathError, match="no rows to learn from"):
        fit_lifetime_churn(log, none, CHURN)


def test_summaries_can_be_taken_apart():
    buyers = summaries([0, 1, 2], [0, 3, 4], 9)
    assert [of.tolist() for of in astuple(buyers.take(np.array([2])))[1:4]] == [[2], [4], [9]]
