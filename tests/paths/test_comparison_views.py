"""Every view can be compared, with the numbers that the view itself has for each segment."""

from __future__ import annotations

import json
import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cartpath
from cartpath import store
from cartpath.config import SegmentSettings, Settings, StoreSettings
from cartpath.figures import comparison_figure
from cartpath.paths import Counting, compare
from cartpath.paths.comparison.of_time_to_purchase import survival_of
from cartpath.paths.comparison.registry import find, flag, names
from cartpath.paths.comparison.survival import Survival
from cartpath.paths.survival import kaplan_meier
from cartpath.schema import CartpathError
from cartpath.store import Snapshot
from tests.paths.twin import Row, table_of

DAY = 86_400
EVENTS = ("view", "view", "add_to_cart", "purchase")


def make_log() -> list[Row]:
    rng = random.Random(11)
    rows = []
    for user in range(400):
        at = rng.randrange(20 * DAY)
        for session in range(rng.randrange(1, 7)):
            for _ in range(rng.randrange(1, 6)):
                event = rng.choice(EVENTS)
                bought = event == "purchase"
                order = user * 100_000 + at % 99_991 + 1 if bought else 0
                rows.append(Row(user, at, event, session, order=order, price=5.0 if bought else None))
                at += rng.randrange(1, 900)
            at += rng.randrange(1, 6) * DAY
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("views") / "shop"
    named = {"some": "sample(40%; seed=3)", "rest": "!some"}
    store.init(workspace, Settings(store=StoreSettings(buckets=4), segments=SegmentSettings(named)))
    rows = make_log()
    with store.writer(workspace) as writer:
        writer.add(table_of(rows))
        writer.commit(sources=[{"file": "log", "hash": "1", "adapter": "test", "read": len(rows)}], quarantine={})
    return workspace


@pytest.fixture(scope="module")
def snap(folder: Path) -> Iterator[Snapshot]:
    with store.open_snapshot(folder) as snapshot:
        yield snapshot


ASKED: dict[str, dict[str, Any]] = {
    "funnel": {"steps": "view,add_to_cart,purchase", "order": "strict"},
    "step-view": {"start": "add_to_cart", "steps": "3"},
    "variants": {"collapse": True, "max_length": 4},
    "retention": {"cohort": "week"},
    "drivers": {"within": "path", "of": "event,weekday", "min_support": 5, "min_conversions": 3},
    "attribution": {"of": "event", "models": "first"},
}


@pytest.mark.parametrize("view", names())
def test_every_view(snap: Snapshot, view: str) -> None:
    found = compare(snap, view, "some", "rest", min_users=0, **ASKED.get(view, {}))
    assert found.looks > 0
    assert found.significant == 0  # the halves are random
    json.dumps(found.to_dict())
    assert len(found.frame) == len(found.rows)
    figure = comparison_figure(found.frame, "some", "rest", found.sentence)
    assert any(found.sentence in note.text for note in figure.layout.annotations)
    assert {row["kind"] for row in found.rows} <= {"rate", "mean", "distribution", "survival", "odds_ratio"}


@pytest.mark.parametrize("view", names())
def test_nobody(snap: Snapshot, view: str) -> None:
    found = compare(snap, view, "some", "did never", min_users=0, **ASKED.get(view, {}))
    assert found.significant == 0
    json.dumps(found.to_dict())
    comparison_figure(found.frame, "some", "nobody", found.sentence)
    late = compare(snap, view, "some", "rest", Counting.of(since="2050-01-01"), **ASKED.get(view, {}))
    assert late.looks == 0


def both(snap: Snapshot) -> tuple[Counting, Counting]:
    return Counting.of(segment="some"), Counting.of(segment="rest")


def test_variants_have_the_users_of_the_view(snap: Snapshot) -> None:
    found = compare(snap, "variants", "some", "rest", top=20, collapse=True)
    results = [cartpath.paths.variants(snap, counting, collapse=True, top=10_000) for counting in both(snap)]
    for letter, result in zip("ab", results, strict=True):
        users = {" → ".join(variant.path): variant.users for variant in result.variants}
        for row in found.rows:
            assert row[letter] * row[f"{letter}_n"] == pytest.approx(users.get(row["name"], 0))
            assert row[f"{letter}_n"] == result.header["users"]
    distinct = {variant.path for result in results for variant in result.variants}
    assert len(found.rows) + found.left_out + found.beyond == len(distinct)


def test_flow_has_the_users_of_the_view(snap: Snapshot) -> None:
    found = compare(snap, "flow", "some", "rest", min_users=0)
    for letter, counting in zip("ab", both(snap), strict=True):
        graph = cartpath.paths.flow(snap, counting)
        visited = {row["event"]: row["users"] for row in graph.nodes}
        took = {f"{row['source']} → {row['target']}": (row["users"], visited[row["source"]]) for row in graph.edges}
        for row in found.rows:
            users, of = took.get(row["name"], (0, visited.get(row["name"].split(" → ")[0], 0)))
            assert (row[letter] * row[f"{letter}_n"], row[f"{letter}_n"]) == (pytest.approx(users), of)


