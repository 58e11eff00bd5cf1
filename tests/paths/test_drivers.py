"""Drivers: counts held to a twin in plain Python, odds ratios worked out by hand, and stores whose truth is known."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from math import exp, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import cartpath
from cartpath import store
from cartpath.cli import app
from cartpath.figures import drivers_figure
from cartpath.paths.conditions import parse_step
from cartpath.paths.counting import BEGINNING, FOREVER, Counting
from cartpath.paths.drivers import DriversResult, drivers
from cartpath.paths.drivers import counts as driver_counts
from cartpath.paths.drivers.counts import EDGES, N_STRATA, DriverCounts, merge_drivers, scan_drivers
from cartpath.paths.drivers.windows import BEFORE, LEFT_OUT, STEPS, TIME, Window
from cartpath.paths.matching import Matcher, match
from cartpath.paths.multiple_testing import false_discovery
from cartpath.paths.odds import mantel_haenszel, odds_ratio, p_values
from cartpath.paths.properties import EVENT, SESSION, TEXT, USER, Property
from cartpath.paths.rule import Rule
from cartpath.schema import CartpathError
from cartpath.store import PathView, Snapshot
from tests.paths.twin import EVENTS, SECOND, Row, buckets_of, logs, periods, view_of
from tests.paths.twin_drivers import drivers_twin

GOAL = "buy"


def event_of(view: PathView) -> npt.NDArray[Any]:
    return view.event


def parity_of(view: PathView) -> npt.NDArray[Any]:
    return np.array([int(user) % 2 for user in view.user_id.to_pylist()], np.int32)


def properties(of_session: Callable[[PathView], npt.NDArray[Any]]) -> list[Property]:
    return [
        Property("event", EVENT, TEXT, event_of, EVENTS),
        Property("session", SESSION, TEXT, of_session, ["0", "1", "2"]),
        Property("user", USER, TEXT, parity_of, ["even", "odd"]),
    ]


def goal_of(event: str = GOAL) -> Matcher:
    bits = np.zeros(len(EVENTS) + 1, np.uint64)
    bits[EVENTS.index(event)] = 1
    return Matcher(bits, (), ())


def numbers_of_sessions(log_: list[Row]) -> Callable[[PathView], npt.NDArray[Any]]:
    """The session number that the log gives, which the view does not keep: by user and first moment and order."""

    def of(view: PathView) -> npt.NDArray[Any]:
        users = view.user_id.to_pylist()
        found: list[int] = []
        for user in users:
            rows = sorted((row for row in log_ if str(row.user) == user), key=lambda row: row.at)
            found += list(dict.fromkeys(row.session for row in rows))
        return np.array(found, np.int32)

    return of


def scan(
    log_: list[Row], unit: str, window: Window, period: tuple[int | None, int | None], last: int, buckets: int
) -> DriverCounts:
    low, high = period
    counting = Counting(unit, BEGINNING if low is None else low * SECOND, FOREVER if high is None else high * SECOND)
    own = properties(numbers_of_sessions(log_))
    parts = [scan_drivers(v, Rule(counting), goal_of(), window, own, last * SECOND) for v in buckets_of(log_, buckets)]
    return merge_drivers(parts)


windows = st.one_of(
    st.just(Window(BEFORE)),
    st.builds(Window, st.just(STEPS), st.integers(1, 6), st.sampled_from([0, 0, SECOND, 4 * SECOND])),
    st.builds(
        Window,
        st.just(TIME),
        st.integers(0, 8).map(lambda s: s * SECOND),
        st.sampled_from([0, 0, SECOND, 4 * SECOND]),
    ),
)


def stratum(steps: int) -> int:
    return int(np.searchsorted(EDGES, steps, side="right"))


@pytest.mark.parametrize("dense", [1 << 22, 0], ids=["table", "sorting"])
@given(
    log_=logs,
    unit=st.sampled_from(["users", "sessions"]),
    window=windows,
    period=periods,
    last=st.integers(0, 14),
)
def test_counts_are_those_of_the_twin(
    dense: int, log_: list[Row], unit: str, window: Window, period: tuple[int | None, int | None], last: int
) -> None:
    left, units, cells = drivers_twin(log_, unit, GOAL, window, *period, last)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver_counts, "_DENSE", dense)
        found = [scan(log_, unit, window, period, last, buckets) for buckets in (1, 3)]
    for one in found:
        assert {why: n for why, n in zip(LEFT_OUT, one.left_out.tolist(), strict=True) if n} == left
        assert int(one.units.sum()) == sum(units.values())
        for s in range(N_STRATA):
            here = {k: n for k, n in units.items() if stratum(k[0]) == s}
            assert one.units[s] == sum(here.values())
            assert one.converted[s] == sum(n for (_, hit), n in here.items() if hit)
        for name, labels, cell in zip(cells, (EVENTS, (0, 1, 2), (0, 1)), one.cells, strict=True):
            wanted: Counter[tuple[object, int]] = Counter()
            hits: Counter[tuple[object, int]] = Counter()
            for (value, steps, hit), n in cells[name].items():
                wanted[value, stratum(steps)] += n
                hits[value, stratum(steps)] += n * hit
            got = {(labels[k // N_STRATA - 1], int(k % N_STRATA)): i for i, k in enumerate(cell.key.tolist())}
            assert {k: int(cell.units[i]) for k, i in got.items()} == wanted
            assert {k: int(cell.converted[i]) for k, i in got.items()} == {k: hits[k] for k in wanted}


@given(logs, windows)
def test_every_unit_is_compared_or_left_out(log_: list[Row], window: Window) -> None:
    for unit in ("users", "sessions"):
        found = scan(log_, unit, window, (None, None), 9, 2)
        whole = found.basis.users if unit == "users" else found.basis.sessions
        assert int(found.units.sum() + found.left_out.sum()) == whole


def one_table(a: int, b: int, c: int, d: int) -> list[npt.NDArray[np.int64]]:
    """With: a converted, b did not; without: c and d."""
    return [np.array([n]) for n in (a + b, a, c + d, c)]


def test_an_odds_ratio_by_hand() -> None:
    ratio, low, high = odds_ratio(*one_table(30, 20, 10, 40))[0]
    half = 1.959963984540054 * sqrt(Fraction(1, 30) + Fraction(1, 20) + Fraction(1, 10) + Fraction(1, 40))
    assert ratio == pytest.approx(Fraction(30 * 40, 20 * 10))
    assert (low, high) == pytest.approx((exp(log(6) - half), exp(log(6) + half)))


def test_an_empty_cell_gets_a_half_and_so_do_the_others() -> None:
    ratio, low, high = odds_ratio(*one_table(0, 20, 10, 40))[0]
    assert ratio == pytest.approx(float(Fraction(1, 2) * Fraction(81, 2) / (Fraction(41, 2) * Fraction(21, 2))))
    assert 0 < low < ratio < high < float("inf")


def test_strata_pooled_by_hand() -> None:
    # 5 of 10 with it, 10 of 40 without; 8 of 20 with it, 2 of 10 without.
    found = mantel_haenszel(*(np.array([part]) for part in ([10, 20], [5, 8], [40, 10], [10, 2])))[0]
    r = [Fraction(5 * 30, 50), Fraction(8 * 8, 30)]
    s = [Fraction(5 * 10, 50), Fraction(12 * 2, 30)]
    assert found[0] == pytest.approx(float(sum(r) / sum(s)))
    p, q = [Fraction(35, 50), Fraction(16, 30)], [Fraction(15, 50), Fraction(14, 30)]
    variance = (
        sum(x * y for x, y in zip(p, r, strict=True)) / (2 * sum(r) ** 2)
        + sum(x * y + z * w for x, y, z, w in zip(p, s, q, r, strict=True)) / (2 * sum(r) * sum(s))
        + sum(x * y for x, y in zip(q, s, strict=True)) / (2 * sum(s) ** 2)
    )
    half = 1.959963984540054 * sqrt(variance)
    assert found[1:3].tolist() == pytest.approx([found[0] * exp(-half), found[0] * exp(half)])
    more = (5 - Fraction(10 * 15, 50)) + (8 - Fraction(20 * 10, 30))
    spread = Fraction(10 * 40 * 15 * 35, 50**2 * 49) + Fraction(20 * 10 * 10 * 20, 30**2 * 29)
    from scipy.stats import chi2

    assert found[3] == pytest.approx(chi2.sf(float(more**2 / spread), 1))


@given(st.lists(st.integers(1, 60), min_size=4, max_size=4))
def test_one_stratum_is_the_table_itself(cells: list[int]) -> None:
    crude = odds_ratio(*one_table(*cells))[0]
    pooled = mantel_haenszel(*(part[:, None] for part in one_table(*cells)))[0]
    assert pooled[:3].tolist() == pytest.approx(crude.tolist())


def test_strata_that_say_nothing() -> None:
    nobody = mantel_haenszel(*(np.array([part]) for part in ([0, 5], [0, 5], [7, 0], [3, 0])))[0]
    assert np.isnan(nobody).all()


@given(st.lists(st.integers(0, 25), min_size=4, max_size=4).filter(lambda c: c[0] + c[1] and c[2] + c[3]))
def test_p_values_are_those_of_scipy(cells: list[int]) -> None:
    from scipy.stats import chi2_contingency, hypergeom

    a, b, c, d = cells
    p = p_values(*one_table(*cells))[0]
    total, hits, with_ = a + b + c + d, a + c, a + b
    expected = [with_ * hits, with_ * (b + d), (c + d) * hits, (c + d) * (b + d)]
    if min(expected) >= 10 * total:
        assert p == pytest.approx(chi2_contingency([[a, b], [c, d]], correction=False).pvalue)
        return
    chance = hypergeom(total, hits, with_).pmf(np.arange(max(0, with_ - b - d), min(with_, hits) + 1))
    own = hypergeom(total, hits, with_).pmf(a)
    less = chance[chance < own * (1 - 1e-6)].sum()
    same = chance[np.isclose(chance, own, rtol=1e-6, atol=0)].sum()
    assert p == pytest.approx(less + same / 2, rel=1e-6)


@given(st.lists(st.floats(0, 1), max_size=30))
def test_q_values_are_those_of_scipy(p: list[float]) -> None:
    from scipy.stats import false_discovery_control

    found = false_discovery(np.array([*p, np.nan]))
    assert np.isnan(found[-1])
    if p:
        assert found[:-1].tolist() == pytest.approx(false_discovery_control(p).tolist())


N = 400


def shop_of(folder: Path, rows: list[tuple[str, int, str, str | None, str | None]]) -> Path:
    """Rows: user, second, event, device, props."""
    store.init(folder)
    columns = list(zip(*rows, strict=True)) if rows else [[], [], [], [], []]
    with store.writer(folder) as writer:
        if rows:
            writer.add(
                pa.table(
                    {
                        "user_id": pa.array(columns[0], pa.string()),
                        "ts": pa.array([t * SECOND for t in columns[1]], pa.timestamp("us", tz="UTC")),
                        "event": pa.array(columns[2], pa.string()),
                        "device": pa.array(columns[3], pa.string()),
                        "props": pa.array(columns[4], pa.string()),
                    }
                )
            )
        writer.put_users(pa.table({"user_id": [f"u{i}" for i in range(0, N, 4)], "plan": ["gold"] * (N // 4)}))
        writer.commit()
    return folder


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three steps each, then some buy: 3 in 4 of those who searched, 1 in 4 of the others; devices do not matter."""
    rows: list[tuple[str, int, str, str | None, str | None]] = []
    for i in range(N):
        user, searched = f"u{i}", i % 2 == 0
        props = '{"size": "L"}' if i % 8 < 4 else None
        rows.append((user, 0, "view", "mobile" if i % 3 == 0 else None, None))
        rows.append((user, 1, "search" if searched else "view", None, props))
        rows.append((user, 2, "view", None, None))
        if i % 8 in ((0, 2, 4) if searched else (1, 3)):
            rows.append((user, 3, "buy", None, None))
        if i % 10 == 0:
            rows.append((user, 4, "view", None, None))
    return shop_of(tmp_path_factory.mktemp("drivers") / "shop", rows)


@pytest.fixture(scope="module")
def snap(shop: Path) -> Iterator[Snapshot]:
    with store.open_snapshot(shop) as snapshot:
        yield snapshot


def found(result: DriversResult, label: str) -> Any:
    return next(driver for driver in result.drivers if driver.label == label)


def test_what_was_planted_is_found_and_nothing_else(snap: Snapshot) -> None:
    result = drivers(snap, "buy", within="3 steps")
    assert (result.units, result.conversions) == (N, 250)
    search = found(result, "search")
    assert (search.with_, search.with_converted, search.without, search.without_converted) == (200, 150, 200, 100)
    assert search.odds_ratio == pytest.approx(3)
    assert search.adjusted_odds_ratio == pytest.approx(3)
    assert [driver.label for driver in result.drivers if driver.significant] == ["search"]
    device = found(result, "device = mobile")
    assert device.kind == "session property"
    assert not device.significant
    assert found(result, "device = (none)").with_ == N - device.with_
    assert found(result, "plan = gold").kind == "user property"
    assert result.left_out == {"units": {}, "candidates": {"too_few_without": 1}}  # everyone viewed


def test_properties_on_request(snap: Snapshot) -> None:
    result = drivers(snap, "buy", within="3 steps", of=["props.size"])
    size = found(result, "props.size = L")
    assert (size.kind, size.with_) == ("event property", 200)
    assert len(result.drivers) == 1


