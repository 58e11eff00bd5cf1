"""Repeat purchase: will a user buy an item, or of a category, again within the horizon?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, user_of_event
from cartpath.features.catalogue import CONTENT, content_of_items, texts_of_items
from cartpath.schema import MICROSECONDS, CartpathError, Columns, Event, seconds
from cartpath.tasks.cutoff_rows import CutoffRows, asked_users, by_cutoff, check_labels, count_until, cutoffs_of
from cartpath.tasks.cutoffs import Cutoffs
from cartpath.tasks.split import TimeSplit

#: What can be bought again: an item, a category as it is listed, one cut off at a level, a brand.
REPEATED: tuple[str, ...] = ("item", Columns.category, *CONTENT)
_PAIR = 2**32


@dataclass(frozen=True)
class RepeatTask:
    """What is asked.

    Attributes
    ----------
    horizon : str
        Within how long, such as ``"30d"``.
    of : str
        One of ``REPEATED``. ``"category"`` is the most detailed there is, ``"category_1"`` the top level; an item whose
        category has no such level is left out.
    bought_within : str, optional
        Asked about is what was bought so long before the cut-off, such as ``"90d"``; None is however long before.
    step : str, optional
        From one cut-off to the next; see ``cutoffs``.
    """

    horizon: str
    of: str = "item"
    bought_within: str | None = None
    step: str | None = None


@dataclass(frozen=True)
class RepeatRows(CutoffRows):
    """What users have bought, at cut-offs, and whether they bought it again.

    Attributes
    ----------
    what : int64 array (n,)
        Of an item its code, else the place in ``texts``.
    label : int8 array (n,)
        1 if the user has a purchase of it within the horizon.
    texts : sequence of str
    kind : str
        What it is: one of ``REPEATED``.
    """

    what: npt.NDArray[np.int64]
    label: npt.NDArray[np.int8]
    texts: Sequence[str]
    kind: str = REPEATED[0]


def repeat_rows(log: Log, split: TimeSplit, task: RepeatTask) -> RepeatRows:
    """Find the pairs of a user and what the user has bought that can be asked about in each slice, and the answers.

    What was sent back has been bought all the same.

    Parameters
    ----------
    log : Log
    split : TimeSplit
    task : RepeatTask

    Returns
    -------
    RepeatRows
        By cut-off, then by user, then by ``what``.

    Raises
    ------
    CartpathError
        If there are no purchases of what is asked about, a slice has no room for the horizon, what came after the first
        cut shaped the paths before it, or all pairs of the training slice are bought again, or none.

    Examples
    --------
    >>> from datetime import datetime, timedelta, UTC
    >>> import pyarrow as pa
    >>> from cartpath.features import log_from_table
    >>> lines = [("u", 0, "tea"), ("u", 1, "pot"), ("u", 3, "tea"), ("u", 6, "pot")]
    >>> when = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(day) for _, day, _ in lines]
    >>> log = log_from_table(pa.table({"user_id": [user for user, *_ in lines], "ts": when, "event": ["purchase"] * 4,
    ...                                "item_id": [item for *_, item in lines]}))
    >>> rows = repeat_rows(log, TimeSplit((4 * 86_400_000_000,) * 3), RepeatTask("2d")).of("train")
    >>> [rows.texts[item] for item in rows.what], rows.label.tolist()
    (['tea', 'pot'], [1, 0])
    """
    rows = repeat_at(log, cutoffs_of(log, split, task.horizon, task.step), task)
    check_labels(rows, rows.label, "train", f"are bought again within {task.horizon}")
    return rows


def repeat_at(log: Log, cuts: Cutoffs, task: RepeatTask) -> RepeatRows:
    """Find the pairs and the answers at given cut-offs; the horizon is theirs."""
    asked = asked_users(log, cuts, task.bought_within, Event.purchase)
    texts, pair, ts = _bought(log, task.of)
    within = 2**62 if task.bought_within is None else seconds(task.bought_within) * MICROSECONDS
    rows, whats, labels = ([np.empty(0, np.int64)] for _ in range(3))
    for at, part in by_cutoff(asked):
        before = np.unique(pair[(ts >= at - within) & (ts < at)])
        after = pair[(ts >= at) & (ts < at + cuts.horizon)]
        rows.append(part.start + np.searchsorted(asked.user[part], before // _PAIR))
        whats.append(before % _PAIR)
        labels.append(np.isin(before, after).astype(np.int64))
    found = asked.take(np.concatenate(rows))
    label = np.concatenate(labels).astype(np.int8)
    return RepeatRows(**vars(found), what=np.concatenate(whats), label=label, texts=texts, kind=task.of)


def _bought(log: Log, of: str) -> tuple[Sequence[str], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the texts, and of each purchase the pair of user and text as one number, and the time."""
    count_until(log, Event.purchase)
    view = log.view
    texts, place = repeated(log, of)
    what = np.where(view.event == log.event_codes[Event.purchase], place[view.item], -1)
    rows = np.flatnonzero(what >= 0)
    if not len(rows):
        raise CartpathError(
            f"no purchase is of a known {of}, so nobody can buy it again",
            "say which column is the item: cartpath ingest SHOP SOURCE --map item_id=COLUMN"
            if of == "item"
            else f"load a catalogue with a column {of.split('_')[0]}: cartpath ingest SHOP SOURCE --items FILE",
        )
    return texts, user_of_event(view)[rows].astype(np.int64) * _PAIR + what[rows], view.ts[rows]


def repeated(log: Log, of: str) -> tuple[Sequence[str], npt.NDArray[np.int32]]:
    """Return what can be bought again as texts, and a text's place by item code (n_codes + 1,); -1 is none.

    Raises
    ------
    CartpathError
        If ``of`` is none of ``REPEATED``.
    """
    if of == "item":
        codes = log.codes("item")
        return codes, np.append(np.arange(len(codes), dtype=np.int32), np.int32(-1))
    if of == Columns.category:
        return texts_of_items(log, of)
    if of not in REPEATED:
        raise CartpathError(f"cannot ask who buys the same {of!r} again", f"ask about one of: {', '.join(REPEATED)}")
    nothing = np.full(len(log.codes("item")) + 1, -1, np.int32)
    return content_of_items(log).get(of, ((), nothing))
