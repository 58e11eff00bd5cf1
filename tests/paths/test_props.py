"""``props.NAME`` as a property of the views: filtered on, compared, broken down, and asked on Spark's terms."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pyarrow as pa
import pytest

from cartpath import store
from cartpath.paths.conditions import parse_steps
from cartpath.paths.counted import merge_basis
from cartpath.paths.counting import Counting
from cartpath.paths.matching import match
from cartpath.paths.properties import NUMBER, Properties
from cartpath.schema import CartpathError
from cartpath.store import Snapshot, props

PROPS = [
    '{"size": "L", "stars": 4, "by": {"mail": true}}',
    '{"size": "M", "stars": 2.5}',
    '{"size": "L", "stars": 5, "odd": 1}',
    '{"odd": "two"}',
    None,
    "{}",
]


@pytest.fixture(scope="module")
def snap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    shop = tmp_path_factory.mktemp("props") / "shop"
    store.init(shop)
    n = len(PROPS)
    with store.writer(shop) as writer:
        writer.add(
            pa.table(
                {
                    "user_id": [f"u{i}" for i in range(n)],
                    "ts": pa.array(range(n), pa.timestamp("us", tz="UTC")),
                    "event": ["view"] * n,
                    "props": PROPS,
                }
            )
        )
        writer.commit()
    with store.open_snapshot(shop) as snapshot:
        yield snapshot


@pytest.mark.parametrize(
    ("where", "events"),
    [
        ("props.size=L", 2),
        ("props.size!=L", 4),
        ("props.size=(none)", 3),
        ("props.size=L|M", 3),
        ("props.size~l", 2),
        ("props.stars>2.4", 3),
        ("props.stars=5", 1),
        ("props.stars=(none)", 3),
        ("props.by.mail=true", 1),
        ("props.odd=1|two", 2),
    ],
)
def test_filters(snap: Snapshot, where: str, events: int) -> None:
    rule = pickle.loads(pickle.dumps(Counting.of(where=where).bind(snap)))
    views = [pickle.loads(pickle.dumps(snap.bucket(b))) for b in range(snap.n_buckets)]
    assert merge_basis([rule.counted(view).basis() for view in views]).events == events


def test_steps_and_breakdowns(snap: Snapshot) -> None:
    matcher = match(snap, parse_steps("view[props.size=L,props.stars>=5]"))
    rule, stars = Counting.of().bind(snap), Properties(snap).find("props.stars")
    views = [snap.bucket(b) for b in range(snap.n_buckets)]
    assert sum(int(matcher.bits(rule.counted(view)).sum()) for view in views) == 1
    assert stars.kind == NUMBER
    labels = sorted(stars.label(code) for view in views for code in stars.of_events(view))
    assert labels == ["(none)"] * 3 + ["2 to under 5"] * 2 + ["5 to under 10"]


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ("props.sise=L", "did you mean 'props.size'"),
        ("props.by.male=true", "did you mean 'props.by.mail'"),
        ("props.zzzzzzzz=1", "there are: props.size"),
        ("props.=1", "no property props."),
        ("props.size>3", "text, not a number"),
    ],
)
def test_what_cannot_be_asked_is_told(snap: Snapshot, where: str, problem: str) -> None:
    with pytest.raises(CartpathError) as caught:
        Counting.of(where=where).bind(snap)
    assert problem in f"{caught.value.message} {caught.value.hint}"


def test_a_rare_value_is_not_said_to_be_unknown(snap: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    merge = props.merge_labels
    monkeypatch.setattr(props, "merge_labels", lambda parts: merge(parts, most=1))
    monkeypatch.setattr(props, "PROPS", "other-props")
    rule = Counting.of(where="props.size=M").bind(snap)
    assert rule.warnings == (
        "'M' is not among the 1 most frequent values of props.size; rarer ones are only known together, as (other)",
    )


def test_a_value_never_seen(snap: Snapshot) -> None:
    assert "no props.size 'XL' was ever seen" in Counting.of(where="props.size=XL").bind(snap).warnings[0]
