from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath import store
from cartpath.ingest.doctor import kernels as doctor_kernels
from cartpath.ingest.doctor.diagnosis import Diagnosis, diagnose
from cartpath.ingest.doctor.finding import LEVELS, Finding
from cartpath.ingest.doctor.volumes import volumes
from cartpath.ingest.run import ingest
from cartpath.schema import MICROSECONDS, Columns, event_schema
from cartpath.simulate import simulate

DAY = 86_400
START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())


def event(user: str, second: float, name: str = "view", **more: Any) -> dict[str, Any]:
    return {
        "user_id": user,
        "ts": datetime.fromtimestamp(START + second, UTC),
        "event": name,
        "item_id": "a",
        "price": 1.0,
        "page": f"/{second}",
        **more,
    }


def table(events: list[dict[str, Any]]) -> pa.Table:
    types = {field.name: field.type for field in event_schema()} | {Columns.blanked: pa.bool_()}
    names = list(dict.fromkeys(name for e in events for name in e))
    return pa.table({name: pa.array([e.get(name) for e in events], types[name]) for name in names})


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    store.init(tmp_path / "shop")
    return tmp_path / "shop"


def write(shop: Path, events: list[dict[str, Any]], **more: Any) -> None:
    with store.writer(shop) as writer:
        writer.add(table(events))
        writer.commit(**more)


def finding(diagnosis: Diagnosis, check: str, column: str | None = None) -> Finding:
    (found,) = [f for f in diagnosis.findings if f.check == check and f.detail.get("column") == column]
    return found


def found(shop: Path, check: str, column: str | None = None) -> tuple[int, int, str]:
    one = finding(diagnose(shop), check, column)
    return one.n, one.of, one.level


def test_an_empty_store_has_a_state_and_no_more(shop: Path) -> None:
    diagnosis = diagnose(shop)
    assert [f.check for f in diagnosis.findings] == ["files", "interrupted_write"]
    assert diagnosis.state.sentence == "last good state: generation 0, empty, never written to"
    assert (diagnosis.events, diagnosis.robots, diagnosis.to_dict()["days"]) == (0, [], [])


def test_it_is_json_for_machines_and_lines_for_people(shop: Path) -> None:
    write(shop, [event("a", 1), event("a", 1 + 2 * DAY)])
    diagnosis = diagnose(shop)
    told = json.loads(json.dumps(diagnosis.to_dict(), allow_nan=False))
    assert told["days"] == [
        {"day": "2024-01-01", "events": 1, "sessions": 1},
        {"day": "2024-01-02", "events": 0, "sessions": 0},
        {"day": "2024-01-03", "events": 1, "sessions": 1},
    ]
    assert sum(told["levels"].values()) == len(told["findings"])
    assert {"check", "level", "title", "n", "of", "share", "unit", "meaning", "detail"} == set(told["findings"][0])
    order = [LEVELS.index(f.level) for f in diagnosis.findings]
    assert order == sorted(order)
    assert "last good state: generation 1, written 20" in str(diagnosis).splitlines()[0]
    assert "1 of 3 days have no events" in str(diagnosis)
    assert finding(diagnosis, "gaps").detail == {"days": ["2024-01-02"]}


def test_every_finding_says_how_many_of_how_many_and_what_it_means(shop: Path) -> None:
    write(shop, [event("a", 1)])
    for one in diagnose(shop).findings:
        assert 0 <= one.n <= max(one.of, one.n)
        assert one.title
        assert len(one.meaning) > 20
        assert one.unit in ("days", "events", "events read", "sessions", "users", "items", "files")


def test_spikes_and_dips_stand_out_from_the_weeks_around_them() -> None:
    events = np.full(20, 100)
    events[3], events[8], events[12], events[19] = 300, 33, 299, 1
    judged = volumes(0, events, events)
    assert (judged.spikes, judged.dips, judged.gaps) == ([3], [8], [])  # the last day may be cut
    few = volumes(0, np.array([1, 1, 5, 1, 1]), np.zeros(5, np.int64))
    assert few.spikes == []


def test_missing_values_are_counted_where_they_should_be(shop: Path) -> None:
    context = {"session_id": "s", "device": "phone"}
    write(
        shop,
        [
            event("a", 1, "page_view", item_id=None, price=None),
            event("a", 2, "view", price=None, **context),
            event("a", 3, "purchase", order_id="o", quantity=1),
            event("a", 4, "purchase", item_id=None, order_value=5.0),
            event("b", 5, "page_view", page=None),
        ],
    )
    assert found(shop, "missing", "item_id") == (1, 3, "warning")
    assert finding(diagnose(shop), "missing", "item_id").detail["by_event"] == {"view": 0, "purchase": 1}
    assert found(shop, "missing", "price") == (1, 3, "warning")
    assert found(shop, "missing", "quantity") == (1, 2, "warning")
    assert found(shop, "missing", "order_id") == (1, 2, "warning")
    assert found(shop, "missing", "order_value") == (1, 2, "warning")
    assert found(shop, "missing", "page") == (1, 2, "warning")
    assert found(shop, "missing", "query") == (0, 0, "ok")
    # Sessions: "a" without an id, "s", and "b".
    assert found(shop, "missing", "device") == (2, 3, "note")
    assert found(shop, "missing", "city") == (3, 3, "note")