def test_windows(snap: Snapshot) -> None:
    path = drivers(snap, "buy", within="path")
    assert (path.units, path.conversions) == (N, 250)
    assert "immortal time" in path.note
    short = drivers(snap, "buy", within="9 steps")
    assert short.left_out["units"] == {"converted_in_window": 250, "too_few_steps": 150}
    assert "no users are left to compare" in short.warnings[0]
    second = drivers(snap, "buy", within="1s", of=["event"])
    assert (second.units, second.conversions) == (N, 250)
    assert found(second, "search").with_ == 200
    assert drivers(snap, "buy", within="1h").left_out["units"] == {"converted_in_window": 250, "no_time_left": 150}
    followed = drivers(snap, "buy", within="3 steps", follow="2s", of=["event"])
    assert (followed.units, followed.conversions) == (N, 250)
    assert "for 2s after" in followed.note
    none = drivers(snap, "buy", within="3 steps", follow="1h", of=["event"])
    assert none.left_out["units"] == {"no_time_left": N}
    with pytest.raises(CartpathError, match="nothing follows"):
        drivers(snap, "buy", within="path", follow="7d")
    for bad in ("0 steps", "10", "soon", ""):
        with pytest.raises(CartpathError, match="cannot read the window"):
            drivers(snap, "buy", within=bad)


