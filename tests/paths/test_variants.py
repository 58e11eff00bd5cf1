from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath import engine, store
from cartpath.config import Settings, StoreSettings
from cartpath.paths import Counting, Variant, VariantsResult, flow, status, variants
from cartpath.paths.conditions import parse_step
from cartpath.paths.counting import BEGINNING, FOREVER
from cartpath.paths.matching import Matcher
from cartpath.paths.properties import EVENT, TEXT, EventArray, Property
from cartpath.paths.rule import Rule
from cartpath.paths.same_paths import NO_LIMIT, Cut, Groups, most_frequent
from cartpath.paths.variant_scan import Plan, Whole, merge_variants, ranks_of, read_paths, scan_variants
from cartpath.paths.variants import MORE, summary, variants_plan
from cartpath.schema import OTHER, CartpathError
from cartpath.store.path import EVENT_ARRAYS
from tests.paths.twin import EVENTS, SECOND, Row, buckets_of, logs, periods, table_of, view_of
from tests.paths.twin_variants import median, revenue_twin, variants_twin

NAMES = {"buy": "purchase"}
ALL = 10**6


def stored(folder: Path, rows: list[Row], buckets: int = 3) -> Path:
    store.init(folder, Settings(store=StoreSettings(buckets=buckets)))
    renamed = [replace(row, event=NAMES.get(row.event, row.event)) for row in rows]
    with store.writer(folder) as writer:
        writer.add(table_of(renamed))
        writer.commit()
    return folder


def asked(folder: Path, counting: Counting | None = None, **options: Any) -> VariantsResult:
    with store.open_snapshot(folder) as snap:
        return variants(snap, counting or Counting(), **options)