def test_ties_late_events_duplicates_and_flags(shop: Path) -> None:
    double = [event("a", 10, page="/x"), event("a", 10.5, page="/x")]
    write(shop, [*double, event("a", 20), event("a", 20, "purchase", order_id="o"), event("b", 9)])
    write(shop, [event("a", 5), event("a", 20), event("b", 9), event("b", 30, **{Columns.blanked: True})])
    assert found(shop, "ties") == (1, 7, "note")
    assert finding(diagnose(shop), "ties").detail == {"between_steps": 1}
    assert found(shop, "duplicates") == (2, 9, "warning")
    assert found(shop, "late") == (1, 7, "note")
    assert found(shop, "near_duplicates") == (1, 7, "warning")
    assert found(shop, "blanked") == (1, 7, "warning")


def test_the_quarantine_is_told_by_reason(shop: Path) -> None:
    write(shop, [event("a", 1)], quarantine={"missing_user": 1, "nul_bytes": 2})
    write(shop, [event("a", 2)], quarantine={"nul_bytes": 3})
    assert found(shop, "quarantine") == (6, 8, "warning")
    assert finding(diagnose(shop), "quarantine").detail == {"reasons": {"nul_bytes": 5, "missing_user": 1}}


def test_names_that_are_not_canonical(shop: Path) -> None:
    write(shop, [event("a", n, name) for n, name in enumerate(["view", "zoom", "zoom", "spin"])])
    assert found(shop, "unknown_events") == (3, 4, "warning")
    assert finding(diagnose(shop), "unknown_events").detail == {"events": {"zoom": 2, "spin": 1}}


def test_long_sessions_and_users_of_one_event(shop: Path) -> None:
    hours = [event("a", h * 3600, session_id="s") for h in range(5)]
    many = [event("b", n * 10, session_id="t") for n in range(500)]
    write(shop, [*hours, *many, event("c", 1)])
    assert found(shop, "long_sessions") == (2, 3, "warning")
    detail = finding(diagnose(shop), "long_sessions").detail
    assert (detail["long"], detail["large"], detail["most_events"]) == (1, 1, 500)
    assert (detail["longest_seconds"], detail["with_a_pause_above_the_gap"], detail["by_inactivity"]) == (
        4 * 3600,
        1,
        1,
    )
    assert found(shop, "single_events") == (1, 3, "note")


def test_items_that_the_catalogue_lacks(shop: Path) -> None:
    with store.writer(shop) as writer:
        writer.add(table([event("a", n, item_id=item) for n, item in enumerate("xyz")]))
        writer.put_items(pa.table({"item_id": ["x", "never seen"]}))
        writer.commit()
    assert found(shop, "catalogue") == (2, 3, "warning")


# --- robots


def visitor(user: str, pauses: list[float]) -> list[dict[str, Any]]:
    times = np.cumsum([0.0, *pauses])
    return [event(user, float(t)) for t in times]


def test_a_fixed_beat_and_a_mad_rate_are_a_machines(shop: Path) -> None:
    people = np.random.default_rng(0).exponential(30, 60).tolist()
    beat = [5 + 0.02 * (n % 3) for n in range(40)]
    spoiled = [0.3 if n % 10 == 0 else pause for n, pause in enumerate(beat)]
    burst = [0.5 + 1.1 * (n % 2) for n in range(80)]
    few = [5.0] * 19
    write(
        shop,
        [
            *visitor("person", people),
            *visitor("beat", beat),
            *visitor("beat with double clicks", spoiled),
            *visitor("burst", [p / 3 for p in burst]),
            *visitor("too few to say", few),
        ],
    )
    diagnosis = diagnose(shop)
    assert diagnosis.robots == ["beat", "beat with double clicks", "burst"]
    detail = finding(diagnosis, "robots").detail
    assert (detail["regular"], detail["fast"], detail["events"]) == (2, 1, 41 + 41 + 81)
    assert detail["largest"][0]["user_id"] == "burst"
    by_user = {row["user_id"]: row for row in detail["largest"]}
    assert by_user["beat"]["pause_seconds"] == pytest.approx(5.02, abs=1e-6)


def test_the_simulators_robots_are_found_and_nobody_else(tmp_path: Path) -> None:
    simulate(tmp_path / "sim", 3000, 30, 5)
    store.init(tmp_path / "shop")
    ingest(tmp_path / "shop", [str(tmp_path / "sim" / "events.parquet")], adapter="cartpath")
    truth = json.loads((tmp_path / "sim" / "truth.json").read_text())
    assert len(truth["robots"]) == 3
    assert diagnose(tmp_path / "shop").robots == sorted(truth["robots"])


