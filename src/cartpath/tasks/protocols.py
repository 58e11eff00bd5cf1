"""Protocols of next-item evaluation: which events may be learned from, and where the next item is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, user_of_event
from cartpath.schema import CartpathError
from cartpath.tasks.cuts import TimeCuts, time_cuts
from cartpath.tasks.questions import NextItemSplit, asked, questions_at

Index = npt.NDArray[np.int64]
LEAVE_ONE_OUT, TIME_SPLIT = "leave-one-out", "time-split"
SESSION_POSITIONS, SESSION_LAST = "session-positions", "session-last"
PROTOCOLS: tuple[str, ...] = (LEAVE_ONE_OUT, TIME_SPLIT, SESSION_POSITIONS, SESSION_LAST)
#: Those whose questions are of sessions, which files may hold out.
BY_SESSION = (SESSION_POSITIONS, SESSION_LAST)
#: Parts of users or sessions: learned from, chosen by, judged on.
TRAIN, VALID, TEST = 0, 1, 2
#: Share of the users that is held out for each of the latter two where neither times nor files say which.
HELD_OUT = 0.1
_LEAST = 3


def leave_one_out(log: Log, filter_seen: bool = False, events: Sequence[str] | None = None) -> NextItemSplit:
    """Ask for each user's last item, and for the last but one to choose settings by.

    The history of the test question holds the item of the validation question. Users with fewer than three items
    are learned from and asked nothing.

    Parameters
    ----------
    log : Log
    filter_seen : bool
    events : sequence of str, optional
        Events whose items are asked for; see ``ASKED``.

    Returns
    -------
    NextItemSplit

    Examples
    --------
    >>> from cartpath.features import log_from_table
    >>> import pyarrow as pa
    >>> when = pa.array([0, 1, 2, 3], pa.timestamp("s", tz="UTC"))
    >>> events = {"user_id": ["u"] * 4, "ts": when, "event": ["view"] * 4, "item_id": list("abca")}
    >>> split = leave_one_out(log_from_table(pa.table(events), timed=False))
    >>> split.train_ends.tolist(), split.valid.truth.tolist(), split.test.truth.tolist(), split.test.ends.tolist()
    ([2], [2], [0], [3])
    """
    view = log.view
    places = np.flatnonzero(asked(log, events))
    bounds = np.searchsorted(places, view.offsets)
    users = np.flatnonzero(np.diff(bounds) >= _LEAST)
    valid = questions_at(log, places[bounds[users + 1] - 2])
    # Where the items came in one step, nothing is known before them.
    valid = valid.take(valid.ends > view.offsets[users])
    users = valid.user
    test = questions_at(log, places[bounds[users + 1] - 1])
    train_ends, whole_ends = view.offsets[1:].copy(), view.offsets[1:].copy()
    train_ends[users], whole_ends[users] = valid.ends, test.ends
    left_out = view.n_users - len(users)
    ends = train_ends, whole_ends
    return checked(NextItemSplit(LEAVE_ONE_OUT, log, *ends, valid, test, filter_seen, left_out=left_out))


def time_split_last(
    log: Log, filter_seen: bool = False, events: Sequence[str] | None = None, cuts: TimeCuts | None = None
) -> NextItemSplit:
    """Cut time for all users at once, and ask for the last item of each user after a cut.

    Everything before the item asked for is its history, after the cut as well; models are fitted on what lies before
    the first cut alone. Users about whom nothing is known before the item are not asked.

    Parameters
    ----------
    log : Log
    filter_seen : bool
    events : sequence of str, optional
        Events whose items are asked for; see ``ASKED``.
    cuts : TimeCuts, optional
        By default ``time_cuts(log.view)``.

    Raises
    ------
    CartpathError
        If the log has no times.
    """
    _need_times(log, TIME_SPLIT)
    cuts = cuts or time_cuts(log.view)
    places = np.flatnonzero(asked(log, events))
    of_place, users = cuts.part_of(log.view.ts[places]), user_of_event(log.view)
    lasts = [_last_of_each(places[of_place == part], users) for part in (VALID, TEST)]
    return _split(TIME_SPLIT, log, filter_seen, _Known.before(log, cuts), *lasts)


def session_positions(
    log: Log,
    filter_seen: bool = False,
    events: Sequence[str] | None = None,
    part: npt.NDArray[np.int8] | None = None,
) -> NextItemSplit:
    """Ask for every item of the held-out sessions after the first.

    Parameters
    ----------
    log : Log
    filter_seen : bool
    events : sequence of str, optional
        Events whose items are asked for; see ``ASKED``.
    part : int8 array (n_users,), optional
        ``TRAIN``, ``VALID`` or ``TEST`` by user, where each user is one session and files say which is held out. By
        default sessions that begin after a cut in time are, or a tenth each of the users of a log without times.
    """
    places, of_place, known = _held_out(log, events, part)
    order = np.argsort(log.view.session[places], kind="stable")
    session = log.view.session[places][order]
    later = np.zeros(len(places), np.bool_)
    later[order[1:]] = session[1:] == session[:-1]
    targets = [places[(of_place == p) & later] for p in (VALID, TEST)]
    return _split(SESSION_POSITIONS, log, filter_seen, known, *targets)


def session_last(
    log: Log,
    filter_seen: bool = False,
    events: Sequence[str] | None = None,
    part: npt.NDArray[np.int8] | None = None,
) -> NextItemSplit:
    """Ask for the last item of each held-out session; the parameters are those of ``session_positions``."""
    places, of_place, known = _held_out(log, events, part)
    lasts = [_last_of_each(places[of_place == p], log.view.session) for p in (VALID, TEST)]
    return _split(SESSION_LAST, log, filter_seen, known, *lasts)


def _held_out(
    log: Log, events: Sequence[str] | None, part: npt.NDArray[np.int8] | None
) -> tuple[Index, npt.NDArray[np.int8], _Known]:
    """Return the places that can be asked, the part each is of, and what may be learned from."""
    view = log.view
    places = np.flatnonzero(asked(log, events))
    if part is None and log.timed:
        cuts = time_cuts(view)
        return places, cuts.part_of(view.sessions.start)[view.session[places]], _Known.before(log, cuts)
    if part is None:
        # Users lie in the order of a hash of their ids, so the last of them are drawn at random, the same every time.
        held = int(view.n_users * HELD_OUT)
        part = np.full(view.n_users, TRAIN, np.int8)
        part[view.n_users - 2 * held : view.n_users - held] = VALID
        part[view.n_users - held :] = TEST
    train_ends, whole_ends = (np.where(part <= last, view.offsets[1:], view.offsets[:-1]) for last in (TRAIN, VALID))
    return places, part[user_of_event(view)[places]], _Known(train_ends, whole_ends)


def _last_of_each(places: Index, group: npt.NDArray[np.int32]) -> Index:
    """Return the last of some events of each user or session, ascending."""
    last = np.full(int(group.max(initial=-1)) + 1, -1, np.int64)
    np.maximum.at(last, group[places], places)
    return np.sort(last[last >= 0])


def _ends_before(log: Log, moment: int) -> Index:
    view = log.view
    before = np.bincount(user_of_event(view)[view.ts < moment], minlength=view.n_users)
    return (view.offsets[:-1] + before).astype(np.int64)


def _need_times(log: Log, protocol: str) -> None:
    if not log.timed:
        raise CartpathError(
            f"{protocol} cuts time, and the file has the order of events alone",
            f"use --protocol {LEAVE_ONE_OUT}, or a file with a column of times",
        )


@dataclass(frozen=True)
class _Known:
    """What may be learned from, while choosing and once all is chosen."""

    train_ends: Index
    whole_ends: Index
    until: int | None = None
    whole_until: int | None = None

    @classmethod
    def before(cls, log: Log, cuts: TimeCuts) -> _Known:
        return cls(_ends_before(log, cuts.valid), _ends_before(log, cuts.test), cuts.valid, cuts.test)


def _split(protocol: str, log: Log, filter_seen: bool, known: _Known, *places: Index) -> NextItemSplit:
    """Ask for events, of validation and of test, whose user has a path before them; count the others."""
    asked_for = [questions_at(log, targets) for targets in places]
    valid, test = (found.take(found.ends > log.view.offsets[found.user]) for found in asked_for)
    left_out = sum(map(len, asked_for)) - len(valid) - len(test)
    ends, untils = (known.train_ends, known.whole_ends), (known.until, known.whole_until)
    return checked(NextItemSplit(protocol, log, *ends, valid, test, filter_seen, *untils, left_out))


def checked(split: NextItemSplit) -> NextItemSplit:
    """Return a split, or refuse it where nothing can be learned, chosen or judged.

    Raises
    ------
    CartpathError
        If it has no questions of one kind, or nothing to learn from.
    """
    for name, questions in (("validation", split.valid), ("test", split.test)):
        if not len(questions):
            raise CartpathError(
                f"{split.protocol} finds nothing to ask for {name}: the paths are too few or too short",
                f"use a larger file; {LEAVE_ONE_OUT} needs users with at least {_LEAST} items",
            )
    if not len(split.train_items()):
        raise CartpathError(f"{split.protocol} leaves nothing to learn from", "use a file of a longer time")
    return split
