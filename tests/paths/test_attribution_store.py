"""Attribution over a real store, in Python and on the command line."""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

import cartpath
from cartpath import store
from cartpath.cli import app
from cartpath.config import Settings, StoreSettings
from cartpath.paths import Counting, attribution, status, wilson
from cartpath.paths.attribution import MODELS, NOT_CAUSAL
from cartpath.paths.attribution.channels import channels_of
from cartpath.paths.attribution.question import Question
from cartpath.paths.attribution.scan import scan_attribution
from cartpath.paths.matching import match
from cartpath.schema import CartpathError, Columns
from tests.paths.twin import Row, table_of

CHANNELS = ("Organic Search", "Direct", "Referral", "Email", None)


def log() -> list[Row]:
    rng = random.Random(11)
    rows = []
    for _ in range(1500):
        event = rng.choices(("view", "add_to_cart", "purchase", "signup"), (6, 3, 2, 1))[0]
        bought = event == "purchase"
        rows.append(
            Row(
                user=rng.randrange(80),
                at=rng.randrange(400_000),
                event=event,
                session=rng.randrange(5),
                order=rng.randrange(0, 90) if bought else 0,
                value=float(rng.randrange(1, 50)) if bought and rng.random() < 0.7 else None,
                price=float(rng.randrange(1, 9)) if bought and rng.random() < 0.7 else None,
            )
        )
    return rows


def make(workspace: Path, rows: list[Row]) -> Path:
    store.init(workspace, Settings(store=StoreSettings(buckets=4)))
    table = table_of(rows)
    of_session = [CHANNELS[(row.user * 7 + row.session) % len(CHANNELS)] for row in rows]
    table = table.append_column(Columns.channel, pa.array(of_session, pa.string()))
    campaign = [f"c{(row.user + row.session * 3) % 40}" for row in rows]
    table = table.append_column(Columns.campaign, pa.array(campaign, pa.string()))
    if rows:
        with store.writer(workspace) as writer:
            writer.add(table)
            writer.commit(sources=[{"file": "log", "hash": "1", "adapter": "test", "read": len(rows)}], quarantine={})
    return workspace


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make(tmp_path_factory.mktemp("attribution") / "shop", log()))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make(tmp_path_factory.mktemp("attribution") / "empty", []))


@pytest.fixture
def run() -> Callable[..., Result]:
    return lambda *arguments: CliRunner().invoke(app, ["attribution", *arguments])


@pytest.mark.parametrize("of", ["channel", "event", "campaign", "device", "hour"])
@pytest.mark.parametrize("count", ["users", "sessions"])
def test_conversions_and_revenue_are_those_of_status(shop: str, of: str, count: str) -> None:
    with store.open_snapshot(Path(shop)) as snap:
        known = status(snap)
        found = attribution(snap, Counting.of(count), of=of, game="rate").to_dict()
    assert found["orders"] == known.orders
    assert found["conversions"] == known.orders + found["conversions_without_order"]
    assert found["revenue"] == known.revenue
    for model in MODELS:
        assert sum(found["models"][model].values()) == pytest.approx(found["conversions"])
        assert sum(found["revenue_models"][model].values()) == pytest.approx(found["revenue"])
        assert sum(found["shares"][model].values()) == pytest.approx(1)


def test_the_contract_on_the_command_line(shop: str, run: Callable[..., Result]) -> None:
    result = run(shop, "--json")
    found = json.loads(result.stdout)
    assert tuple(found["models"]) == MODELS
    assert set(found["models"]["last"]) == {"Organic Search", "Direct", "Referral", "Email", "(none)"}
    assert found["caution"] == NOT_CAUSAL
    assert found["count"] == "users"
    assert found["journeys"]["converted"] == found["conversions"]
    assert sum(row["touches"] for row in found["channels"]) == pytest.approx(found["journeys"]["touches"])


def test_intervals_of_last_are_wilsons_and_those_of_parts_are_narrower(shop: str) -> None:
    with store.open_snapshot(Path(shop)) as snap:
        found = attribution(snap)
        whole = found.conversions
    for row in found.rows:
        low, high = row["conversions_low"], row["conversions_high"]
        wide = [end * whole for end in wilson(row["conversions"], whole) or ()]
        if row["model"] in ("first", "last") and not found.evidence.shared:
            assert (low, high) == pytest.approx(wide)
        if row["model"] in ("linear", "shapley"):
            assert wide[0] <= low <= row["conversions"] <= high <= wide[1]


def test_the_table_has_the_denominator_and_the_caution(shop: str, run: Callable[..., Result]) -> None:
    result = run(shop, "--models", "last,markov", "--revenue", "--until", "1970-01-03")
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{lines[0].split()[0]} conversions (purchase), revenue ")
    assert lines[1].split() == ["channel", "last", "markov_1"]
    assert lines[-1] == NOT_CAUSAL


