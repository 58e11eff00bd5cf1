"""The items: kind, price, popularity, what is looked at after what, and when they are launched."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.schema import Columns, item_schema
from cartpath.simulate import settings, vocabulary
from cartpath.simulate.draws import normals, uniforms
from cartpath.simulate.record import N_KINDS

ITEM = np.dtype(
    [
        ("kind", "i4"),
        ("cents", "i4"),
        ("launch", "i8"),  # microseconds since 1970 UTC
        ("cumulative", "f8"),  # of the popularity within the kind
        ("dear", "f4"),  # log of price over the kind's middle price
        ("brand", "u1"),
        ("cold", "u1"),
    ],
    align=True,
)
KIND = np.dtype([("first", "i4"), ("last", "i4"), ("cycle", "f4")], align=True)  # items of a kind stand together
N_RELATED = 4
_STREAM = 100


@dataclass(frozen=True)
class Catalogue:
    """Items as arrays; ``popular`` is the cumulative popularity of the kinds."""

    items: npt.NDArray[np.void]
    kinds: npt.NDArray[np.void]
    popular: npt.NDArray[np.float64]
    related: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.items)


def item_count(users: int) -> int:
    """Return how many items the shop of so many users has: a tenth, from 200 to 5,000."""
    return int(min(max(users // 10, 200), 5000))


def build(seed: int, n_items: int, start: int, end: int) -> Catalogue:
    """Draw the catalogue.

    Parameters
    ----------
    seed : int
    n_items : int
        At least the number of kinds, so that none is empty.
    start, end : int
        The simulated time, microseconds since 1970 UTC; cold items are launched in its second half.

    Returns
    -------
    Catalogue
    """
    items = np.zeros(n_items, ITEM)
    spread = (uniforms(seed, _STREAM, 0, n_items - N_KINDS) * N_KINDS).astype(np.int32)
    items["kind"] = np.sort(np.concatenate([np.arange(N_KINDS, dtype=np.int32), spread]))
    kinds = _kinds(items["kind"])
    _price(seed, items)
    _launch(seed, items, kinds, start, end)
    _popularity(items, kinds)
    weight = np.exp(normals(seed, _STREAM + 10, 0, N_KINDS)) * np.where(kinds["cycle"] > 0, 1.6, 1.0)
    return Catalogue(items, kinds, np.cumsum(weight) / weight.sum(), _related(seed, items, kinds))


def _kinds(kind_of_item: npt.NDArray[np.int32]) -> npt.NDArray[np.void]:
    kinds = np.zeros(N_KINDS, KIND)
    kinds["first"] = np.searchsorted(kind_of_item, np.arange(N_KINDS), side="left")
    kinds["last"] = np.searchsorted(kind_of_item, np.arange(N_KINDS), side="right")
    kinds["cycle"] = [vocabulary.DEPARTMENTS[department][4] for department, _, _ in vocabulary.kinds()]
    return kinds


def _price(seed: int, items: npt.NDArray[np.void]) -> None:
    n = len(items)
    brands = len(vocabulary.BRANDS)
    items["brand"] = uniforms(seed, _STREAM + 1, 0, n) ** 1.5 * brands
    premium = 0.5 * normals(seed, _STREAM + 2, 0, brands)
    middle = np.array([vocabulary.DEPARTMENTS[department][3] for department, _, _ in vocabulary.kinds()])
    dear = premium[items["brand"]] * 0.5 + 0.45 * normals(seed, _STREAM + 4, 0, n)
    cents = np.round(100 * middle[items["kind"]] * np.exp(dear) / 5) * 5
    items["cents"] = np.maximum(cents, 95)
    items["dear"] = np.log(items["cents"] / (100 * middle[items["kind"]]))


def _launch(seed: int, items: npt.NDArray[np.void], kinds: npt.NDArray[np.void], start: int, end: int) -> None:
    items["cold"] = uniforms(seed, _STREAM + 6, 0, len(items)) < settings.COLD_SHARE
    items["cold"][kinds["first"]] = 0  # each kind has an item from the first day on
    when = 0.5 + 0.5 * uniforms(seed, _STREAM + 7, 0, len(items))
    items["launch"] = np.where(items["cold"] == 1, start + (when * (end - start)).astype(np.int64), start)


def _popularity(items: npt.NDArray[np.void], kinds: npt.NDArray[np.void]) -> None:
    for kind in kinds:
        part = items[kind["first"] : kind["last"]]
        weight = (1.0 + np.arange(len(part))) ** -1.1 * np.where(part["cold"] == 1, 0.15, 1.0)
        part["cumulative"] = np.cumsum(weight) / weight.sum()


def _related(seed: int, items: npt.NDArray[np.void], kinds: npt.NDArray[np.void]) -> npt.NDArray[np.int32]:
    """Two items of the same kind and two of the next kind of the department, popular ones more often."""
    n = len(items)
    out = np.zeros((n, N_RELATED), np.int32)
    per_department = N_KINDS // len(vocabulary.DEPARTMENTS)
    for slot in range(N_RELATED):
        u = uniforms(seed, _STREAM + 20 + slot, 0, n)
        for i in range(n):
            own = int(items["kind"][i])
            base = own // per_department * per_department
            kind = kinds[own if slot < 2 else base + (own - base + 1) % per_department]
            first, last = int(kind["first"]), int(kind["last"])
            chosen = first + int(np.searchsorted(items["cumulative"][first:last], u[i], side="right"))
            chosen = min(chosen, last - 1)
            out[i, slot] = chosen if chosen != i else (first if i != first else last - 1)
    return out


def item_ids(n: int) -> list[str]:
    """Return the ids of the items, by number."""
    return [f"i{i:05d}" for i in range(n)]


def table(catalogue: Catalogue) -> pa.Table:
    """Return the catalogue as ``items.parquet`` has it: ``schema.item_schema`` and the day of launch."""
    names = vocabulary.kinds()
    rows = []
    for i, (item_id, item) in enumerate(zip(item_ids(len(catalogue)), catalogue.items, strict=True)):
        department, section, kind = names[item["kind"]]
        brand = vocabulary.BRANDS[item["brand"]]
        adjective = vocabulary.ADJECTIVES[(i * 7) % len(vocabulary.ADJECTIVES)]
        colour = vocabulary.COLOURS[(i * 5) % len(vocabulary.COLOURS)]
        rows.append(
            {
                Columns.item_id: item_id,
                Columns.title: f"{brand} {adjective} {kind}",
                Columns.description: f"{adjective} {kind.lower()} by {brand} in {colour}, for {section.lower()}.",
                Columns.category: f"{department} > {section} > {kind}",
                Columns.brand: brand,
                Columns.image: f"/images/{item_id}.jpg",
                Columns.attributes: json.dumps({"colour": colour}),
                Columns.price: float(item["cents"]) / 100,
            }
        )
    made = pa.Table.from_pylist(rows, schema=item_schema())
    launch = pa.array(catalogue.items["launch"], pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
    return made.append_column("launched_at", launch)
