"""Whom to score: the users of a file, and their paths in a bucket of the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from cartpath.paths.segments.lists import read_keys
from cartpath.schema import CartpathError
from cartpath.store import PathView, Snapshot, kernels
from cartpath.store.owners import Owners
from cartpath.store.run import rows_of, select

EVERYONE = "all"
Keys = npt.NDArray[np.uint64]


def wanted_keys(path: Path, owners: Owners) -> Keys:
    """Return the keys of the users of a file, ascending; an id that was stitched stands for its owner.

    Raises
    ------
    CartpathError
        If there is no such file, or it cannot be read.
    """
    if not path.is_file():
        raise CartpathError(f"no file of users {path}", "one id a line, or a column user_id; everyone: --users all")
    keys = read_keys(path)
    at = owners.find(keys)
    return np.unique(np.where(at >= 0, np.append(owners.owner_key, np.uint64(0))[at], keys))


def paths_of(snapshot: Snapshot, bucket: int, wanted: Keys | None) -> PathView:
    """Return the paths of a bucket's users, all of them or those wanted."""
    run = snapshot.run(bucket)
    if wanted is None:
        return run.view()
    mine = wanted[kernels.bucket_of(wanted, snapshot.n_buckets) == bucket]
    return select(run, rows_of(run, mine), snapshot.gap_seconds).view()
