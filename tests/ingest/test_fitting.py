"""Which adapter fits a source: asked of the adapters themselves."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cartpath import ingest
from cartpath.ingest import Adapter, fitting
from cartpath.schema import CartpathError
from tests.ingest.reading import read, write


def adapter(**fields: Any) -> Adapter:
    return Adapter("mine", "", **fields)


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({"columns": {"user_id": "u", "ts": ("t", "w"), "event": "e"}}, True),
        ({"columns": {"user_id": "u", "ts": "t"}, "defaults": {"event": "view"}}, True),
        ({"columns": {"user_id": "u", "ts": "when", "event": "e"}}, False),
        ({"needs": ("u", ("x", "t"))}, True),
        ({"needs": ("u", ("x", "y"))}, False),
        ({"identity": True}, False),  # it would read anything, and so claims nothing
        ({"columns": {"user_id": "u", "ts": "t", "event": "e"}, "read": lambda context: iter(())}, False),
    ],
)
def test_what_an_adapter_says_of_itself(fields: dict[str, Any], fits: bool) -> None:
    assert fitting.fits(adapter(**fields), ["u", "t", "e"]) is fits


def test_an_adapter_of_a_set_of_files_is_asked_for_its_kinds() -> None:
    def kind(lacks: list[str], holds: Adapter | None) -> Any:
        return SimpleNamespace(adapter=holds, missing=lambda found: lacks, columns=("u", ("t", "w")))

    events, catalogue = adapter(), None
    for kinds, fits in ((kind([], events), True), (kind(["t"], events), False), (kind([], catalogue), False)):
        of_files = SimpleNamespace(needs=(), files=(kinds,), columns={}, items={})
        assert fitting.fits(of_files, ["u", "t"]) is fits
        assert fitting.named(of_files) == {"u", "t", "w"}


def test_files_without_a_header_are_told_by_how_many_columns_they_have(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = SimpleNamespace(adapter=SimpleNamespace(header=("a", "b", "c")))
    known = {"flat": SimpleNamespace(header=("a", "b")), "set": SimpleNamespace(files=(kind,)), "own": adapter()}
    monkeypatch.setattr(fitting.registry, "names", lambda: sorted(known))
    monkeypatch.setattr(fitting.registry, "get", known.__getitem__)
    assert [fitting.without_header(n) for n in (2, 3, 4)] == [["flat"], ["set"], []]


@pytest.mark.parametrize("name", ingest.names())
def test_every_adapter_of_named_columns_fits_its_own(name: str) -> None:
    own = ingest.get(name)
    if not (own.needs or own.columns) or (own.read is not None and not own.needs):
        return
    names = [need if isinstance(need, str) else need[0] for need in own.needs]
    columns = names or [own.source_names(canonical)[0] for canonical in own.columns]
    assert fitting.fitting(columns)[0] == name


def test_csv_given_to_an_adapter_of_nested_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"event_time,event_type,user_id\n2020-01-01,view,1\n")
    with pytest.raises(CartpathError, match="is CSV; adapter ga360 reads Parquet") as error:
        read(path, "ga360")
    assert error.value.hint == "its columns are those of rees46: --adapter rees46"
