"""Tables of journeys: what each channel was part of, and which journeys are frequent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cartpath.paths.attribution.journeys import Journeys, sums
from cartpath.paths.attribution.shapley import coalitions
from cartpath.paths.counting import wilson


def touched(journeys: Journeys, names: Sequence[str], order: Sequence[int]) -> list[dict[str, Any]]:
    """Return what each channel was part of.

    Parameters
    ----------
    journeys : Journeys
    names : sequence of str
        By code.
    order : sequence of int
        Codes, as they are shown.

    Returns
    -------
    list of dict
        ``channel``, its ``touches``, the ``conversions_touched`` and the ``journeys_lost`` that it is part of, the
        ``conversion_rate`` of both together and its 95% Wilson ``interval``.

    Examples
    --------
    >>> from cartpath.paths.attribution.journeys import journeys_of
    >>> row = touched(journeys_of([("aab", 2, 0.0, 1), ("b", 0, 0.0, 3)], "ab"), "ab", [0])[0]
    >>> row["touches"], row["conversions_touched"], row["journeys_lost"]
    (6, 2, 1)
    """
    touches = journeys.touches()
    sets = coalitions(journeys)  # each channel once a journey
    met = sums(sets.codes, np.repeat(sets.conversions, sets.sizes), sets.width)
    lost = sums(sets.codes, np.repeat(sets.lost, sets.sizes), sets.width)
    return [
        {
            "channel": names[c],
            "touches": plain(touches[c]),
            "conversions_touched": plain(met[c]),
            "journeys_lost": plain(lost[c]),
            "conversion_rate": rate(met[c], met[c] + lost[c]),
            "interval": wilson(plain(met[c]), plain(met[c] + lost[c])),
        }
        for c in order
    ]


def top_journeys(journeys: Journeys, names: Sequence[str], conversions: int, top: int = 10) -> list[dict[str, Any]]:
    """Return the journeys that most often end in a conversion: ``path conversions revenue share lost``.

    Parameters
    ----------
    journeys : Journeys
    names : sequence of str
    conversions : int
        All there are, of which a journey's are a share.
    top : int
    """
    best = np.lexsort((-journeys.revenue.round(6), -journeys.conversions.round(6)))[:top]  # else in their own order
    return [
        {
            "path": [names[c] for c in journeys.codes[journeys.offsets[p] : journeys.offsets[p + 1]]],
            "conversions": plain(journeys.conversions[p]),
            "revenue": float(journeys.revenue[p]),
            "share": rate(journeys.conversions[p], conversions),
            "lost": plain(journeys.lost[p]),
        }
        for p in best.tolist()
        if journeys.conversions[p] > 0
    ]


def rate(part: float, whole: float) -> float | None:
    """Return a share; None where there is nothing to share."""
    return float(part / whole) if whole else None


def plain(value: float) -> int | float:
    """Return a count as an integer unless shared orders make it a fraction.

    Examples
    --------
    >>> plain(2.0000000001), plain(2.5)
    (2, 2.5)
    """
    whole = round(float(value))
    return whole if abs(value - whole) < 1e-6 else float(value)