users = st.lists(
    st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["s", "t", None])), min_size=1, max_size=40),
    min_size=1,
    max_size=3,
)


def twin(view: store.PathView) -> Iterator[tuple[int, int, float, float, int]]:
    """The same, user by user in Python: ties, ties between steps, pause, spread and peak."""
    for one in view:
        ts, step, session = one.ts.tolist(), one.step.tolist(), one.session.tolist()
        ties = [i for i in range(1, len(ts)) if ts[i] == ts[i - 1]]
        at = [i for i in range(len(ts)) if step[i]]
        gaps = [ts[b] - ts[a] for a, b in pairwise(at) if session[a] == session[b] and ts[a] < ts[b]]
        peak = max(sum(ts[i] - doctor_kernels.MINUTE < ts[j] <= ts[i] for j in at if j <= i) for i in at)
        pause, spread = np.nan, np.inf
        if len(gaps) >= doctor_kernels.ENOUGH_PAUSES:
            pause = float(np.median(gaps))
            spread = float(np.median([abs(gap - pause) for gap in gaps])) / pause
        yield len(ties), sum(step[i] for i in ties), pause, spread, peak


@given(users)
def test_the_kernels_agree_with_a_slow_twin(drawn: list[list[tuple[int, str | None]]]) -> None:
    events = []
    for number, one in enumerate(drawn):
        second = 0
        for pause, session in one:
            second += pause
            events.append(event(f"u{number}", second, session_id=session, page="/"))
    view, _ = store.view_from_table(table(events))
    expected = list(zip(*twin(view), strict=True))
    assert doctor_kernels.same_time(view.offsets, view.ts, view.step) == (sum(expected[0]), sum(expected[1]))
    pause, spread, peak = doctor_kernels.rhythm(view.offsets, view.ts, view.step, view.session)
    np.testing.assert_array_equal(pause, expected[2])
    np.testing.assert_allclose(spread, expected[3])
    assert peak.tolist() == list(expected[4])
    gap = 3 * MICROSECONDS
    long = {
        int(view.session[i])
        for i in range(1, view.n_events)
        if view.session[i] == view.session[i - 1] and view.ts[i] - view.ts[i - 1] > gap
    }
    assert set(np.flatnonzero(doctor_kernels.paused(view.offsets, view.ts, view.session, gap)).tolist()) == long


def test_buckets_add_up(tmp_path: Path) -> None:
    from cartpath.config import Settings, StoreSettings

    events = [e for n in range(30) for e in visitor(f"u{n}", [5.0] * (n + 1))]
    told = []
    for buckets in (1, 7):
        store.init(tmp_path / str(buckets), Settings(store=StoreSettings(buckets)))
        write(tmp_path / str(buckets), events)
        record = diagnose(tmp_path / str(buckets)).to_dict()
        checks = ("files", "interrupted_write")
        kept = [f for f in record["findings"] if f["check"] not in checks]
        for one in kept:
            one["detail"].pop("largest", None)
        told.append((kept, record["days"], record["robots"]))
    assert told[0] == told[1]


# --- the state of the files


def test_an_interrupted_write_is_told_and_changes_nothing(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(shop, [event("a", 1)])
    before = diagnose(shop)
    with monkeypatch.context() as patch:
        patch.setattr("cartpath.store.manifest.swap", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            write(shop, [event("a", 2)])
    after = diagnose(shop)
    assert after.state.sentence == before.state.sentence
    assert after.events == before.events == 1
    one = finding(after, "interrupted_write")
    assert (one.level, one.n, one.detail["writing"]) == ("note", len(after.state.leftovers), False)
    assert one.n > 0
    assert all((shop / name).exists() for name in after.state.leftovers)
    write(shop, [event("a", 2)])
    assert finding(diagnose(shop), "interrupted_write").level == "ok"


def test_a_write_that_goes_on_is_not_one_that_was_interrupted(shop: Path) -> None:
    with store.writer(shop) as writer:
        writer.add(table([event("a", 1)]))
        diagnosis = diagnose(shop)
        if diagnosis.state.leftovers:  # whether rows are on disk before the commit is the store's choice
            assert diagnosis.state.writing
            assert "another process is writing" in finding(diagnosis, "interrupted_write").title
        writer.commit()
    assert not diagnose(shop).state.writing


def test_a_file_that_is_gone_is_an_error(shop: Path) -> None:
    write(shop, [event("a", 1)])
    part = next((shop / "store" / "events").rglob("*.parquet"))
    part.unlink()
    diagnosis = diagnose(shop)
    assert diagnosis.findings[0].check == "files"
    assert (diagnosis.findings[0].level, diagnosis.findings[0].n) == ("error", 1)
    assert diagnosis.findings[0].detail["missing"] == [str(part.relative_to(shop / "store"))]
