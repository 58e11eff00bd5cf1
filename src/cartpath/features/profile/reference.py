"""What features of a user read beside the user's path: catalogue, usual prices before the moment, attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath import engine
from cartpath.features.catalogue import listed_prices, rows_by_code, texts_by_code
from cartpath.features.log import Log, join
from cartpath.features.profile.kernels import middle
from cartpath.features.profile.people import People
from cartpath.features.profile.usual import Seen, merge_prices, scan_prices, usual_prices
from cartpath.ingest.cleaning import Plan
from cartpath.schema import Columns, Event
from cartpath.store import Snapshot

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    """Facts by item code, whose last entry is that of no item, and attributes of users.

    Attributes
    ----------
    category, brand : int32 array (n_codes + 1,)
        -1 where the catalogue has none. A category is the whole path.
    listed, usual : float64 array (n_codes + 1,)
        The catalogue's price, and the median of the prices seen before the moment; NaN where unknown.
    level : float64 array (n_codes + 1,)
        The median price of the items of its category.
    people : People
    plan : Plan or None
        Of cleaning, for ``dwell``.
    """

    category: Codes
    brand: Codes
    listed: Floats
    usual: Floats
    level: Floats
    people: People
    plan: Plan | None = None

    def of(self, item: Codes, facts: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Look a fact up by item code (n,); a code that was given later is like no item."""
        found: npt.NDArray[Any] = facts[np.where(item < len(facts) - 1, item, -1)]
        return found


def fit_reference(log: Log, at: int, users: pa.Table | None = None, plan: Plan | None = None) -> Reference:
    """Gather what features need of a log in memory, before a moment.

    Parameters
    ----------
    log : Log
        Of many users; the features of one of them alone, on a live path, take what was gathered of all.
    at : int
        Microseconds since 1970 UTC.
    users : pyarrow.Table, optional
        ``user_id`` and any columns: demographics, interests.
    plan : Plan, optional
        Of cleaning.
    """
    seen = merge_prices([scan_prices(log.view, at, log.event_codes.get(Event.refund, -1))])
    return _reference(log, seen, People.of(users), plan)


def fit_reference_over(snapshot: Snapshot, at: int) -> Reference:
    """Gather the same of a snapshot, bucket by bucket."""
    scan = partial(scan_prices, at=at, refund=snapshot.code_of("event", Event.refund))
    seen = engine.run(snapshot, scan, merge_prices)
    fitted = (snapshot.derivation or {}).get("record", {}).get("plan")
    log = Log(join([]), snapshot.codes, snapshot.items)
    return _reference(log, seen, People.of(snapshot.users), None if fitted is None else Plan.from_dict(fitted))


def _reference(log: Log, seen: Seen, people: People, plan: Plan | None) -> Reference:
    listed, usual = listed_prices(log), usual_prices(seen, len(log.codes("item")))
    category = texts_by_code(log, _whole_paths(log))
    return Reference(
        category=category,
        brand=texts_by_code(log, _column(log, Columns.brand)),
        listed=listed,
        usual=usual,
        level=_levels(log, category, usual),
        people=people,
        plan=plan,
    )


def _column(log: Log, name: str) -> list[str | None]:
    return log.items[name].to_pylist() if name in log.items.column_names else [None] * len(log.items)


def _whole_paths(log: Log) -> list[str | None]:
    """Return the category of each row of the catalogue, its levels written alike."""
    paths = _column(log, Columns.category)
    return [" > ".join(part.strip() for part in path.split(">")) if path else None for path in paths]


def _levels(log: Log, category: Codes, usual: Floats) -> Floats:
    """Return the median price of the items of each item's category, by item code.

    All items of the catalogue count: to count those that were ever seen would tell which of them are seen later.
    """
    rows, paths = rows_by_code(log), _whole_paths(log)
    price = _listed(log)
    known = rows >= 0
    price[rows[known]] = np.where(np.isnan(price[rows[known]]), usual[known], price[rows[known]])
    median = _median_by(paths, price)
    by_row = np.array([*(np.nan if path is None else median.get(path, np.nan) for path in paths), np.nan])
    return by_row[rows]


def _listed(log: Log) -> Floats:
    """Return the price of each row of the catalogue; NaN where it has none."""
    if Columns.price not in log.items.column_names:
        return np.full(len(log.items), np.nan)
    found: Floats = log.items[Columns.price].cast(pa.float64()).fill_null(float("nan")).to_numpy().copy()
    return found


def _median_by(paths: Sequence[str | None], price: Floats) -> dict[str, float]:
    names = sorted({path for path in paths if path is not None})
    place = {name: i for i, name in enumerate(names)}
    code = np.array([-1 if path is None else place[path] for path in paths], np.int64)
    rows = np.flatnonzero((code >= 0) & (price > 0))
    rows = rows[np.argsort(code[rows], kind="stable")]
    offsets = np.searchsorted(code[rows], np.arange(len(names) + 1)).astype(np.int64)
    return dict(zip(names, middle(offsets, price[rows]).tolist(), strict=True))
