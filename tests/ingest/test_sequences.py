"""Sequences: two layouts, told apart; the order is the time."""

from __future__ import annotations

from pathlib import Path

import pytest

from cartpath import ingest, store
from cartpath.config import Settings, StoreSettings
from cartpath.ingest import Context, Reason
from cartpath.ingest.adapters import sequences
from cartpath.ingest.readers import lines
from cartpath.schema import CartpathError, microseconds_of
from tests.ingest.reading import read, write

START = microseconds_of("2000-01-01")


@pytest.mark.parametrize(
    ("data", "layout"),
    [
        (b"1 10\n1 11\n2 10\n", "pairs"), (b"1 10 11\n2 10\n", "lines"), (b"1 10 11 12\n2 10 11\n", "lines"),
        (b"a\tx\nb\ty\n", "pairs"), (b"1 10 11\n1 12\n2 5\n3 6\n", "pairs"),
    ],
)  # fmt: skip
def test_layouts_are_told_apart(tmp_path: Path, data: bytes, layout: str) -> None:
    context = Context(write(tmp_path / "a.txt", data), {"format": "auto"})
    assert sequences.layout_of(context) == layout


@pytest.mark.parametrize("size", [1 << 20, 8])
@pytest.mark.parametrize(("data", "layout"), [(b"1 a\n2 b\n1 c\n1 a\n", "pairs"), (b"1 a c a\n2 b\n", "lines")])
def test_both_layouts_give_the_same_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, layout: str, size: int
) -> None:
    monkeypatch.setattr(lines, "BLOCK", size)
    done = read(write(tmp_path / "a.txt", data), "sequences", format=layout)
    seconds = [(microseconds_of(ts) - START) // 1_000_000 for ts in done.column("ts")]
    assert sorted(zip(done.column("user_id"), seconds, done.column("item_id"), strict=True)) == [
        ("1", 0, "a"), ("1", 1, "c"), ("1", 2, "a"), ("2", 0, "b")
    ]  # fmt: skip
    assert set(done.column("event")) == {"view"}


def test_bad_lines_are_out(tmp_path: Path) -> None:
    done = read(write(tmp_path / "a.txt", b"1 a\n1\n1 a b\n\n1 \xff\n1 b\0\n2 c\n"), "sequences", format="pairs")
    assert done.reasons == {Reason.wrong_number_of_fields: 2, Reason.bad_encoding: 1, Reason.nul_bytes: 1}
    assert done.column("item_id") == ["a", "c"]


def test_the_event_can_be_named(tmp_path: Path) -> None:
    done = read(write(tmp_path / "a.txt", b"1 a\n1 b\n"), "sequences", event="purchase")
    assert done.column("event") == ["purchase"] * 2


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(CartpathError, match="is empty"):
        read(write(tmp_path / "a.txt", b"\n"), "sequences")


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("ml1m/ml-1m.txt", (999_611, 6_040, 3_416)),
        ("s3rec/Beauty.txt", (198_502, 22_363, 12_101)),
        ("s3rec/Sports_and_Outdoors.txt", (296_337, 35_598, 18_357)),
    ],
)
def test_control_figures(tmp_path: Path, data_dir: Path, name: str, figures: tuple[int, int, int]) -> None:
    store.init(tmp_path / "shop", Settings(StoreSettings(buckets=4)))
    done = ingest.ingest(tmp_path / "shop", [str(data_dir / name)], adapter="sequences")
    assert (done.stored, done.users, done.items) == figures
    assert (done.read, done.duplicates, done.quarantined) == (figures[0], 0, 0)
