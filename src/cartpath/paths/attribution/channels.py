"""What a touch is credited to: the values of a property, the rare ones as one; and which sessions are direct."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.attribution.conversions import goal_mask
from cartpath.paths.conditions import NONE
from cartpath.paths.matching import Matcher
from cartpath.paths.properties import SESSION, USER, Properties, Property
from cartpath.paths.rule import Rule
from cartpath.schema import OTHER, CartpathError, Columns
from cartpath.store import PathView, Snapshot

#: Names of the channel of visitors who typed the address or came by a bookmark, in lower case.
DIRECT_NAMES = ("direct", "(direct)", "direct traffic")


@dataclass(frozen=True)
class ChannelNames:
    """What the values of a result are called: plain data, so that answers can be kept.

    Attributes
    ----------
    names : tuple of str
        By code.
    merged : int
        How many values are in ``(other)``.
    by_session : bool
        Whether a touch is a session, not a step.
    """

    names: tuple[str, ...]
    merged: int
    by_session: bool


@dataclass(frozen=True)
class Channels:
    """The values that are told apart.

    Attributes
    ----------
    of : Property
        Of sessions or of events.
    names : tuple of str
        By code.
    table : uint8 array (n_labels + 1,)
        From the property's code to ours; the last entry is that of no value.
    merged : int
        How many values are in ``(other)``.
    direct_channels, direct_sources : int32 array
        Codes of the channel and the source that mean a direct visit.
    """

    of: Property
    names: tuple[str, ...]
    table: npt.NDArray[np.uint8]
    merged: int
    direct_channels: npt.NDArray[np.int32]
    direct_sources: npt.NDArray[np.int32]

    @property
    def by_session(self) -> bool:
        """Whether a touch is a session, not a step."""
        return self.of.level == SESSION

    @property
    def called(self) -> ChannelNames:
        """What they are called, for results."""
        return ChannelNames(self.names, self.merged, self.by_session)

    @property
    def none(self) -> int:
        """The code of no value, and of a conversion without a touch."""
        return self.names.index(NONE)

    def direct(self, view: PathView) -> npt.NDArray[np.bool_]:
        """Return which sessions are direct: by the flag of the source, else by the name of the channel or source."""
        context = view.sessions.context
        flag, channel = context[Columns.is_direct], context[Columns.channel]
        named = np.isin(channel, self.direct_channels)
        named |= (channel < 0) & np.isin(context[Columns.source], self.direct_sources)
        return np.where(flag >= 0, flag == 1, named)


def channels_of(snap: Snapshot, rule: Rule, name: str, top: int, goal: Matcher) -> Channels:
    """Choose the values that are told apart: all, or the ``top`` with most touches.

    Parameters
    ----------
    snap : Snapshot
    rule : Rule
    name : str
        The property.
    top : int
    goal : Matcher
        Its events are no touches.

    Returns
    -------
    Channels

    Raises
    ------
    CartpathError
        If there is no such property, or it is one of users.
    """
    found = Properties(snap, rule.counting.time_zone).find(name)
    if found.level == USER:
        raise CartpathError(
            f"{name} is a property of users, so that all touches of a path have the same value",
            "attribute to a property of sessions, such as channel or campaign, or of events, such as event or page",
        )
    # Codes are in the order of ingest; in that of the names, answers are the same however the log was read.
    codes = np.array(sorted(range(len(found.labels)), key=lambda code: found.labels[code]), np.int64)
    merged = 0
    if len(codes) > top:
        counts = engine.run(snap, partial(_scan_values, rule=rule, found=found, goal=goal), _add)
        touched = codes[np.argsort(-counts[codes], kind="stable")][: np.count_nonzero(counts)]
        # One value alone is not made "(other)": it keeps its name.
        kept = touched if len(touched) <= top + 1 else touched[:top]
        codes, merged = codes[np.isin(codes, kept)], len(touched) - len(kept)
    names, table = _tell_apart(found.labels, codes)
    direct = [
        np.array([c for c, text in enumerate(snap.codes(column)) if text.casefold() in DIRECT_NAMES], np.int32)
        for column in (Columns.channel, Columns.source)
    ]
    return Channels(found, names, table, merged, *direct)


def _tell_apart(labels: Sequence[str], codes: npt.NDArray[np.int64]) -> tuple[tuple[str, ...], npt.NDArray[np.uint8]]:
    kept = [label for label in dict.fromkeys(labels[c] for c in codes) if label not in (NONE, OTHER)]
    names = (*kept, OTHER, NONE)
    place = {label: code for code, label in enumerate(names)}
    table = np.array([place.get(label, place[OTHER]) for label in labels] + [place[NONE]], np.uint8)
    return names, table


def _scan_values(view: PathView, rule: Rule, found: Property, goal: Matcher) -> npt.NDArray[np.int64]:
    """Count the touches of each value: sessions, or steps."""
    counted = rule.counted(view)
    values = found.codes(view)
    paths = counted.paths("sessions") if found.level == SESSION else counted.paths("users", steps=True)
    if found.level == SESSION:
        values = values[paths.session]
    else:
        values = np.where(paths.take(goal_mask(view, goal)), -1, paths.take(values))
    return np.bincount(values[values >= 0], minlength=len(found.labels)).astype(np.int64)


def _add(parts: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    total: npt.NDArray[np.int64] = np.sum(np.stack(parts), axis=0)
    return total