def test_support_excluded_events_and_too_few_conversions(snap: Snapshot) -> None:
    assert drivers(snap, "buy", within="3 steps", of=["event"], min_support=201).left_out["candidates"] == {
        "too_few_with": 1,
        "too_few_without": 1,
    }
    without = drivers(snap, "buy", within="3 steps", of=["event"], exclude=["search", "serch"])
    assert without.left_out["candidates"] == {"excluded": 1, "too_few_without": 1}
    assert "did you mean 'search'" in without.warnings[0]
    few = drivers(snap, "buy", within="3 steps", of=["event"], min_conversions=151)
    assert few.drivers == ()
    assert few.left_out["candidates"] == {"too_few_without": 1, "too_few_conversions": 1}
    assert "too few did" in few.warnings[0]
    with pytest.raises(CartpathError, match="from 1"):
        drivers(snap, "buy", min_support=0)


def test_the_same_units_by_another_name_are_told(tmp_path: Path) -> None:
    rows: list[tuple[str, int, str, str | None, str | None]] = []
    for i in range(200):
        kind = "a" if i % 2 else "b"
        rows += [(f"u{i}", 0, kind, None, None), (f"u{i}", 1, f"{kind}{kind}", None, None)]
        rows += [(f"u{i}", 2, "buy", None, None)] if i % 4 else []
    with store.open_snapshot(shop_of(tmp_path / "shop", rows)) as snap:
        result = drivers(snap, "buy", within="2 steps", of=["event"])
    assert {driver.label: driver.same_counts_as for driver in result.drivers} == {
        "a": None, "aa": "a", "b": "not a", "bb": "not a",
    }  # fmt: skip


def test_the_active_are_compared_with_the_active(tmp_path: Path) -> None:
    """Half of who takes twenty steps buys and nobody else; all of them click, by the number of steps, at random."""
    rows: list[tuple[str, int, str, str | None, str | None]] = []
    random = np.random.default_rng(3)
    for i in range(600):
        n = 20 if i % 2 else 2
        clicks = random.random() < (0.9 if n == 20 else 0.1)
        rows += [(f"u{i}", t, "click" if clicks and t == 0 else "view", None, None) for t in range(n)]
        rows += [(f"u{i}", n, "buy", None, None)] if random.random() < (0.5 if n == 20 else 0.05) else []
    with store.open_snapshot(shop_of(tmp_path / "shop", rows)) as snap:
        click = found(drivers(snap, "buy", within="path", of=["event"]), "click")
    assert click.odds_ratio > 4
    assert click.adjusted_interval[0] < 1 < click.adjusted_interval[1]
    assert click.q < 0.001
    assert not click.significant


