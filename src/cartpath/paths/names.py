"""Names from people looked up among names that were seen, with a hint where one is not there."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from cartpath.store import ERASED


def codes_of(names: Sequence[str], known: Sequence[str], what: str = "event") -> tuple[list[int], list[str]]:
    """Return the code of each name, -1 where it was never seen, and a warning for each such name.

    Parameters
    ----------
    names : sequence of str
    known : sequence of str
        By code.
    what : str
        What is named.

    Examples
    --------
    >>> codes_of(["view", "purchse"], ["view", "purchase"])
    ([0, -1], ["no event 'purchse' was ever seen; did you mean 'purchase'?"])
    """
    place = {text: code for code, text in enumerate(known)}
    warnings = []
    seen = [name for name in known if name != ERASED]
    for name in dict.fromkeys(names):
        if name not in place:
            near = _nearest(name, seen)
            tail = f"did you mean {near!r}?" if near else f"seen are: {_some(seen)}" if seen else _none(what)
            warnings.append(f"no {what} {name!r} was ever seen; {tail}")
    return [place.get(name, -1) for name in names], warnings


def _nearest(name: str, seen: Sequence[str]) -> str | None:
    """Return the most similar name; of names that differ only in case the one as it was written."""
    folded = {text.casefold(): text for text in reversed(seen)}
    if name.casefold() in folded:
        return folded[name.casefold()]
    near = difflib.get_close_matches(name.casefold(), list(folded)[:20_000], n=1)
    return folded[near[0]] if near else None


def _none(what: str) -> str:
    return "the store has no events" if what == "event" else f"no event has a value of {what}"


def _some(names: Sequence[str], most: int = 15) -> str:
    listed = ", ".join(sorted(names)[:most])
    return f"{listed} and {len(names) - most} more" if len(names) > most else listed
