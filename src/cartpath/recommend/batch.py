"""Recommendations for many users at once: a bucket of the store at a time, written as they are worked out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cartpath import store
from cartpath.features import Log
from cartpath.recommend.fit import Progress
from cartpath.recommend.ranker import Ranker, check_k, titles_of
from cartpath.recommend.slate import Slate
from cartpath.schema import CartpathError, Columns
from cartpath.store.path import PathView
from cartpath.store.prop_buckets import owners_of
from cartpath.training.row_file import ENDINGS, check_row_file, row_file
from cartpath.training.users_asked import EVERYONE, paths_of, wanted_keys

JSONL = ".jsonl"
SCHEMA = pa.schema(
    [
        (Columns.user_id, pa.string()),
        ("rank", pa.int32()),
        (Columns.item_id, pa.string()),
        (Columns.title, pa.string()),
        ("score", pa.float64()),
        ("why", pa.string()),
    ]
)
#: Users scored at once.
_AT_ONCE = 512


def recommend_all(
    workspace: Path | str,
    out: Path | str,
    *,
    users: Path | str = EVERYONE,
    k: int = 20,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write recommendations for all users, or those of a file, as of the store's latest event.

    Parameters
    ----------
    workspace : Path
    out : Path
        ``.csv`` or ``.parquet``: a row an item, ``user_id rank item_id title score why``; ``.jsonl``: a line a user,
        ``user_id fallback items``. It appears under its name once it is whole.
    users : Path or str
        A file of ids, one a line or in a column ``user_id``; ``"all"`` by default.
    k : int
        Items of each user at most.
    progress : callable, optional
        Called with a message and the share done.

    Returns
    -------
    dict
        ``users``, ``rows`` (items written), ``users_unknown`` (of the file: whom the store does not know; they are not
        written), ``policy``, ``model``, ``generation``, ``out``, ``seconds``.

    Raises
    ------
    CartpathError
        If nothing is pretrained, the file of users cannot be read, or ``out`` not be written.
    """
    check_k(k)
    workspace, out, told, began = (
        Path(workspace),
        Path(out),
        progress or (lambda message, share: None),
        time.monotonic(),
    )
    check_out(out)
    told("loading the recommender", 0.0)
    ranker = Ranker.load(workspace)
    with store.open_snapshot(workspace) as snapshot:
        wanted = None if str(users) == EVERYONE else wanted_keys(Path(users), owners_of(snapshot))
        about = {"policy": ranker.policy, "model": ranker.model, "generation": str(snapshot.generation)}
        counts = {"users": 0, "rows": 0}
        titles = titles_of(snapshot.items, ranker.parts.items.texts, missing="")
        with _written(out, about, dict(zip(ranker.parts.items.texts, titles, strict=True))) as write:
            for bucket in range(snapshot.n_buckets):
                view = paths_of(snapshot, bucket, wanted)
                log = Log(view, snapshot.codes, snapshot.items, snapshot.generation)
                for first in range(0, view.n_users, _AT_ONCE):
                    slates = _slates(ranker, log, first, k)
                    write(_ids(view, first, len(slates)), slates)
                    counts["users"] += len(slates)
                    counts["rows"] += sum(len(slate.items) for slate in slates)
                told("recommending", (bucket + 1) / snapshot.n_buckets)
        unknown = 0 if wanted is None else len(wanted) - counts["users"]
        generation = snapshot.generation
    return {
        **counts,
        "users_unknown": unknown,
        "policy": ranker.policy,
        "model": ranker.model,
        "generation": generation,
        "out": str(out),
        "seconds": round(time.monotonic() - began, 2),
    }


def check_out(out: Path) -> None:
    """Refuse a file that could not be written, before anything is worked out.

    Examples
    --------
    >>> check_out(Path("slates.xlsx"))
    Traceback (most recent call last):
    cartpath.schema.errors.CartpathError: cannot write recommendations as 'slates.xlsx'
      end the name with .parquet or .csv or .jsonl
    """
    if out.suffix not in (*ENDINGS, JSONL):
        endings = " or ".join((*ENDINGS, JSONL))
        raise CartpathError(f"cannot write recommendations as {out.name!r}", f"end the name with {endings}")
    check_row_file(out.with_suffix(ENDINGS[0]) if out.suffix == JSONL else out)


def _slates(ranker: Ranker, log: Log, first: int, k: int) -> list[Slate]:
    user = np.arange(first, min(first + _AT_ONCE, log.view.n_users))
    now = np.full(len(user), ranker.parts.until - 1, np.int64)
    return ranker.slates(log, user, log.view.offsets[1:][user].astype(np.int64), k, time=now)


def _ids(view: PathView, first: int, n: int) -> list[str]:
    ids: list[str] = view.user_id.slice(first, n).to_pylist()
    return ids


Write = Callable[[list[str], list[Slate]], None]


@contextmanager
def _written(out: Path, about: dict[str, str], titles: dict[str, str]) -> Iterator[Write]:
    if out.suffix == JSONL:
        with store.atomic(out) as temporary, open(temporary, "w", encoding="utf-8") as file:
            yield lambda users, slates: file.writelines(_lines(users, slates))
        return
    with row_file(out, SCHEMA, about) as write:
        yield lambda users, slates: write(_table(users, slates, titles))


def _lines(users: list[str], slates: list[Slate]) -> Iterator[str]:
    for user, slate in zip(users, slates, strict=True):
        items = [one.to_dict() for one in slate.items]
        yield json.dumps({"user_id": user, "fallback": slate.fallback, "items": items}, ensure_ascii=False) + "\n"


def _table(users: list[str], slates: list[Slate], titles: dict[str, str]) -> pa.Table:
    rows = [
        (user, rank, one.item_id, titles.get(one.item_id) or None, one.score, one.why)
        for user, slate in zip(users, slates, strict=True)
        for rank, one in enumerate(slate.items, start=1)
    ]
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )
