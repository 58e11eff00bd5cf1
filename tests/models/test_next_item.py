"""Columns of scores stand for texts, whatever log they meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from cartpath.models import ItemIndex
from cartpath.schema import CartpathError
from tests.features.logs import make_log, path_of


def test_columns_and_codes() -> None:
    log = make_log(path_of([0, 1, 2, 3], ["view"] * 4, ["b", "a", "b", "new"]))
    index = ItemIndex(("a", "gone", "b"))
    assert index.columns_of(log).tolist() == [2, 0, -1, -1]
    assert index.codes_in(log).tolist() == [1, -1, 0]


def test_another_log_gets_columns_of_its_own() -> None:
    index = ItemIndex(("a", "b"))
    logs = [make_log(path_of([0, 1], ["view"] * 2, items)) for items in (["a", "b"], ["b", "a"])]
    assert [index.columns_of(log).tolist() for log in [*logs, logs[0]]] == [[0, 1, -1], [1, 0, -1], [0, 1, -1]]


def test_it_can_be_kept(tmp_path: Path) -> None:
    index = ItemIndex(("a", 'quo"te', "übung"))
    index.save(tmp_path)
    assert ItemIndex.load(tmp_path) == index
    with pytest.raises(CartpathError, match="holds no next-item model"):
        ItemIndex.load(tmp_path / "elsewhere")
