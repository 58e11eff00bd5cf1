"""One user's score with what it is made of: from the store, as of now or of an earlier moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath import config, store
from cartpath.features import Log, check_known_before, earlier
from cartpath.models.intent import explain, steps_at
from cartpath.schema import CartpathError, Columns, iso, microseconds_of
from cartpath.store import PathView, Snapshot, kernels
from cartpath.store.hashing import hash_strings
from cartpath.store.prop_buckets import owners_of
from cartpath.store.run import rows_of, select
from cartpath.training.intent.chosen import Chosen, chosen_model
from cartpath.training.intent.finetune import check_task
from cartpath.training.intent.keep import INTENT

#: Drivers shown where nobody says how many.
TOP = 10
BOUGHT = "the session has bought: the share of such steps of the training period that a further purchase followed"


def explain_user(
    workspace: Path | str,
    user_id: str,
    *,
    task: str = INTENT,
    model: str | None = None,
    at: str | int | None = None,
    top: int = TOP,
) -> dict[str, Any]:
    """Return a user's probability that a purchase follows, and the drivers of it.

    Parameters
    ----------
    workspace : Path
    user_id : str
        One that is stitched stands for its owner.
    task : str
        ``intent``.
    model : str, optional
        A fitted one; by default the best by the calibration slice.
    at : str or int, optional
        As of the latest event before this moment: a date or time in the shop's time zone, or microseconds since 1970
        UTC. By default as of the latest event.
    top : int
        Drivers told; ``others`` is the sum of the rest.

    Returns
    -------
    dict
        ``task model target horizon_seconds user_id``, and as of ``explained``: ``ts event step score log_odds baseline
        others error method drivers``.

    Raises
    ------
    CartpathError
        If nothing is fitted, nobody knows the user, there is no event before ``at``, or the model cannot be explained.
    """
    check_task(task)
    if top < 1:
        raise CartpathError(f"cannot tell {top} drivers", "ask for one or more: --top 10")
    workspace = Path(workspace)
    moment = microseconds_of(at, config.load(workspace).shop.zone) if isinstance(at, str) else at
    with store.open_snapshot(workspace) as snapshot:
        chosen = chosen_model(workspace, model)
        if moment is not None:
            check_known_before(snapshot.shaped_until, moment)
        view = path_of(snapshot, user_id)
        view = view if moment is None else earlier(view, moment)
        if not view.n_events:
            raise CartpathError(f"user {user_id!r} has no event before {iso(moment or 0)}", "ask about a later moment")
        log = Log(view, snapshot.codes, snapshot.items, snapshot.generation)
        told = explained(chosen, log, view.offsets[1:], top)[0]
        return {**chosen.about(), "user_id": user_id, **told, "generation": snapshot.generation}


def path_of(snapshot: Snapshot, user_id: str) -> PathView:
    """Return a user's path, read from the bucket it is in.

    Raises
    ------
    CartpathError
        If the store has none.
    """
    owners = owners_of(snapshot)
    key = hash_strings(pa.array([user_id], pa.string()))
    row = int(owners.find(key)[0])
    key = key if row < 0 else owners.owner_key[row : row + 1]
    run = snapshot.run(int(kernels.bucket_of(key, snapshot.n_buckets)[0]))
    view = select(run, rows_of(run, key), snapshot.gap_seconds).view()
    if not view.n_users:
        raise CartpathError(f"the shop has no user {user_id!r}", "check the id; ids of new files: predict --on")
    return view


def explained(chosen: Chosen, log: Log, ends: npt.NDArray[np.int64], top: int = TOP) -> list[dict[str, Any]]:
    """Return scores and their drivers, at places of paths in the store or live ones.

    Parameters
    ----------
    chosen : Chosen
    log : Log
    ends : int64 array (n,)
        Each after the last event that may be known.
    top : int

    Returns
    -------
    list of dict (n)
        ``ts event step score log_odds baseline others error method drivers``; where the session has bought already, no
        model is asked, and there are no drivers.
    """
    names, view = log.codes(Columns.event), log.view
    scores, steps, bought = chosen.scorer.score(log, ends), steps_at(log, ends), chosen.scorer.answered(log, ends)
    told = iter(explain(chosen.scorer.model, log, ends[~bought]))
    found = []
    for row, end in enumerate(ends):
        about = {"ts": iso(int(view.ts[end - 1])), "event": names[view.event[end - 1]], "step": int(steps[row])}
        more = {"drivers": [], "method": BOUGHT} if bought[row] else next(told).to_dict(top)
        found.append({**about, "score": float(scores[row]), **more})
    return found


def driver_texts(chosen: Chosen, log: Log, ends: npt.NDArray[np.int64], top: int) -> pa.StringArray:
    """Return the drivers of scores as JSON, one text a row (n,)."""
    told = explained(chosen, log, ends, top)
    return pa.array([json.dumps(one["drivers"], ensure_ascii=False) for one in told], pa.string())


def with_drivers(
    columns: dict[str, Any], schema: pa.Schema, chosen: Chosen, log: Log, ends: npt.NDArray[np.int64], top: int
) -> pa.Table:
    """Return rows of scores, with a last column ``drivers`` where some are asked for."""
    if not top:
        return pa.table(columns, schema=schema)
    return pa.table({**columns, "drivers": driver_texts(chosen, log, ends, top)}, schema=driven(schema, top))


def driven(schema: pa.Schema, top: int) -> pa.Schema:
    """Return a schema with the column of drivers, where some are asked for.

    Examples
    --------
    >>> driven(pa.schema([("score", pa.float64())]), 3).names
    ['score', 'drivers']
    """
    return schema.append(pa.field("drivers", pa.string())) if top else schema