def test_repurchase_and_lifecycle_have_the_numbers_of_the_view(snap: Snapshot) -> None:
    from cartpath.paths.lifecycle import lifecycle
    from cartpath.paths.repurchase import repurchase

    again = compare(snap, "repurchase", "some", "rest").rows[0]
    retained = {row["name"]: row for row in compare(snap, "lifecycle", "some", "rest").rows}
    for letter, counting in zip("ab", both(snap), strict=True):
        numbers = repurchase(snap, counting).numbers
        assert (again[letter] * again[f"{letter}_n"], again[f"{letter}_n"]) == (
            pytest.approx(numbers["again"]),
            numbers["buyers"],
        )
        for row in lifecycle(snap, counting).rows:
            if row["retention"] is not None:
                assert retained[f"retained in {row['period']}"][letter] == pytest.approx(row["retention"])


def test_a_curve_is_a_table() -> None:
    rng = np.random.default_rng(2)
    durations, seen = rng.integers(1, 9, 60) * DAY * 1_000_000, rng.random(60) < 0.4
    curve, wanted = survival_of(kaplan_meier(durations, seen)), Survival.of(durations / DAY / 1e6, seen)
    assert curve.time.tolist() == wanted.time.tolist()
    assert curve.events.tolist() == wanted.events.tolist()
    assert curve.censored.tolist() == wanted.censored.tolist()


def test_conversions_that_are_divided_cannot_be_counted(snap: Snapshot) -> None:
    with pytest.raises(CartpathError, match="cannot be compared by the model 'linear'"):
        compare(snap, "attribution", "some", "rest", models="linear")


def test_the_shop_knows_its_time_zone(folder: Path) -> None:
    analysis = cartpath.open(folder).compare("retention", "some", "rest", cohort="week")
    assert analysis.to_dict()["time_zone"] == "UTC"


def test_no_whole_period_is_said(snap: Snapshot) -> None:
    january = Counting.of(since="1970-01-03", until="1970-01-20")
    for view, options in (("retention", {"cohort": "month", "back": "purchase"}), ("lifecycle", {"period": "month"})):
        found = compare(snap, view, "some", "rest", january, **options)
        length = "--cohort" if view == "retention" else "--period"
        assert (found.looks, found.warnings[-1][:20]) == (0, "nothing to compare: ")
        assert f"take {length} week or day, or a longer period" in found.warnings[-1]


def test_the_rest_is_called_so(snap: Snapshot) -> None:
    found = compare(snap, "status", "some", "everyone")
    assert [found.pair.a.called, found.pair.b.called] == ["some", "the rest of everyone"]
    assert [found.to_dict()[letter]["rest"] for letter in "ab"] == [False, True]
    assert not compare(snap, "status", "some", "rest").pair.b.rest


def test_options_are_named_as_flags(snap: Snapshot) -> None:
    with pytest.raises(CartpathError, match=r"lifecycle has no option --return\n.*: --event, --period$"):
        compare(snap, "lifecycle", "some", "rest", back="purchase")
    with pytest.raises(CartpathError, match="--start, --return, --cohort, --mode, --periods"):
        compare(snap, "retention", "some", "rest", goal="purchase")


def test_simple_options_of_views(snap: Snapshot) -> None:
    assert len(compare(snap, "retention", "some", "rest", periods=1).rows) == 1
    assert compare(snap, "repurchase", "some", "rest", same="item_id").rows[0]["name"].endswith("buyer and item_id")
    spent = compare(snap, "attribution", "some", "rest", of="event", models="first", reset=False, min_users=0)
    assert dict(spent.options)["reset"] is False
    assert compare(snap, "variants", "some", "rest", unit="event").looks > 0


def test_every_flag_is_on_the_page(cartpath_command: list[str]) -> None:
    text = subprocess.run([*cartpath_command, "compare", "--help"], capture_output=True, text=True, check=True).stdout
    page = (Path(__file__).parents[2] / "docs" / "compare.md").read_text()
    shown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) - {"--help"}
    assert len(shown) > 30
    assert not {one for one in shown if not re.search(rf"`{one}\b(?!-)", page)}
    for view in names():
        row = next(line for line in page.split("| view | options |")[1].splitlines() if line.startswith(f"| `{view}`"))
        assert all(flag(option) in row for option in find(view).options if option != "top" and option != "reset"), view


def test_a_median_that_was_not_reached(folder: Path, cartpath_command: list[str]) -> None:
    asked = ["compare", str(folder), "time-to-purchase", "did purchase >= 3", "did not purchase"]
    table = subprocess.run([*cartpath_command, *asked], capture_output=True, text=True, check=True).stdout
    assert "not reached" in table.splitlines()[-1]