def path(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(NAMES.get(name, name) for name in names)


def counted(
    rows: list[Row], period: tuple[int | None, int | None], option: dict[str, Any], buckets: int, top: int = ALL
) -> tuple[Whole, tuple[Variant, ...], Variant]:
    """Count as ``variants`` does, over path tables laid out by hand."""
    low, high = period
    counting = Counting(
        since=BEGINNING if low is None else low * SECOND, until=FOREVER if high is None else high * SECOND
    )
    cut = Cut(option["unit"] == "step", option["collapse"], option["max_length"] or NO_LIMIT)
    goal = Matcher(np.array([name == "buy" for name in (*EVENTS, "")], np.uint64), (), ())
    node = Property("event", EVENT, TEXT, EventArray("event"), EVENTS)
    count = "users" if option["across_sessions"] else "sessions"
    plan = Plan(Rule(counting), count, cut, node, ranks_of(node), goal, EVENTS.index("buy"))
    views = buckets_of(rows, buckets)
    whole = merge_variants([scan_variants(view, plan) for view in views])
    chosen = most_frequent(whole.groups, top)
    at = [(views[whole.groups.bucket[i]], whole.groups.place[[i]]) for i in chosen]
    codes = [read_paths(view, plan, place)[0] for view, place in at]
    return whole, *summary(whole, chosen, plan.names(codes, MORE))


options = st.fixed_dictionaries(
    {
        "unit": st.sampled_from(["step", "event"]),
        "collapse": st.booleans(),
        "across_sessions": st.booleans(),
        "max_length": st.sampled_from([None, 1, 2, 5]),
    }
)


@pytest.mark.parametrize("buckets", [1, 3])
@given(rows=logs, period=periods, option=options)
def test_equals_the_twin(
    buckets: int, rows: list[Row], period: tuple[int | None, int | None], option: dict[str, Any]
) -> None:
    whole, got, other = counted(rows, period, option, buckets)
    cut = (option["unit"], option["collapse"], option["max_length"], option["across_sessions"])
    wanted = variants_twin(rows, *cut, *period)
    found = {v.path: (v.n, v.conversions, v.users, v.median_seconds) for v in got}
    assert found == {p: (f.n, f.conversions, len(f.users), median(f)) for p, f in wanted.items()}
    assert len(whole.groups) == len(got) == len(wanted)
    assert {v.path for v in got if v.path[-1] == MORE} == {p for p in wanted if p[-1] == MORE}
    assert (other.n, other.conversions, other.median_seconds) == (0, 0, None)


@given(rows=logs, option=options, top=st.integers(1, 4))
def test_the_others_are_the_rest(rows: list[Row], option: dict[str, Any], top: int) -> None:
    whole, got, other = counted(rows, (None, None), option, 3, top)
    _, every, _ = counted(rows, (None, None), option, 1)
    assert [v.n for v in got] == [v.n for v in every][:top]
    assert set(got) <= set(every)
    assert sum(v.n for v in got) + other.n == sum(v.n for v in every)
    assert sum(v.conversions for v in got) + other.conversions == sum(v.conversions for v in every)
    assert whole.basis.sessions == sum(v.n for v in every) or option["across_sessions"]


@pytest.mark.parametrize("buckets", [1, 4])
@pytest.mark.parametrize("option", [{}, {"collapse": True, "max_length": 2}, {"across_sessions": True}])
def test_a_store_gives_the_same(tmp_path: Path, buckets: int, option: dict[str, Any]) -> None:
    rows = money_log()
    got = asked(stored(tmp_path / "shop", rows, buckets), Counting.of(since="1970-01-01T00:01:00"), top=ALL, **option)
    names = {"limit": option.get("max_length"), "collapse": option.get("collapse", False)}
    wanted = variants_twin(rows, across="across_sessions" in option, since=60, **names)
    assert {v.path: v.n for v in got.variants} == {path(p): f.n for p, f in wanted.items()}
    assert got.distinct == len(wanted)
    assert got.truncated == sum(f.n for p, f in wanted.items() if p[-1] == MORE)
    assert got.units == sum(f.n for f in wanted.values()) == got.header["units"]
    assert got.header["count"] == ("users" if option.get("across_sessions") else "sessions")


def money_log() -> list[Row]:
    """Orders over several lines, sessions and users; no two lines of an order at the same time."""
    rng = np.random.default_rng(5)
    rows = []
    for at in range(600):
        event = rng.choice(EVENTS, p=[0.6, 0.2, 0.15, 0.05])
        buys = event == "buy"
        rows.append(
            Row(
                user=int(rng.integers(12)), at=at, event=str(event), session=int(rng.integers(3)) + at // 40 * 3,
                order=int(rng.integers(0, 30)) if buys else 0,
                value=float(rng.integers(1, 50)) if buys and rng.random() < 0.6 else None,
                price=float(rng.integers(1, 9)) if buys and rng.random() < 0.7 else None,
                quantity=[None, 1, 2][rng.integers(3)] if buys else None,
            )
        )  # fmt: skip
    return rows


@pytest.mark.parametrize("buckets", [1, 8])
@pytest.mark.parametrize("collapse", [False, True])
def test_revenue_is_that_of_orders_placed_in_the_sessions(tmp_path: Path, buckets: int, collapse: bool) -> None:
    rows = money_log()
    folder = stored(tmp_path / "shop", rows, buckets)
    got = asked(folder, top=ALL, collapse=collapse)
    of_session = revenue_twin(rows, None, None)
    wanted = {
        path(p): sum(of_session.get(key, 0) for key in found.sessions)
        for p, found in variants_twin(rows, collapse=collapse).items()
    }
    assert {v.path: v.revenue for v in got.variants} == pytest.approx(wanted)
    with store.open_snapshot(folder) as snap:
        assert got.revenue == status(snap).revenue == got.to_dict()["revenue"]
    few = asked(folder, top=3, collapse=collapse)
    assert few.other.revenue == pytest.approx(few.revenue - sum(v.revenue for v in few.variants))


def test_an_order_of_two_sessions_counts_once_where_it_began(tmp_path: Path) -> None:
    rows = [Row(0, 5, "buy", 1, order=7, value=9.0), Row(1, 3, "view"), Row(1, 4, "buy", order=7, value=8.0)]
    got = {v.path: v.revenue for v in asked(stored(tmp_path / "shop", rows, 8)).variants}
    assert got == {("purchase",): 0.0, ("view", "purchase"): 9.0}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(tmp_path_factory.mktemp("shops") / "shop", money_log(), 4)


def test_what_flows_through_variants_is_the_flow(shop: Path) -> None:
    got = asked(shop, top=ALL)
    pairs: dict[tuple[str, str], int] = {}
    for variant in got.variants:
        for pair in zip(variant.path, variant.path[1:], strict=False):
            pairs[pair] = pairs.get(pair, 0) + variant.n
    with store.open_snapshot(shop) as snap:
        edges = {(e["source"], e["target"]): e["n"] for e in flow(snap).edges if e["source"][0] != "("}
    assert pairs == {pair: n for pair, n in edges.items() if pair[1][0] != "("}


def test_the_goal_is_a_step_of_the_little_language(shop: Path) -> None:
    got = asked(shop, goal="cart|purchase[price>5]", top=ALL)
    assert got.question["goal"] == "cart|purchase[price>5]"
    by_hand = sum(v.n for v in got.variants if "cart" in v.path)
    assert sum(v.conversions for v in got.variants) >= by_hand
    assert all(v.conversions == v.n for v in got.variants if "cart" in v.path)
    assert any("'purchse'" in words and "purchase" in words for words in asked(shop, goal="purchse").warnings)


def test_a_goal_inside_a_hit_converts(tmp_path: Path) -> None:
    rows = [Row(0, 1, "cart", hit=1), Row(0, 1, "buy", hit=1)]
    [only] = asked(stored(tmp_path / "shop", rows)).variants
    assert (only.path, only.conversions) == (("cart",), 1)


def test_filters_and_nodes_of_other_properties(tmp_path: Path) -> None:
    rows = [Row(u, t, "view", price=float(t)) for u in range(3) for t in range(1, 4)] + [Row(9, 1, "view")]
    folder = stored(tmp_path / "shop", rows)
    got = asked(folder, Counting.of(where="price>1"))
    assert [(v.path, v.n) for v in got.variants] == [(("view", "view"), 3)]
    assert got.header["filter"] == "price > 1"
    pages = asked(folder, node="page", collapse=True)
    assert [(v.path, v.n) for v in pages.variants] == [(("(none)",), 4)]
    assert len(asked(folder, node="price").variants) == 2


def test_rows_frame_and_json_agree(shop: Path) -> None:
    got = asked(shop, top=5, collapse=True, max_length=3)
    as_dict, frame = got.to_dict(), got.frame
    assert frame["n"].tolist() == [v["n"] for v in as_dict["variants"]] + [as_dict["other"]["n"]]
    assert frame["path"].tolist()[-1] == OTHER
    assert frame["path"][0] == " → ".join(as_dict["variants"][0]["path"])
    assert frame["share"].sum() == pytest.approx(1)
    assert as_dict["coverage"] == pytest.approx(1 - as_dict["other"]["share"])
    for row in [*as_dict["variants"], as_dict["other"]]:
        assert row["conversion_interval"][0] <= row["conversion"] <= row["conversion_interval"][1]
        assert row["conversion"] == row["conversions"] / row["n"]
    assert as_dict["count"] == "sessions"
    assert as_dict["units"] == as_dict["sessions"]
    assert {"unit": "step", "collapse": True, "max_length": 3, "goal": "purchase"}.items() <= as_dict.items()


@pytest.mark.parametrize("option", [{"unit": "hit"}, {"top": 0}, {"max_length": 0}, {"node": "pgae"}, {"goal": "a,b"}])
def test_what_cannot_be_asked_is_said(shop: Path, option: dict[str, Any]) -> None:
    with pytest.raises(CartpathError) as error:
        asked(shop, **option)
    assert error.value.hint


def test_nothing_to_count(tmp_path: Path) -> None:
    store.init(tmp_path / "empty")
    stored(tmp_path / "shop", [Row(0, 1, "view")])
    for got in (asked(tmp_path / "empty"), asked(tmp_path / "shop", Counting.of(since="2020-01-01"))):
        as_dict = got.to_dict()
        assert (as_dict["sessions"], as_dict["variants"], as_dict["other"]["n"], as_dict["distinct"]) == (0, [], 0, 0)
        assert as_dict["coverage"] is as_dict["conversion"] is as_dict["other"]["share"] is None
        assert any("no event counts" in words for words in got.warnings)
        assert len(got.frame) == 0


def test_one_user_and_ten_events_at_one_moment(tmp_path: Path) -> None:
    rows = [Row(0, 5, ("view", "cart")[i % 2]) for i in range(10)]
    folder = stored(tmp_path / "shop", rows)
    [only] = asked(folder).variants
    assert (only.path, only.n, only.median_seconds) == (("view", "cart") * 5, 1, 0.0)
    assert any("same time" in words for words in asked(folder).warnings)


def test_a_path_of_100_000_events() -> None:
    n = 100_000
    short = view_of([Row(1, 0, "view"), Row(1, 0, "cart")])
    arrays = {name: np.resize(getattr(short, name), n) for name in EVENT_ARRAYS}
    long = replace(short, offsets=np.array([0, n], np.int64), **{**arrays, "ts": np.arange(n, dtype=np.int64)})
    cut = Cut()
    assert len(cut.codes(long.event, long.step)) == n
    assert Cut(limit=3).codes(long.event, long.step) == [0, 1, 0, -2]


def test_most_frequent_agrees_with_sorting_all() -> None:
    rng = np.random.default_rng(1)
    for size, top in product((1, 2, 50, 400), (1, 2, 7, 399, 400, 500)):
        n = rng.integers(1, 6, size)
        first, length = rng.integers(0, 2**63, size).astype(np.uint64), rng.integers(1, 4, size).astype(np.int32)
        none = np.zeros(size, np.int32)
        groups = Groups(first, first, n, n, n, length, none.astype(np.uint8), none, none)
        wanted = np.lexsort((first, length, -n))[:top]
        assert most_frequent(groups, top).tolist() == wanted.tolist()


def test_scans_may_be_sent_to_other_processes(shop: Path) -> None:
    def sent(value: Any) -> Any:
        return pickle.loads(pickle.dumps(value))

    with store.open_snapshot(shop) as snap:
        plan = variants_plan(snap, Counting(), Cut(), "price", parse_step("purchase[price>1]"), False)
        whole = engine.run(snap, lambda view: sent(scan_variants(view, sent(plan))), merge_variants)
        assert int(whole.groups.n.sum()) == snap.totals.sessions


def test_answers_are_kept(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.open_snapshot(shop) as snap:
        first = variants(snap, top=4, max_length=3)
        monkeypatch.setattr(engine, "run", lambda *_: pytest.fail("scanned again"))
        again = variants(snap, Counting(), max_length=3, top=4)
    assert again == first
    assert again.to_dict() == first.to_dict()
    assert type(again.variants[0]) is type(first.variants[0])