def test_chance_alone_is_rarely_significant(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    rows: list[tuple[str, int, str, str | None, str | None]] = []
    for i in range(500):
        rows += [(f"u{i}", t, f"e{random.integers(40)}", None, None) for t in range(5)]
        rows += [(f"u{i}", 9, "buy", None, None)] if random.random() < 0.2 else []
    with store.open_snapshot(shop_of(tmp_path / "shop", rows)) as snap:
        result = drivers(snap, "buy", within="5 steps", of=["event"], min_support=20)
    assert len(result.drivers) > 35
    assert sum(driver.p < 0.05 for driver in result.drivers) >= 1
    assert not any(driver.significant for driver in result.drivers)


def test_nothing_to_compare(tmp_path: Path, snap: Snapshot) -> None:
    with store.open_snapshot(shop_of(tmp_path / "empty", [])) as empty:
        result = drivers(empty, "buy")
    assert (result.units, result.drivers) == (0, ())
    assert result.to_dict()["rate"] is None
    unseen = drivers(snap, "byu", within="3 steps")
    assert "did you mean 'buy'" in unseen.warnings[0]
    assert unseen.to_dict()["conversions"] == 0
    for one in (result, unseen):
        assert len(drivers_figure(one.frame, one.goal, one.note).layout.annotations) == 1


def test_a_period_and_a_filter(snap: Snapshot) -> None:
    result = drivers(snap, "buy", Counting.of(where="device=mobile"), within="3 steps", of=["event"])
    assert result.units == len([i for i in range(N) if i % 3 == 0])
    early = drivers(snap, "buy", Counting.of(until="1970-01-01T00:00:03"), within="path", of=["event"])
    assert (early.units, early.conversions) == (N, 0)


def test_a_long_path_and_ten_events_at_one_moment() -> None:
    rows = [Row(1, 5, "view") for _ in range(9)] + [Row(1, 5, "buy")]
    counts = scan_drivers(view_of(rows), Rule(Counting()), goal_of(), Window(STEPS, 9), properties(parity_of), 9)
    assert counts.converted.sum() == 1
    from dataclasses import replace

    from cartpath.store.path import EVENT_ARRAYS

    view, n = view_of([Row(1, 0, "view"), Row(1, 1, "buy")]), 100_000
    arrays = {name: np.resize(getattr(view, name)[:1], n) for name in EVENT_ARRAYS}
    long = replace(view, offsets=np.array([0, n], np.int64), **arrays)
    for window in (Window(BEFORE), Window(STEPS, 99_999), Window(TIME, 5)):
        counts = scan_drivers(long, Rule(Counting()), goal_of(), window, properties(parity_of), 9)
        assert counts.units.sum() == 1


def test_scans_can_be_sent(snap: Snapshot) -> None:
    from functools import partial

    from cartpath.paths.properties import Properties

    own = [Properties(snap).find(name) for name in ("event", "device", "plan", "props.size")]
    work = partial(
        scan_drivers,
        rule=Counting().bind(snap),
        goal=match(snap, [parse_step("buy")]),
        window=Window(STEPS, 3),
        properties=own,
        last=9,
    )
    sent = pickle.loads(pickle.dumps(work))
    parts = [sent(pickle.loads(pickle.dumps(snap.bucket(b)))) for b in range(snap.n_buckets)]
    merged = merge_drivers([pickle.loads(pickle.dumps(part)) for part in parts])
    assert (merged.units.sum(), merged.converted.sum()) == (N, 250)


def test_json_frame_figure_and_command_agree(shop: Path, tmp_path: Path) -> None:
    analysis = cartpath.open(shop).drivers("buy", within="3 steps", of="event,device")
    as_dict = analysis.to_dict()
    keys = {"goal", "units", "conversions", "tested", "left_out", "drivers", "note", "warnings", "period", "generation"}
    assert keys <= set(as_dict)
    assert set(as_dict["drivers"][0]) >= {
        "kind", "name", "value", "with", "with_converted", "without", "without_converted", "rate_with", "rate_without",
        "odds_ratio", "interval", "adjusted_odds_ratio", "adjusted_interval", "p", "q", "significant", "skewed",
    }  # fmt: skip
    assert analysis.frame["with"].tolist() == [driver["with"] for driver in as_dict["drivers"]]
    figure = tmp_path / "forest.html"
    options = ["--goal", "buy", "--within", "3 steps", "--of", "event,device"]
    told = CliRunner().invoke(app, ["drivers", str(shop), *options, "--json", "--figure", str(figure)])
    assert told.exit_code == 0
    assert json.loads(told.stdout) == json.loads(json.dumps(as_dict))
    assert figure.stat().st_size > 10_000
    table = CliRunner().invoke(app, ["drivers", str(shop), *options])
    assert "search" in table.stdout
    assert "Correlation, not cause" in table.stdout
    sessions = CliRunner().invoke(app, ["drivers", str(shop), *options, "--count", "sessions", "--json"])
    assert json.loads(sessions.stdout)["count"] == "sessions"
    wrong = CliRunner().invoke(app, ["drivers", str(shop), "--goal", "buy", "--count", "entries"])
    assert wrong.exit_code == 2
