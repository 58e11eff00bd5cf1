from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings

from cartpath.paths import matching
from cartpath.paths.attribution.channels import Channels, _tell_apart
from cartpath.paths.attribution.evidence import Evidence, merge_attribution
from cartpath.paths.attribution.models import credit
from cartpath.paths.attribution.question import ENDLESS, MODELS, Question
from cartpath.paths.attribution.scan import scan_attribution
from cartpath.paths.conditions import Condition, parse_steps
from cartpath.paths.counting import BEGINNING, FOREVER, Counting
from cartpath.paths.properties import EVENT, SESSION, TEXT, EventArray, OfSession, Property
from cartpath.paths.rule import Rule
from cartpath.schema import OTHER
from tests.paths.twin import EVENTS, SECOND, Row
from tests.paths.twin_attribution import (
    LABELS,
    Ask,
    Log,
    Visit,
    asks,
    credit_twin,
    in_buckets,
    logs_of_orders_in_hits,
    logs_of_visits,
    twin,
)

BUY = EVENTS.index("buy")
RULED = ("first", "last", "last_non_direct", "linear", "position", "time_decay", "shapley")


def channels_for(by: str) -> Channels:
    found = {
        "channel": Property("channel", SESSION, TEXT, OfSession("channel"), LABELS),
        "event": Property("event", EVENT, TEXT, EventArray("event"), EVENTS),
    }[by]
    names, table = _tell_apart(found.labels, np.arange(len(found.labels)))
    direct = np.array([LABELS.index("Direct")], np.int32)
    return Channels(found, names, table, 0, direct, np.empty(0, np.int32))


def count(log: Log, ask: Ask, n_buckets: int = 3) -> tuple[Evidence, tuple[str, ...]]:
    low = BEGINNING if ask.since is None else ask.since * SECOND
    counting = Counting(ask.unit, low, FOREVER if ask.until is None else ask.until * SECOND)
    tests: tuple[matching.Test, ...] = ()
    if ask.without is not None:
        condition = Condition("event", "!=", (ask.without,))
        counting = Counting(counting.unit, counting.since, counting.until, (condition,))
        table = np.array([name != ask.without for name in EVENTS] + [True])
        tests = (matching.Test(Property("event", EVENT, TEXT, EventArray("event"), EVENTS), condition, table),)
    question = Question(
        ask.by,
        parse_steps("buy")[0],
        ENDLESS if ask.lookback is None else ask.lookback * SECOND,
        ask.half_life * SECOND,
        ask.reset,
        12,
        MODELS,
        "conversions",
    )
    by_event = np.zeros(len(EVENTS) + 1, np.uint64)
    by_event[BUY] = 1
    channels = channels_for(ask.by)
    rule, matcher = Rule(counting, tests), matching.Matcher(by_event, (), ())
    parts = [scan_attribution(view, rule, question, channels, matcher, BUY) for view in in_buckets(log, n_buckets)]
    return merge_attribution(parts, len(channels.names))[1], channels.names