def test_csv_and_figure(shop: str, run: Callable[..., Result], tmp_path: Path) -> None:
    figure = tmp_path / "a.html"
    result = run(shop, "--csv", "-", "--figure", str(figure))
    assert result.stdout.splitlines()[0].startswith("model,channel,conversions,share")
    assert "not causal effects" in figure.read_text()


def test_another_goal_brings_no_revenue(shop: str) -> None:
    with store.open_snapshot(Path(shop)) as snap:
        found = attribution(snap, goal="signup").to_dict()
        signups = snap.totals.events_by_type["signup"]
        bought = attribution(snap, goal="signup|purchase")
        assert (bought.conversions, bought.revenue) == (signups + attribution(snap).conversions, status(snap).revenue)
    assert (found["conversions"], found["orders"], found["revenue"]) == (signups, 0, 0)


def test_rare_values_are_other(shop: str) -> None:
    with store.open_snapshot(Path(shop)) as snap:
        found = attribution(snap, of="campaign", top=5)
        whole = attribution(snap, of="campaign", top=39)
    assert found.to_dict()["other_values"] == 35
    assert len(found.order) == 6
    assert "(other) is 35 values of campaign" in found.note
    # A single value is not made "(other)".
    assert whole.to_dict()["other_values"] == 0
    assert len(whole.order) == 40


def test_where_no_session_has_a_value_everything_is_none_and_said(shop: str) -> None:
    with store.open_snapshot(Path(shop)) as snap:
        found = attribution(snap, Counting.of("sessions"), of="device", models="first")
    assert found.to_dict()["models"] == {"first": {"(none)": found.conversions}}
    assert "no session has a device: all credit goes to (none)" in found.warnings
    assert "Touches are the conversion's session" in found.note


def test_a_filter_and_a_period_are_said(shop: str) -> None:
    with store.open_snapshot(Path(shop)) as snap:
        found = attribution(snap, Counting.of("users", since="1970-01-02", where="channel!=Direct"))
    assert "Direct" not in found.to_dict()["models"]["last"]
    assert "where channel is not Direct" in found.note
    assert "Touches before the period do not count" in found.note


def test_scans_and_what_they_return_may_be_sent_to_other_processes(shop: str) -> None:
    with store.open_snapshot(Path(shop)) as snap:
        rule, question = Counting().bind(snap), Question.of_options()
        matcher = match(snap, [question.goal])
        scan = partial(
            scan_attribution,
            rule=rule,
            question=question,
            channels=channels_of(snap, rule, "channel", 12, matcher),
            matcher=matcher,
            purchase=snap.code_of("event", "purchase"),
        )
        part = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(scan))(snap.bucket(0))))
    assert len(part[1].journey) > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": "lst"}, "did you mean 'last'?"),
        ({"models": "xyz"}, "known: first, last"),
        ({"of": "chanel"}, "did you mean 'channel'?"),
        ({"goal": "view,purchase"}, "is 2 steps"),
        ({"lookback": "30"}, "with its unit"),
        ({"half_life": "week"}, "with its unit"),
        ({"game": "dice"}, "known: conversions, rate"),
        ({"top": 0}, "1 to 200"),
        ({"counting": Counting("entries")}, "users, sessions"),
    ],
)
def test_what_cannot_be_read_is_explained(shop: str, options: dict[str, object], message: str) -> None:
    with store.open_snapshot(Path(shop)) as snap, pytest.raises(CartpathError) as error:
        attribution(snap, **options)  # type: ignore[arg-type]
    assert message in str(error.value)


def test_an_empty_store_has_an_explained_answer(empty: str, run: Callable[..., Result]) -> None:
    result = run(empty, "--json")
    found = json.loads(result.stdout)
    assert (found["conversions"], found["revenue"], found["models"]["shapley"]) == (0, 0, {})
    assert "no event 'purchase' was ever seen" in result.stderr
    assert "no conversion" in json.dumps(cartpath.open(empty).attribution().figure.to_plotly_json()["layout"])


def test_a_goal_that_was_never_seen_and_an_empty_period(shop: str, run: Callable[..., Result]) -> None:
    result = run(shop, "--goal", "purchse")
    assert result.exit_code == 0
    assert "did you mean 'purchase'?" in result.stderr
    found = json.loads(run(shop, "--since", "2020-01-01", "--json").stdout)
    assert found["conversions"] == 0
    assert any("no event counts" in text for text in found["warnings"])


def test_the_figure_has_a_dot_for_each_channel_and_model(shop: str) -> None:
    analysis = cartpath.open(shop).attribution(models="last,linear,markov_1", lookback=None)
    figure = analysis.figure
    assert [trace.name for trace in figure.data] == ["Last", "Linear", "Markov, order 1"]
    assert {len(trace.x) for trace in figure.data} == {len(analysis.result.order)}
    words = " ".join(a.text for a in figure.layout.annotations)
    assert "not causal effects" in words
    assert "however long before" in words
    revenue = cartpath.open(shop).attribution(models="last", value="revenue").figure
    assert sum(revenue.data[0].x) == pytest.approx(analysis.result.revenue)
