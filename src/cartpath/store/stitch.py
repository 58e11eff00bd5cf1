"""Moving the events of anonymous ids to the paths of their owners; the raw runs stay as they are.

A bucket's raw run is ``split`` into the users who stay and those who have an owner. The latter go to the buckets of
their owners (``arriving``), where ``combine`` puts their events in place. The result is the path that there would be
had the events always had the owner's id. Of events at equal times the owner's own come first, then those of each
anonymous id in the order of their keys.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from cartpath.schema import CONTEXT
from cartpath.store import kernels
from cartpath.store.owners import Owners
from cartpath.store.run import TYPES, Array, Loose, Run, finish, join, loosen, select


def split(run: Run, owners: Owners, gap_seconds: int) -> tuple[Run | None, Run | None]:
    """Part a raw run into users who stay and users who move.

    Parameters
    ----------
    run : Run
        A bucket's raw run.
    owners : Owners
    gap_seconds : int
        The gap it was built with.

    Returns
    -------
    tuple of Run or None
        Those who stay, and those who have an owner; both by their own ids, None where there is nobody.
    """
    moves = owners.find(run.user_key) >= 0
    if not moves.any():
        return (run if len(run.user_key) else None), None
    if moves.all():
        return None, run
    return select(run, np.flatnonzero(~moves), gap_seconds), select(run, np.flatnonzero(moves), gap_seconds)


def arriving(moved: Run, owners: Owners, bucket: int, n_buckets: int, gap_seconds: int) -> Run | None:
    """Return the users among those who move whose owner lives in a bucket, by their own ids; None if there is nobody.

    Parameters
    ----------
    moved : Run
        As ``split`` returns, of any bucket.
    owners : Owners
        The same that it was split with.
    bucket, n_buckets : int
    gap_seconds : int
    """
    home = kernels.bucket_of(owners.owner_key[owners.find(moved.user_key)], n_buckets)
    here = np.flatnonzero(home == bucket)
    if len(here) == len(home):
        return moved
    return select(moved, here, gap_seconds) if len(here) else None


def combine(own: Run | None, moved: Sequence[Run], owners: Owners, gap_seconds: int) -> Run:
    """Put events that arrive into the paths of their owners.

    Parameters
    ----------
    own : Run, optional
        The users of the bucket who stay.
    moved : sequence of Run
        Who arrives, from whichever bucket, by their own ids, as ``arriving`` returns; their order makes no
        difference. At least one where ``own`` is None.
    owners : Owners
    gap_seconds : int

    Returns
    -------
    Run
        Sessions, steps, flags and contexts are derived anew: a session id met under several ids of one user is one
        session, and so is what no gap parts.
    """
    if not moved:
        assert own is not None
        return own
    arrived = _relabelled([loosen(run) for run in moved], owners)
    return finish(arrived if own is None else join(loosen(own), arrived), gap_seconds)


def _relabelled(parts: list[Loose], owners: Owners) -> Loose:
    """Put events under their owners: by owner, time, key of the id that they had, and place in its path."""
    row = np.concatenate([owners.find(part.user_key) for part in parts])
    sizes = np.concatenate([np.diff(part.offsets) for part in parts])
    origin = np.repeat(np.concatenate([part.user_key for part in parts]), sizes)
    owner = np.repeat(owners.owner_key[row], sizes)
    ts = np.concatenate([part.arrays["ts"] for part in parts])
    order = np.lexsort((origin, ts, owner))
    keys, starts = np.unique(owner[order], return_index=True)
    names = [n for n in TYPES if any(n in part.arrays for part in parts)]
    known = [n for n in CONTEXT if any(n in part.context for part in parts)]
    return Loose(
        keys,
        _names_of(keys, row, owners),
        np.append(starts, len(order)).astype(np.int64),
        {n: _ordered([part.array(n) for part in parts], order) for n in names},
        _ordered([part.key for part in parts], order),
        {n: _ordered([part.carried(n) for part in parts], order) for n in known},
    )


def _ordered(parts: list[Array], order: Array) -> Array:
    return kernels.take(np.concatenate(parts), order)


def _names_of(keys: Array, row: Array, owners: Owners) -> pa.StringArray:
    found, first = np.unique(owners.owner_key[row], return_index=True)
    assert np.array_equal(found, keys)
    return owners.owner_id.take(pa.array(row[first]))
