"""Two segments compared over a real store."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import cartpath
from cartpath import store
from cartpath.config import SegmentSettings, Settings, StoreSettings
from cartpath.figures import comparison_figure
from cartpath.ingest.run import ingest
from cartpath.paths import Counting, compare, flow, funnel, status
from cartpath.paths.comparison.groups import pair
from cartpath.schema import CartpathError
from cartpath.store import Snapshot
from tests.paths.twin import Row, path_order, paths_of, reaches, table_of

NAMED = {"odd": "file(odd.csv)", "even": "!odd", "small": "file(small.csv)", "buyers": "did purchase"}


def make_log() -> list[Row]:
    """Odd users view, put in the cart and buy more than even ones."""
    rng = random.Random(5)
    rows = []
    for user in range(300):
        for session in range(rng.randrange(1, 4)):
            at = session * 10_000
            rows.append(Row(user, at, "view", session))
            for event, odds in (("add_to_cart", 0.7 if user % 2 else 0.4), ("purchase", 0.5)):
                if rng.random() > odds:
                    break
                at += rng.randrange(1, 900)
                money = {"order": user * 10 + session + 1, "price": 10.0} if event == "purchase" else {}
                rows += [Row(user, at, event, session, hit=at, **money) for _ in range(1 + (event == "purchase"))]
    return rows


LOG = make_log()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("compare") / "shop"
    store.init(workspace, Settings(store=StoreSettings(buckets=4), segments=SegmentSettings(NAMED)))
    with store.writer(workspace) as writer:
        writer.add(table_of(LOG))
        writer.commit(sources=[{"file": "log", "hash": "1", "adapter": "test", "read": len(LOG)}], quarantine={})
    (workspace / "odd.csv").write_text("".join(f"u{user}\n" for user in range(1, 300, 2)))
    (workspace / "small.csv").write_text("".join(f"u{user}\n" for user in range(100)))
    return workspace


@pytest.fixture(scope="module")
def snap(folder: Path) -> Iterator[Snapshot]:
    with store.open_snapshot(folder) as snapshot:
        yield snapshot


#: Some sessions begin before it, some after.
BETWEEN = "1970-01-01T02:50:00Z"
STEPS = ("view", "add_to_cart", "purchase")


@pytest.mark.parametrize("unit", ["users", "sessions"])
def test_the_funnel_is_that_of_the_twin(snap: Snapshot, unit: str) -> None:
    found = compare(snap, "funnel", "odd", "even", Counting.of(unit), steps=",".join(STEPS), within="10m")
    rows = {row["name"]: row for row in found.rows}
    for letter, parity in (("a", 1), ("b", 0)):
        paths = [p for p in paths_of(path_order(LOG), unit) if p[0].user % 2 == parity]
        counts = [len(paths), *(sum(reaches(p, STEPS[: k + 1], 600) for p in paths) for k in range(3))]
        wanted = {
            f"view, of all {unit}": (1, 0),
            "add_to_cart, of view": (2, 1),
            "purchase, of view": (3, 1),
            "purchase, of add_to_cart": (3, 2),
        }
        assert set(rows) == set(wanted)
        for name, (step, base) in wanted.items():
            assert rows[name][f"{letter}_n"] == counts[base]
            assert rows[name][letter] == pytest.approx(counts[step] / counts[base])
    assert rows["add_to_cart, of view"]["significant"]
    assert rows["add_to_cart, of view"]["difference"] > 0
    assert rows["view, of all users" if unit == "users" else "view, of all sessions"]["p"] in (1.0, None)
    by_user = {row["test"].startswith("t test, errors clustered") for row in found.rows if row["p"] not in (None, 1.0)}
    assert by_user == {unit == "sessions"}


def test_status_sums_to_the_whole(snap: Snapshot) -> None:
    found = compare(snap, "status", "odd", "even")
    rows, whole = {row["name"]: row for row in found.rows}, status(snap)

    def total(name: str) -> float:
        return sum(rows[name][x] * rows[name][f"{x}_n"] for x in "ab")

    assert total("orders per user") == pytest.approx(whole.orders)
    assert total("revenue per user") == pytest.approx(whole.revenue)
    assert total("sessions per user") == pytest.approx(whole.sessions)
    assert total("did purchase") == pytest.approx(funnel(snap, ["purchase"]).counts[0])
    values = [
        sum(20.0 for row in path if row.event == "purchase") / 2
        for path in paths_of(path_order(LOG), "users")
        if path[0].user % 2
    ]
    assert rows["revenue per user"]["a"] == pytest.approx(np.mean(values))
    assert rows["steps per user"]["a_n"] == 150


def test_who_is_in_both_is_left_out(snap: Snapshot) -> None:
    found = compare(snap, "status", "odd", "small")
    assert (found.pair.overlap, found.pair.a.basis.users, found.pair.b.basis.users) == (50, 100, 50)
    assert (found.pair.a.all_users, found.pair.b.all_users) == (150, 100)
    assert "50 users are in both odd and small and are left out of both" in found.warnings[0]


@pytest.mark.parametrize(("a", "b", "users"), [("odd", "everyone", (150, 150)), ("everyone", "odd", (150, 150))])
def test_a_part_is_compared_with_the_rest(snap: Snapshot, a: str, b: str, users: tuple[int, int]) -> None:
    found = compare(snap, "status", a, b)
    assert (found.pair.a.basis.users, found.pair.b.basis.users) == users
    assert "all 150 users of odd are in everyone: they are compared with the other 150" in found.warnings


@pytest.mark.parametrize("b", ["even", "everyone", "buyers", "small"])
@pytest.mark.parametrize("asked", [{}, {"until": BETWEEN, "segment": "did add_to_cart"}, {"where": "event!=view"}])
def test_what_counts_of_the_groups_is_what_counts_of_their_segments(snap: Snapshot, b: str, asked: dict) -> None:
    """Both are counted in one pass, and what one has alone is a difference."""
    counting = Counting.of(**asked)
    found = pair(snap, "odd", b, counting)
    for group in (found.a, found.b):
        told = flow(snap, group.counting)
        assert told.basis == group.basis
    every = flow(snap, replace(counting, segment=f"(odd) & ({counting.segment or 'everyone'})"))
    assert found.a.all_users == every.users


def test_the_same_users_are_refused(snap: Snapshot) -> None:
    with pytest.raises(CartpathError, match="are the same 150 users"):
        compare(snap, "status", "odd", "!even")


def test_nobody_on_one_side(snap: Snapshot) -> None:
    found = compare(snap, "flow", "odd", "did purchase >= 50")
    assert found.looks == 0
    assert "no user of did purchase >= 50 has an event that counts" in found.warnings
    assert all(row["p_adjusted"] is None for row in found.rows)
    assert "Nothing to compare" in comparison_figure(found.frame, "odd", "none").layout.annotations[0].text
    json.dumps(found.to_dict())


def test_groups_made_by_behaviour_are_warned_of(snap: Snapshot) -> None:
    assert any("by definition" in text for text in compare(snap, "status", "buyers", "!buyers").warnings)
    assert not compare(snap, "status", "odd", "even").warnings


def test_a_segment_cuts_both_groups(snap: Snapshot) -> None:
    found = compare(snap, "status", "odd", "even", Counting.of(segment="small"))
    assert (found.pair.a.basis.users, found.pair.b.basis.users) == (50, 50)


def test_flow_compares_users(snap: Snapshot) -> None:
    found = compare(snap, "flow", "odd", "even")
    row = next(row for row in found.rows if row["name"] == "view → add_to_cart")
    took = {r.user for r in LOG if r.event == "add_to_cart" and r.user % 2}
    assert (row["a"], row["a_n"]) == (pytest.approx(len(took) / 150), 150)
    assert found.rows == sorted(found.rows, key=lambda row: 2 if row["p"] is None else row["p"])
    every = compare(snap, "flow", "odd", "even", min_users=0)
    assert len(every.rows) == len(found.rows) + found.left_out
    assert compare(snap, "flow", "odd", "even", min_users=100_000).looks == 0


def test_corrections_count_the_looks(snap: Snapshot) -> None:
    holm = compare(snap, "status", "odd", "even", correction="holm")
    plain = compare(snap, "status", "odd", "even", correction="none")
    assert holm.looks == plain.looks == len([row for row in plain.rows if row["p"] is not None])
    assert holm.to_dict()["correction"] == "holm"
    assert all(a["p_adjusted"] >= b["p_adjusted"] for a, b in zip(holm.rows, plain.rows, strict=True) if a["p"])
    least = min(row["p"] for row in holm.rows if row["p"] is not None)
    assert min(row["p_adjusted"] for row in holm.rows if row["p"] is not None) == pytest.approx(
        min(1, least * holm.looks)
    )


@pytest.mark.parametrize(
    ("view", "settings", "problem"),
    [
        ("funel", {}, "no view 'funel'"),
        ("funnel", {}, "funnel needs --steps"),
        ("status", {"steps": "view"}, "status has no option --steps"),
        ("status", {"correction": "bonferroni"}, "no correction 'bonferroni'"),
        ("status", {"alpha": 5.0}, "alpha must be between 0 and 1"),
        ("status", {"counting": Counting.of("sessions")}, "status cannot be compared by sessions"),
    ],
)
def test_bad_questions(snap: Snapshot, view: str, settings: dict, problem: str) -> None:
    with pytest.raises(CartpathError, match=problem):
        compare(snap, view, "odd", "even", **settings)


def test_the_figure_has_every_measure_and_a_note(folder: Path) -> None:
    analysis = cartpath.open(folder).compare("status", "odd", "even")
    figure = analysis.figure
    assert len(figure.data) == sum(row["effect"] is not None for row in analysis.result.rows)
    words = " ".join(note.text for note in figure.layout.annotations)
    assert analysis.result.sentence in words
    assert "odd" in words


def test_the_command(folder: Path, cartpath_command: list[str], tmp_path: Path) -> None:
    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*cartpath_command, "compare", str(folder), *args], capture_output=True, text=True, check=False
        )

    table = run("funnel", "odd", "even", "--steps", "view,purchase", "--within", "10m")
    assert table.returncode == 0, table.stderr
    assert "A: odd: 150 users" in table.stdout
    assert "2 looks, Holm" in table.stdout
    found = json.loads(run("status", "odd", "even", "--json", "--figure", str(tmp_path / "f.html")).stdout)
    assert {"view", "a", "b", "overlap", "correction", "looks", "measures", "warnings", "period"} <= set(found)
    assert found["a"]["users"] == 150
    assert {"name", "kind", "a", "a_n", "difference", "interval", "effect", "p", "p_adjusted"} <= set(
        found["measures"][0]
    )
    assert (tmp_path / "f.html").stat().st_size > 1000
    assert run("flow", "odd", "even", "--csv", "-").stdout.startswith("name,kind,unit,a,a_n,b,b_n,difference")
    wrong = run("status", "odd", "even", "--steps", "view")
    assert (wrong.returncode, "status has no option --steps" in wrong.stderr) == (2, True)


@pytest.fixture(scope="module")
def merch(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    """Ten days of the Google merchandise store."""
    workspace = tmp_path_factory.mktemp("merch") / "shop"
    store.init(workspace)
    files = sorted((data_dir / "ga360_merch").rglob("*.parquet"))[:10]
    ingest(workspace, [str(file) for file in files], adapter="ga360")
    with store.open_snapshot(workspace) as snapshot:
        yield snapshot


@pytest.mark.parametrize(
    ("view", "options"),
    [("status", {}), ("funnel", {"steps": "view,add_to_cart,checkout,purchase", "within": "7d"}), ("flow", {})],
)
def test_random_halves_rarely_differ(merch: Snapshot, view: str, options: dict[str, str]) -> None:
    """A/A: with 40 random halves of real users, about 2 have a difference after Holm, and 5% of looks before."""
    any_significant, looks, below = 0, 0, 0
    for seed in range(40):
        half = f"sample(50%; seed={seed})"
        found = compare(merch, view, half, f"!{half}", correction="holm", **options)
        any_significant += found.significant > 0
        p = [row["p"] for row in found.rows if row["p"] is not None]
        looks, below = looks + len(p), below + sum(value < 0.05 for value in p)
    assert any_significant <= 6  # of 40 at 5%: more has a chance of 0.3%
    assert below / looks < 0.08
