"""Rules that divide each conversion among its own touches: first, last, linear, position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.paths.attribution.journeys import Codes, Floats, Ints, Journeys, sums
from cartpath.store.jit import kernel

#: Rules that need nothing but the order of the touches.
RULES: tuple[str, ...] = ("first", "last", "linear", "position")

#: What the first and the last touch get by position, and what those between share.
ENDS, MIDDLE = 0.4, 0.2


@dataclass(frozen=True)
class Credit:
    """What a model gives to each channel.

    Attributes
    ----------
    values : float64 array (width, 2)
        Conversions and revenue.
    error : float64 array (width,)
        Standard error of the conversions of each channel; NaN where the model has none.
    """

    values: Floats
    error: Floats

    @classmethod
    def of(cls, values: Floats, squares: Floats, conversions: float) -> Credit:
        """Make a credit of sums over conversions and the sums of their squares.

        The error is that of a sum over a random sample of as many conversions.
        """
        spread = squares - values[:, 0] ** 2 / conversions if conversions else np.zeros(len(values))
        return cls(values, np.sqrt(np.maximum(spread, 0.0)))

    @classmethod
    def without_error(cls, values: Floats) -> Credit:
        """Make a credit of a model that says nothing of its error."""
        return cls(values, np.full(len(values), np.nan))


def by_rule(journeys: Journeys, rule: str) -> Credit:
    """Divide conversions by one of ``RULES``.

    Parameters
    ----------
    journeys : Journeys
    rule : str

    Returns
    -------
    Credit

    Examples
    --------
    >>> from cartpath.paths.attribution.journeys import journeys_of
    >>> by_rule(journeys_of([("abc", 10, 0, 0)], "abc"), "position").values[:, 0].tolist()
    [4.0, 2.0, 4.0]
    """
    arguments = (journeys.offsets, journeys.codes, journeys.worth, journeys.width, RULES.index(rule))
    values, squares = _divide(*arguments)
    return Credit.of(values, squares, float(journeys.conversions.sum()))


def by_parts(conversion: npt.NDArray[np.int64], code: Codes, part: Floats, worth: Floats, width: int) -> Credit:
    """Divide conversions by parts that were worked out for each of them.

    Parameters
    ----------
    conversion : int array (n,)
        Row in ``worth``; with a code it stands once.
    code : uint8 array (n,)
    part : float64 array (n,)
        Of one conversion they sum to one.
    worth : float64 array (n_conversions, 2)
    width : int

    Returns
    -------
    Credit
    """
    shared = worth[conversion] * part[:, None]
    values = np.column_stack([sums(code, shared[:, i], width) for i in (0, 1)])
    squares = sums(code, shared[:, 0] * part, width)
    return Credit.of(values, squares, float(worth[:, 0].sum()))


@kernel
def _part(rule: int, place: int, size: int) -> float:
    if rule == 0:
        return 1.0 if place == 0 else 0.0
    if rule == 1:
        return 1.0 if place == size - 1 else 0.0
    if rule == 2 or size <= 2:
        return 1.0 / size
    return ENDS if place in (0, size - 1) else MIDDLE / (size - 2)


@kernel
def _divide(offsets: Ints, codes: Codes, worth: Floats, width: int, rule: int) -> tuple[Floats, Floats]:
    values, squares = np.zeros((width, 2)), np.zeros(width)
    part = np.zeros(width)
    for p in range(len(offsets) - 1):
        low, high = offsets[p], offsets[p + 1]
        if worth[p, 0] == 0:
            continue
        for i in range(low, high):
            part[codes[i]] += _part(rule, i - low, high - low)
        for i in range(low, high):
            code, mine = codes[i], part[codes[i]]
            values[code, 0] += worth[p, 0] * mine
            values[code, 1] += worth[p, 1] * mine
            squares[code] += worth[p, 0] * mine * mine
            part[code] = 0.0  # counted once, however often it is touched
    return values, squares
