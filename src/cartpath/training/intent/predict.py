"""The probability that a purchase follows, for millions of users: a bucket of the store at a time."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath import store
from cartpath.features import Log
from cartpath.models.intent import steps_at
from cartpath.schema import Columns
from cartpath.store import Snapshot
from cartpath.store.prop_buckets import owners_of
from cartpath.store.run import empty_run
from cartpath.training.data import Progress, silent
from cartpath.training.intent.chosen import Chosen, chosen_model, pieces
from cartpath.training.intent.explain import driven, with_drivers
from cartpath.training.intent.finetune import check_task
from cartpath.training.intent.keep import INTENT
from cartpath.training.intent.session_ids import SessionIds, with_made_up
from cartpath.training.row_file import check_row_file, row_file
from cartpath.training.users_asked import EVERYONE, Keys, paths_of, wanted_keys

TIME = pa.timestamp("us", tz="UTC")
#: A row a user.
USER_ROWS = pa.schema(
    [
        (Columns.user_id, pa.string()),
        (Columns.session_id, pa.string()),
        (Columns.ts, TIME),
        ("step", pa.int32()),
        (Columns.event, pa.string()),
        ("score", pa.float64()),
    ]
)


def predict(
    workspace: Path | str,
    out: Path | str,
    *,
    task: str = INTENT,
    users: Path | str = EVERYONE,
    model: str | None = None,
    drivers: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score users as of their latest event: will a purchase follow in the rest of its session?

    Parameters
    ----------
    workspace : Path
    out : Path
        ``.parquet`` or ``.csv``: a row a user, ``user_id session_id ts step event score``.
    task : str
        ``intent``.
    users : Path or str
        A file of ids, one a line or in a column ``user_id``; ``"all"`` by default.
    model : str, optional
        A fitted one; by default the best by the calibration slice.
    drivers : int
        Drivers of each score that a last column ``drivers`` tells, as JSON; see ``explain_user``.
    progress : callable, optional

    Returns
    -------
    dict
        ``task``, ``model``, ``target``, ``horizon_seconds``, ``rows``, ``users_unknown`` (of the file, whom the store
        does not know), ``out``, ``generation``, ``seconds``.

    Raises
    ------
    CartpathError
        If no model is fitted, it is unknown or damaged, the file of users cannot be read, or ``out`` not be written.
    """
    check_task(task)
    workspace, out, told, began = Path(workspace), Path(out), progress or silent, time.monotonic()
    check_row_file(out)
    told("loading the model", 0.0)
    with store.open_snapshot(workspace) as snapshot, tempfile.TemporaryDirectory(prefix="cartpath-") as folder:
        chosen, owners = chosen_model(workspace, model), owners_of(snapshot)
        wanted = None if str(users) == EVERYONE else wanted_keys(Path(users), owners)
        with (
            closing(SessionIds(snapshot, owners, Path(folder) / "sessions")) as ids,
            row_file(out, driven(USER_ROWS, drivers), told_once(chosen, snapshot)) as write,
        ):
            rows, work = 0, _Users(snapshot, chosen, ids, wanted, drivers)
            for bucket in range(snapshot.n_buckets):
                for table in work.rows(bucket):
                    write(table)
                    rows += len(table)
                told("scoring", (bucket + 1) / snapshot.n_buckets)
        unknown = 0 if wanted is None else len(wanted) - rows
        generation = snapshot.generation
    about = {**chosen.about(), "rows": rows, "users_unknown": unknown, "out": str(out), "generation": generation}
    return {**about, "seconds": round(time.monotonic() - began, 2)}


def told_once(chosen: Chosen, snapshot: Snapshot) -> dict[str, str]:
    """Return what the metadata of a file says: the model, what it was asked, and the store's generation."""
    about = {**chosen.about(), "generation": snapshot.generation}
    return {name: str(value) for name, value in about.items() if value is not None}


@dataclass(frozen=True)
class _Users:
    """Makes the rows of a bucket."""

    snapshot: Snapshot
    chosen: Chosen
    ids: SessionIds
    wanted: Keys | None
    drivers: int = 0

    @cached_property
    def _shop(self) -> Log:
        """The texts and the catalogue: one object for all buckets, by which models know them again."""
        return shop_log(self.snapshot.codes, self.snapshot.items, self.snapshot.generation)

    def rows(self, bucket: int) -> Iterator[pa.Table]:
        """Yield a row for each user of a bucket, some users at a time."""
        view = paths_of(self.snapshot, bucket, self.wanted)
        texts = self.ids.texts(bucket, view.sessions.key[view.session[view.offsets[1:] - 1]])
        for first, part in pieces(view):
            log, ends = replace(self._shop, view=part), part.offsets[1:]
            last, session = ends - 1, part.session[ends - 1].astype(np.int64)
            columns = {
                Columns.user_id: part.user_id,
                Columns.session_id: with_made_up(texts.slice(first, part.n_users), part, session),
                Columns.ts: pa.array(part.ts[last]).cast(TIME),
                "step": pa.array(steps_at(log, ends), pa.int32()),
                Columns.event: named(log, last),
                "score": self.chosen.scorer.score(log, ends),
            }
            yield with_drivers(columns, USER_ROWS, self.chosen, log, ends, self.drivers)


def shop_log(codes: Callable[[str], list[str]], items: pa.Table, generation: int) -> Log:
    """Return a log without paths, to be given those of one bucket after the other."""
    return Log(empty_run().view(), codes, items, generation)


def named(log: Log, places: npt.NDArray[np.int64]) -> pa.StringArray:
    """Return the names of events (n,)."""
    return pa.array(log.codes(Columns.event), pa.string()).take(pa.array(log.view.event[places]))
