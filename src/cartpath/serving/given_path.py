"""The path of events that come with a request, laid out as a stored one, with the codes of the live paths."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.features import Log
from cartpath.schema import Columns, event_schema
from cartpath.serving.ports import Live
from cartpath.serving.problems import Problem
from cartpath.serving.state.given import check
from cartpath.store import view_from_table
from cartpath.store.codes import CODED
from cartpath.store.path import NO_CODE

#: Whose path it is, where an event says nothing.
NOBODY = "-"


class Paths:
    """Lays out paths. Texts that the shop has never had get no code: an item that nobody knows is none.

    Parameters
    ----------
    state : Live
    gap_seconds : int
        Inactivity that ends a session without an id.
    """

    def __init__(self, state: Live, gap_seconds: int) -> None:
        self._state, self._gap = state, gap_seconds
        self._known: dict[str, dict[str, int]] = {}
        self._codes: object = None
        self._lock = threading.Lock()

    def log(self, events: list[Any]) -> Log:
        """Return a log of one user, whose path the events are; ``Problem`` 422 if one of them cannot be taken."""
        own = [{**one, Columns.user_id: NOBODY} if isinstance(one, dict) else one for one in events]
        taken, rejected = check(own)
        if rejected:
            told = [{"index": one.index, "reason": one.reason, "what": one.what} for one in rejected]
            raise Problem(422, "wrong-event", f"event {told[0]['index']}: {told[0]['what']}", rejected=told)
        empty = self._state.log([NOBODY])
        if not taken:
            return replace(empty, view=_nothing())
        view, codes = view_from_table(_table([one.values for one in taken]), self._gap)
        arrays: dict[str, Any] = {
            name: self._recoded(empty, codes.text, name, getattr(view, name))
            for name in ("event", "item", "page", "query")
        }
        context = {
            name: self._recoded(empty, codes.text, CODED[name], values) if name in CODED else values
            for name, values in view.sessions.context.items()
        }
        return replace(empty, view=replace(view, **arrays, sessions=replace(view.sessions, context=context)))

    def _recoded(self, empty: Log, texts: Callable[[str], list[str]], name: str, codes: Any) -> npt.NDArray[np.int32]:
        """Return codes of a dictionary of its own as those of the live paths."""
        known = self._dictionary(empty, name)
        own = [known.get(text, int(NO_CODE)) for text in texts(name)]
        found: npt.NDArray[np.int32] = np.array([*own, NO_CODE], np.int32)[codes]
        return found

    def _dictionary(self, empty: Log, name: str) -> dict[str, int]:
        """Return the code of each text that the shop has had; dictionaries only grow, so what is new is added."""
        with self._lock:
            if self._codes is not empty.codes:
                self._known, self._codes = {}, empty.codes
            found, texts = self._known.setdefault(name, {}), empty.codes(name)
            for code in range(len(found), len(texts)):
                # Erased ones have a text in common: then the first of them has the code, and the count goes on.
                found.setdefault(texts[code] if texts[code] not in found else f"\0{code}", code)
            return found


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    names = [field for field in event_schema() if any(field.name in row for row in rows)]
    return pa.table(
        {field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in names},
        schema=pa.schema(names),
    )


def _nothing() -> Any:
    """Return the view of one user without an event."""
    view = view_from_table(event_schema().empty_table())[0]
    return replace(view, offsets=np.zeros(2, np.int64), user_id=pa.array([NOBODY], pa.string()))
