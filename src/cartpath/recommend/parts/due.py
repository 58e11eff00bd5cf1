"""Repurchase due: what the user has bought, when it is about time to buy it again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.features.repurchase import Repurchase, scan_repurchase
from cartpath.models.baselines.folder import read_model, write_model
from cartpath.models.baselines.histories import Codes
from cartpath.models.next_item import Index, ItemIndex, Scores
from cartpath.recommend.parts.sources import Sources
from cartpath.schema import MICROSECONDS
from cartpath.store.jit import kernel

Floats = npt.NDArray[np.float32]
PURCHASE = "purchase"
#: Buyers that an item's share of those who bought again is mixed with, at the shop's share.
PRIOR = 10.0


@dataclass(frozen=True)
class Due:
    r"""Scores what the user has bought by whether others buy it again and whether it is time; other items by 0.

    With ``since`` the time since the user bought it last, ``usual`` the user's mean time between purchases of it, or
    the mean of all users where it was bought once, and :math:`r` the one over the other, the score is the share of
    buyers who bought it again times :math:`r e^{1 - r}`: nothing just after a purchase, most when it is due, falling
    slowly after (the shape of an Erlang distribution of two stages).

    Attributes
    ----------
    items : ItemIndex
    again : float32 array (n_items,)
        Share of buyers who bought the item at two moments or more, few buyers drawn towards the shop's share.
    usual : float32 array (n_items,)
        Mean seconds between two purchases of the item by one user; the shop's mean where nobody bought it twice.
    """

    kind: ClassVar[str] = "due"
    items: ItemIndex
    again: Floats
    usual: Floats

    def score(self, log: Log, user: Index, ends: Index, time: Index | None = None) -> Scores:
        """Return the score of each item that the user has bought (n, n_items); see ``NextItemModel``."""
        out = np.zeros((len(ends), len(self.items)), np.float32)
        purchase = log.event_codes.get(PURCHASE, -1)
        if purchase < 0 or not log.timed:
            return out
        column = self.items.short_columns_of(log)
        view = log.view
        last = np.zeros(len(ends), np.int64)
        known = ends > view.offsets[user]
        last[known] = view.ts[ends[known] - 1]
        asked = last if time is None else np.maximum(time, last)
        _add_due(
            view.offsets[user].astype(np.int64), ends.astype(np.int64), asked.astype(np.int64),
            view.event, view.item, view.ts, np.int32(purchase), column, self.again, self.usual, out,
        )  # fmt: skip
        return out

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        write_model(folder, self.kind, self.items, {}, {"again": self.again, "usual": self.usual})

    @classmethod
    def load(cls, folder: Path) -> Due:
        """Read what ``save`` wrote."""
        items, _, arrays = read_model(folder, cls.kind)
        return cls(items, arrays["again"], arrays["usual"])


def fit_due(sources: Sources) -> Due | None:
    """Count who bought what again, and after how long; None where nobody did, or times say nothing."""
    log = sources.log
    purchase = log.event_codes.get(PURCHASE, -1)
    place = np.append(np.arange(sources.n_items, dtype=np.int32), np.int32(-1))
    if purchase < 0 or not log.timed:
        return None
    known = scan_repurchase(log.view, sources.until, purchase, place, sources.n_items)
    if not known.gaps.sum():
        return None
    again, usual = habits(known)
    return Due(sources.axis.items, again, usual)


def habits(known: Repurchase) -> tuple[Floats, Floats]:
    """Return each item's share of buyers who bought again, and the mean seconds until they did.

    Examples
    --------
    Of ten buyers of an item five came back, of the other's one buyer none: ``(5 + 10 * 5/11) / (10 + 10)``.

    >>> counts = (np.array([10, 1]), np.array([5, 0]), np.array([5, 0]), np.array([500, 0]))
    >>> [[round(float(value), 3) for value in values] for values in habits(Repurchase(*counts))]
    [[0.477, 0.413], [100.0, 100.0]]
    """
    share = known.again.sum() / max(known.buyers.sum(), 1)
    again = (known.again + PRIOR * share) / (known.buyers + PRIOR)
    mean = known.waited.sum() / max(known.gaps.sum(), 1)
    usual = np.where(known.gaps > 0, known.waited / np.maximum(known.gaps, 1), mean)
    return again.astype(np.float32), np.maximum(usual, 1.0).astype(np.float32)


@kernel
def _add_due(
    starts: Index, ends: Index, asked: Index, event: Codes, item: Codes, ts: Index,
    purchase: np.int32, column: Codes, again: Floats, usual: Floats, out: Scores,
) -> None:  # fmt: skip
    n_items = len(again)
    times, first, last = np.zeros(n_items, np.int32), np.zeros(n_items, np.int64), np.zeros(n_items, np.int64)
    for row in range(len(out)):
        for place in range(starts[row], ends[row]):
            bought = column[item[place]]
            if event[place] != purchase or bought < 0:
                continue
            if times[bought] == 0:
                first[bought] = ts[place]
            if times[bought] == 0 or ts[place] != last[bought]:
                times[bought] += 1
            last[bought] = ts[place]
        for place in range(starts[row], ends[row]):
            bought = column[item[place]]
            if bought < 0 or times[bought] == 0:
                continue
            wait = np.float64(usual[bought])
            if times[bought] > 1:
                wait = max((last[bought] - first[bought]) / (times[bought] - 1) / MICROSECONDS, 1.0)
            ratio = (asked[row] - last[bought]) / MICROSECONDS / wait
            out[row, bought] = np.float32(again[bought] * ratio * np.exp(1 - ratio))
            times[bought] = 0
