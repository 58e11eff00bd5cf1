"""Reading what a training needs from a workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cartpath import config, store
from cartpath.features import Log, read_log, user_of_event
from cartpath.schema import microseconds_of
from cartpath.store import PathView
from cartpath.tasks import Dates

#: Told a message and the share done, from 0 to 1.
Progress = Callable[[str, float], None]


def silent(message: str, share: float) -> None:
    """Tell nobody."""


@contextmanager
def open_log(workspace: Path) -> Iterator[Log]:
    """Read a workspace's paths into memory, its generation pinned meanwhile."""
    with store.open_snapshot(workspace) as snapshot:
        yield read_log(snapshot)


def dates_in(
    workspace: Path,
    train_until: str | int | None = None,
    valid_until: str | int | None = None,
    calibrate_until: str | int | None = None,
) -> Dates:
    """Read where slices end; dates and times without an offset are of the shop's time zone.

    Parameters
    ----------
    workspace : Path
    train_until, valid_until, calibrate_until : str or int, optional
        ISO 8601, or microseconds since 1970 UTC.
    """
    shop = config.load(workspace).shop
    train, valid, calibrate = (
        microseconds_of(moment, shop.zone) if isinstance(moment, str) else moment
        for moment in (train_until, valid_until, calibrate_until)
    )
    return Dates(train, valid, calibrate, shop.time_zone)


def path_ends(view: PathView, until: int) -> npt.NDArray[np.int64]:
    """Return the place after each user's last event before a moment (n_users,)."""
    before = np.bincount(user_of_event(view)[view.ts < until], minlength=view.n_users)
    ends: npt.NDArray[np.int64] = view.offsets[:-1] + before
    return ends