def named(values: np.ndarray, names: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    return {name: (n, revenue) for name, (n, revenue) in zip(names, values.tolist(), strict=True) if n or revenue}


def near(got: dict[str, tuple[float, float]], wanted: dict[str, tuple[float, float]]) -> None:
    for name in got.keys() | wanted.keys():
        assert got.get(name, (0, 0)) == pytest.approx(wanted.get(name, (0, 0)), rel=1e-12, abs=1e-9), name


@given(log=logs_of_visits, ask=asks)
def test_equals_the_twin(log: Log, ask: Ask) -> None:
    converted, lost = twin(log, ask)
    got, names = count(log, ask)
    j = got.journeys
    paths = [tuple(names[c] for c in j.codes[j.offsets[p] : j.offsets[p + 1]]) for p in range(len(j))]
    assert {path: n for path, n in zip(paths, j.lost.tolist(), strict=True) if n} == dict(lost)
    wanted: Counter[tuple[str, ...]] = Counter()
    for one in converted:
        wanted[tuple(t.name for t in one.touches) or ("(none)",)] += one.worth
    assert {p: n for p, n in zip(paths, j.conversions.tolist(), strict=True) if n} == pytest.approx(dict(wanted))
    for model in RULED:
        near(named(credit(got, model, "conversions")[0].values, names), credit_twin(converted, model, ask.half_life))


@given(log=logs_of_orders_in_hits, ask=asks)
def test_many_orders_of_one_hit_equal_the_twin(log: Log, ask: Ask) -> None:
    converted, lost = twin(log, ask)
    got, names = count(log, ask)
    assert got.journeys.lost.sum() == sum(lost.values())
    assert got.tally.without_touch == sum(not one.touches for one in converted)
    for model in RULED:
        near(named(credit(got, model, "conversions")[0].values, names), credit_twin(converted, model, ask.half_life))


@settings(max_examples=30)
@given(log=logs_of_visits, ask=asks)
def test_credit_sums_to_the_conversions_in_every_model(log: Log, ask: Ask) -> None:
    got, _ = count(log, ask)
    in_period = [
        r
        for r in log.rows
        if r.event == "buy"
        and (ask.since is None or r.at >= ask.since)
        and (ask.until is None or r.at < ask.until)
        and r.event != ask.without
    ]
    assert got.orders == len({r.order for r in in_period if r.order})
    for model in MODELS:
        for game in ("conversions", "rate"):
            values = credit(got, model, game)[0].values
            assert values[:, 0].sum() == pytest.approx(got.orders + got.steps)
            assert values[:, 1].sum() == pytest.approx(got.worth[:, 1].sum())


@settings(max_examples=30)
@given(log=logs_of_visits, ask=asks)
def test_buckets_do_not_matter(log: Log, ask: Ask) -> None:
    (one, names), (three, _) = count(log, ask, 1), count(log, ask, 3)
    assert (one.orders, one.steps, one.shared, one.tally) == (three.orders, three.steps, three.shared, three.tally)
    for model in MODELS:
        a, b = (credit(found, model, "conversions")[0].values for found in (one, three))
        near(named(a, names), named(b, names))


VISITS = {
    (0, 0): Visit("Search", False),
    (0, 1): Visit("Mail", False),
    (0, 2): Visit("Direct", True),
    (0, 3): Visit("Social", None),
}
JOURNEY = [Row(0, 0, "view", 0), Row(0, 3, "view", 1), Row(0, 6, "view", 2), Row(0, 6, "buy", 2, order=7, value=60.0)]


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        ("first", {"Search": (1, 60)}),
        ("last", {"Direct": (1, 60)}),
        ("last_non_direct", {"Mail": (1, 60)}),
        ("linear", {"Search": (1 / 3, 20), "Mail": (1 / 3, 20), "Direct": (1 / 3, 20)}),
        ("position", {"Search": (2 / 5, 24), "Mail": (1 / 5, 12), "Direct": (2 / 5, 24)}),
        ("time_decay", {"Search": (1 / 7, 60 / 7), "Mail": (2 / 7, 120 / 7), "Direct": (4 / 7, 240 / 7)}),
        ("shapley", {"Search": (1 / 3, 20), "Mail": (1 / 3, 20), "Direct": (1 / 3, 20)}),
        ("markov_1", {"Search": (1 / 3, 20), "Mail": (1 / 3, 20), "Direct": (1 / 3, 20)}),
    ],
)
def test_one_journey_by_hand(model: str, wanted: dict[str, tuple[float, float]]) -> None:
    got, names = count(Log(JOURNEY, VISITS), Ask(half_life=3))
    near(named(credit(got, model, "conversions")[0].values, names), wanted)


def test_touches_after_the_conversion_never_count() -> None:
    later = [*JOURNEY, Row(0, 7, "view", 3)]
    got, names = count(Log(later, VISITS), Ask())
    assert "Social" not in named(credit(got, "linear", "conversions")[0].values, names)
    assert got.journeys.lost.sum() == 1


def test_of_two_events_at_one_moment_the_one_after_the_conversion_is_no_touch() -> None:
    rows = [Row(0, 5, "view", 0), Row(0, 5, "buy", 0, order=1), Row(0, 5, "view", 1)]
    got, names = count(Log(rows, VISITS), Ask())
    assert named(credit(got, "last", "conversions")[0].values, names) == {"Search": (1.0, 0.0)}


def test_a_repeated_purchase_hit_is_one_conversion_and_resets_nothing() -> None:
    rows = [*JOURNEY, Row(0, 8, "buy", 3, order=7, value=60.0), Row(0, 9, "buy", 3, order=8, value=5.0)]
    got, names = count(Log(rows, VISITS), Ask())
    assert (got.orders, got.worth.sum(axis=0).tolist()) == (2, [2.0, 65.0])
    assert named(credit(got, "last", "conversions")[0].values, names) == {"Direct": (1, 60), "Social": (1, 5)}
    spent, _ = count(Log(rows, VISITS), Ask(reset=False))
    assert named(credit(spent, "first", "conversions")[0].values, names) == {"Search": (2, 65)}


