"""Links in tests, who owns whom in plain Python, and what the derived layer does with the primitives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from cartpath import store
from cartpath.config import IdentitySettings
from cartpath.ingest.derivation import deriving
from cartpath.store import Snapshot
from cartpath.store.links import EVENTS, FILE, link_schema, merge_links, no_links
from cartpath.store.owners import Owners, resolve
from cartpath.store.run import Run
from cartpath.store.stitch import arriving, combine, split
from tests.store import twin
from tests.store.twin import Row, dump, dump_all

IDS = ["u", "v", "ü", "", "w", "x"]


@dataclass(frozen=True)
class Link:
    """A row of the table; times in microseconds."""

    anonymous_id: str
    user_id: str | None
    first: int | None = None
    last: int | None = None
    n: int = 1
    source: str = FILE


def table_of_links(links: Sequence[Link]) -> pa.Table:
    return pa.Table.from_pylist([vars(link) for link in links], schema=link_schema())


def merged(*tables: pa.Table) -> pa.Table:
    whole = no_links()
    for table in tables:
        whole = merge_links(whole, table)
    return whole


def some_links(ids: Sequence[str] = IDS, most: int = 8) -> st.SearchStrategy[list[Link]]:
    """Few ids, so that chains, circles and shared devices are common."""
    times = st.sampled_from([None, 1, 2, 3, 4])
    links = st.builds(Link, st.sampled_from(ids), st.sampled_from(ids), times, times, st.integers(1, 3),
                      st.sampled_from([EVENTS, FILE]))  # fmt: skip
    return st.lists(links, max_size=most)


@dataclass
class Said:
    """What links say, worked out id by id."""

    owners: dict[str, str]
    shared: set[str]
    circle: set[str]
    crowded: set[str]
    too_many: set[str]


def owners_of(links: Sequence[Link], max_ids: int = 50, until: int | None = None) -> Said:
    """Follow every way from every id."""
    counting = [k for k in links if k.anonymous_id != k.user_id and not (until and k.first and k.first >= until)]
    to: dict[str, set[str | None]] = {}
    for link in counting:
        to.setdefault(link.anonymous_id, set()).add(link.user_id)

    def ends(name: str | None, way: tuple[str | None, ...]) -> set[Any]:
        if name in way:
            return {"(circle)"}
        if name is None:
            return {"(somebody)", "(else)"}
        if name not in to:
            return {name}
        return set().union(*(ends(target, (*way, name)) for target in to[name]))

    found = {name: ends(name, ()) for name in to}
    circle = {name for name, at in found.items() if "(circle)" in at}
    shared = {name for name, at in found.items() if len(at) > 1} - circle
    owners = {name: next(iter(at)) for name, at in found.items() if len(at) == 1 and name not in circle}
    mine = list(owners.values())
    crowded = {user for user in mine if mine.count(user) > max_ids}
    too_many = {name for name, user in owners.items() if user in crowded}
    return Said({n: u for n, u in owners.items() if u not in crowded}, shared, circle, crowded, too_many)


def derive(runs: Sequence[Run], owners: Owners, gap: int) -> list[Run | None]:
    """Return the run that readers see of each bucket; None where nobody is left."""
    stay, moved = zip(*(split(run, owners, gap) for run in runs), strict=True)
    found: list[Run | None] = []
    for bucket, own in enumerate(stay):
        come = [arriving(run, owners, bucket, len(runs), gap) for run in moved if run is not None]
        here = [run for run in come if run is not None]
        found.append(combine(own, here, owners, gap) if own is not None or here else None)
    return found


def stitched(snapshot: Snapshot, identity: IdentitySettings | None = None) -> dict[str, Any]:
    """The paths that readers see, in the form of ``twin.expected``."""
    identity = identity or IdentitySettings()
    owners = resolve(snapshot.links, identity).owners if identity.stitch else Owners.none()
    runs = [snapshot.raw_run(bucket) for bucket in range(snapshot.n_buckets)]
    users: dict[str, Any] = {}
    for run in derive(runs, owners, snapshot.gap_seconds):
        if run is not None:
            assert (np.diff(run.user_key.astype(object)) > 0).all()
            users |= dump(run.view(), snapshot.codes)
    if snapshot.derivation is not None and identity == IdentitySettings():
        assert dump_all(snapshot) == users
    return users


def as_ingested(snapshot: Snapshot) -> dict[str, Any]:
    """The raw paths, in the form of ``twin.expected``."""
    users: dict[str, Any] = {}
    for bucket in range(snapshot.n_buckets):
        users |= dump(snapshot.raw_run(bucket).view(), snapshot.codes)
    return users


def put_links(where: Path, links: Sequence[Link]) -> None:
    with store.writer(where) as writer:
        writer.put_links(table_of_links(links))
        writer.commit(derived=deriving(where))


def put(where: Path, log: list[Row]) -> store.Committed:
    """Add rows in one commit, as an ingest does: what readers see is derived anew."""
    return twin.put(where, log, derived=deriving(where))
