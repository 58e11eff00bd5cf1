"""What the answer says of the rules that moved an item, in words for people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.recommend.rules.compiled import CompiledRules
from cartpath.recommend.rules.judging import Judged

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
VARIETY = "moved up: for variety"
_DAY = 86_400


@dataclass(frozen=True)
class Moved:
    """Why each item shown has its place.

    Attributes
    ----------
    held : bool array (n, n_caps)
        Which caps held a better one back.
    varied : bool array (n,)
        Whether a better one was too much like others.
    drawn : bool array (n,)
        Whether the place was drawn for a new item.
    """

    held: Mask
    varied: Mask
    drawn: Mask


def cap_words(name: str, most: int) -> str:
    """Return what is said of an item that a cap moved up.

    Examples
    --------
    >>> cap_words("attributes.seller", 2)
    'moved up: at most 2 per seller'
    """
    return f"moved up: at most {most} per {name.removeprefix('attributes.')}"


def due_words(seconds: float) -> str:
    """Return what is said of an item that is due again.

    Examples
    --------
    >>> due_words(30 * 86_400), due_words(3600)
    ('due again: usually after 30 days', 'due again: usually after a day')
    """
    days = round(float(seconds) / _DAY)
    return f"due again: usually after {f'{days} days' if days > 1 else 'a day'}"


def said(rules: CompiledRules, judged: Judged, rows: Ints, items: Ints, moved: Moved) -> list[tuple[str, ...]]:
    """Return for each item shown what moved it.

    Parameters
    ----------
    rules : CompiledRules
    judged : Judged
    rows : int64 array (n,)
        Of the candidates that are shown, in ``judged``.
    items : int64 array (n,)
        Their rows in ``rules``.
    moved : Moved
    """
    found: list[list[str]] = [[] for _ in rows]
    for place, boost in np.argwhere(rules.boosted[:, items].T).tolist():
        found[place].append(rules.boosts[boost])
    for name, mask in judged.demoted.items():
        for place in np.flatnonzero(mask[rows]).tolist():
            found[place].append(f"lowered x{rules.settings.demote:g}: {name}")
    if judged.due is not None:
        waited = judged.due[rows]
        for place in np.flatnonzero(~np.isnan(waited)).tolist():
            found[place].append(due_words(waited[place]))
    caps = [cap_words(name, most) for name, most in rules.settings.caps.items()]
    for place, cap in np.argwhere(moved.held).tolist():
        found[place].append(caps[cap])
    for words, places in ((VARIETY, moved.varied), (_drawn(rules), moved.drawn)):
        for place in np.flatnonzero(places).tolist():
            found[place].append(words)
    return [tuple(words) for words in found]


def _drawn(rules: CompiledRules) -> str:
    share = rules.settings.new_items.share if rules.settings.new_items else 0.0
    return f"new: {share:.0%} of places are drawn for new items"