def test_two_orders_of_one_hit_share_their_touches() -> None:
    rows = [Row(0, 0, "view", 0), Row(0, 4, "buy", 1, hit=5, order=1), Row(0, 4, "buy", 1, hit=5, order=2)]
    got, names = count(Log(rows, VISITS), Ask())
    assert named(credit(got, "first", "conversions")[0].values, names) == {"Search": (2.0, 0.0)}


def test_an_order_of_two_users_is_one_conversion_in_equal_parts() -> None:
    rows = [Row(0, 0, "buy", 0, order=1, value=10.0), Row(1, 3, "buy", 0, order=1, value=30.0)]
    visits = {(0, 0): Visit("Search", None), (1, 0): Visit("Mail", None)}
    got, names = count(Log(rows, visits), Ask())
    assert (got.orders, got.shared) == (1, 1)
    assert named(credit(got, "last", "conversions")[0].values, names) == {"Search": (0.5, 15), "Mail": (0.5, 15)}


def test_a_conversion_without_touch_goes_to_none() -> None:
    got, names = count(Log([Row(0, 0, "buy", order=1), Row(0, 1, "view")], {}), Ask(by="event"))
    assert got.tally.without_touch == 1
    assert named(credit(got, "linear", "conversions")[0].values, names) == {"(none)": (1.0, 0.0)}


def test_the_lookback_cuts_old_touches_and_is_counted() -> None:
    got, names = count(Log(JOURNEY, VISITS), Ask(lookback=3))
    assert got.tally.beyond_lookback == 1
    assert set(named(credit(got, "linear", "conversions")[0].values, names)) == {"Mail", "Direct"}


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("by", ["channel", "event"])
def test_a_path_of_a_hundred_thousand_events(by: str, reset: bool) -> None:
    rows = [Row(0, i, "buy" if i % 4 == 3 else "view", session=i // 3 % 1000) for i in range(100_000)]
    got, _ = count(Log(rows, VISITS), Ask(by=by, reset=reset), 1)
    assert (got.orders, got.steps) == (0, 25_000)
    assert got.tally.cut == (0 if reset else (24_934 if by == "event" else 24_850))


@pytest.mark.parametrize("reset", [True, False])
def test_a_hit_of_fifty_thousand_orders_after_as_many_touches(reset: bool) -> None:
    # One row a conversion and touch would be 2.5 billion.
    names = ("view", "cart")
    touches = [Row(0, i, names[i % 5 == 4]) for i in range(50_000)]
    orders = [Row(0, 60_000, "buy", hit=1, order=i + 1, value=2.0) for i in range(50_000)]
    got, channels = count(Log([*touches, *orders], {}), Ask(by="event", reset=reset), 1)
    assert (got.orders, len(got.journeys), got.tally.cut) == (50_000, 1, 0 if reset else 50_000)
    near(
        named(credit(got, "linear", "conversions")[0].values, channels),
        {"view": (40_000, 80_000), "cart": (10_000, 20_000)},
    )
    near(named(credit(got, "last", "conversions")[0].values, channels), {"cart": (50_000, 100_000)})
    # The newest touch is a cart, four views follow, and so on: 2^-1/3 a second, and what is beyond 200 s is nothing.
    q = 2 ** (-1 / 3)
    cart = (1 - q) / (1 - q**5)
    decayed = credit(got, "time_decay", "conversions")[0].values
    assert decayed[channels.index("cart"), 0] == pytest.approx(50_000 * cart)


def test_ten_events_at_one_moment_of_one_user() -> None:
    rows = [Row(0, 0, name, session=i) for i, name in enumerate(["view"] * 4 + ["buy"] + ["view"] * 5)]
    got, names = count(Log(rows, VISITS), Ask())
    assert got.steps == 1
    assert len(got.journeys) == 2
    assert credit(got, "linear", "conversions")[0].values[names.index("(none)"), 0] == pytest.approx(1 / 5)


def test_an_empty_log() -> None:
    got, _ = count(Log([], {}), Ask())
    for model in MODELS:
        assert credit(got, model, "rate")[0].values.sum() == 0


def test_rare_values_are_other_and_named() -> None:
    names, table = _tell_apart(["a", "b", "(none)", "c"], np.array([1, 2]))
    assert names == ("b", OTHER, "(none)")
    assert [names[c] for c in table] == [OTHER, "b", "(none)", OTHER, "(none)"]
