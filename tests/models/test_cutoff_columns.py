"""Users at cut-offs as columns: the profile of each row's user at its cut-off, whatever the order and the company."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath.features import stretch, user_features
from cartpath.features.profile.column import CATEGORY, Column
from cartpath.features.repurchase import PAIR_COLUMNS
from cartpath.features.surroundings import ShopLog, in_log, surrounded
from cartpath.models.cutoff import ColumnSet, Described, describe
from cartpath.tasks import RepeatRows
from tests.training.at_cutoffs import SPLIT, TASKS, shop_log

LOG = shop_log(users=30, days=65)


@pytest.mark.parametrize("task", ["churn", "spend", "item", "category"])
def test_rows_are_the_profiles_of_their_users(task: str) -> None:
    asked, rows_of = TASKS[task]
    rows = rows_of(LOG, SPLIT, asked)
    mixed = rows.take(np.random.default_rng(0).permutation(len(rows)))
    table = describe(LOG, mixed)
    n = len(table.columns) - (len(PAIR_COLUMNS) if isinstance(rows, RepeatRows) else 0)
    for row in range(0, len(mixed), 7):
        found = user_features(LOG, int(mixed.cutoff[row]))
        ids = found.user_id.to_pylist()
        profile = found.values[ids.index(LOG.view.user_id[int(mixed.user[row])].as_py())]
        assert np.array_equal(table.values[row, :n], profile.astype(np.float32), equal_nan=True)
        assert [column.name for column in table.columns[:n]] == found.names


@pytest.mark.parametrize("task", ["churn", "item", "category"])
def test_a_part_of_the_users_is_described_beside_all_of_them(task: str) -> None:
    asked, rows_of = TASKS[task]
    rows = rows_of(LOG, SPLIT, asked)
    whole = describe(LOG, rows)
    shop: ShopLog = surrounded(LOG, in_log(LOG))
    for first in range(0, LOG.view.n_users, 5):
        part = replace(shop, view=stretch(LOG.view, first, first + 5))
        mine = np.flatnonzero((rows.user >= first) & (rows.user < first + 5))
        moved = rows.take(mine)
        moved = replace(moved, user=moved.user - first, ends=moved.ends - LOG.view.offsets[first])
        assert np.array_equal(describe(part, moved).values, whole.values[mine], equal_nan=True)


def test_what_was_described_is_kept_for_the_same_rows_alone() -> None:
    asked, rows_of = TASKS["churn"]
    shop, rows = surrounded(LOG, in_log(LOG)), rows_of(LOG, SPLIT, asked)
    assert describe(shop, rows) is describe(shop, rows)
    assert describe(shop, rows.of("test")) is not describe(shop, rows.of("test"))


def test_texts_keep_their_meaning_when_the_table_of_users_grows() -> None:
    rows = np.array([[0], [1], [np.nan]], np.float32)
    fitted = ColumnSet.of(Described((Column("city", CATEGORY, "", categories=("Bonn", "Ulm")),), rows))
    assert fitted.categories == {"city": ("Bonn", "Ulm")}
    later = Described((Column("city", CATEGORY, "", categories=("Aachen", "Bonn", "Ulm")),), rows + 1)
    assert fitted.read(later).values[:, 0].tolist()[:2] == [0, 1]
    unknown = fitted.read(Described(later.columns, rows)).values[:, 0]
    assert np.isnan(unknown[0])
    again = ColumnSet.from_dict(fitted.to_dict())
    assert (again.names, dict(again.categories)) == (fitted.names, dict(fitted.categories))


def test_attributes_of_users_are_columns() -> None:
    asked, rows_of = TASKS["churn"]
    users = pa.table({"user_id": ["u0", "u1"], "city": ["Ulm", "Bonn"], "age": [30, 40]})
    rows = rows_of(LOG, SPLIT, asked)
    table = describe(surrounded(LOG, in_log(LOG, users=users)), rows)
    names = [column.name for column in table.columns]
    ids = LOG.view.user_id.take(rows.user).to_pylist()
    ages = table.values[:, names.index("user_age")]
    assert {age for id, age in zip(ids, ages.tolist(), strict=True) if id == "u1"} == {40.0}
    assert all(np.isnan(age) for id, age in zip(ids, ages.tolist(), strict=True) if id not in ("u0", "u1"))
