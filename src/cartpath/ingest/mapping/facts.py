"""What the values of a column look like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.mapping.time_formats import TimeFacts, time_facts
from cartpath.ingest.numbers import as_numbers
from cartpath.ingest.text import as_text, single

_ADDRESS = r"^(https?://|/)\S*$"
_OBJECT = r"^\s*\{.*\}\s*$"
_FLAGS = frozenset({"true", "false", "t", "f", "yes", "no", "y", "n"})
_EXAMPLES = 3
_SHOWN = 60


@dataclass(frozen=True)
class Facts:
    """A column of the sample.

    Attributes
    ----------
    name, type : str
    n : int
        Rows.
    nulls : float
        Share of rows without a value.
    distinct : int, optional
        Different values; None if they are nested.
    examples : tuple of str
    words : tuple of str
        The different values, if they are at most 200.
    numeric, whole, decimal, negative : float
        Shares of the values that are numbers, whole numbers, numbers with a fraction, numbers below zero.
    large : float
        The number that 95% of the numbers do not exceed.
    point : str
        The decimal point of numbers written as text.
    address, nested : float
        Shares of the values that are addresses or paths, or objects.
    flag : bool
        It says yes or no, in words; 0 and 1 may be numbers.
    time : TimeFacts
    """

    name: str
    type: str
    n: int
    nulls: float
    distinct: int | None
    examples: tuple[str, ...]
    words: tuple[str, ...]
    numeric: float
    whole: float
    decimal: float
    negative: float
    large: float
    point: str
    address: float
    nested: float
    flag: bool
    time: TimeFacts

    @property
    def varied(self) -> float:
        """Different values for each value, from 0 to 1."""
        n = self.n * (1 - self.nulls)
        return (self.distinct or 0) / n if n else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return what ``cartpath map --json`` says of the column."""
        return {
            "name": self.name,
            "type": self.type,
            "nulls": round(self.nulls, 4),
            "distinct": self.distinct,
            "examples": list(self.examples),
        }


def facts_of(name: str, column: pa.ChunkedArray) -> Facts:
    """Look at a column of a sample.

    Examples
    --------
    >>> found = facts_of("p", pa.chunked_array([["1,50", "2", None, "2"]]))
    >>> found.point, found.decimal, found.distinct
    (',', 0.3333333333333333, 2)
    """
    values = single(column)
    if pa.types.is_nested(values.type):
        given = values.filter(values.is_valid()).slice(0, _EXAMPLES).to_pylist()
        shown = tuple(str(value)[:_SHOWN] for value in given)
        share = len(values) and values.null_count / len(values)
        return Facts(name, str(values.type)[:_SHOWN], len(values), share, None, shown, (), 0, 0, 0, 0, 0, ".", 0, 1.0,
                     False, TimeFacts())  # fmt: skip
    text = as_text(values).cast(pa.string())
    given = text.drop_null()
    different = given.unique()
    words = tuple(different.to_pylist()) if len(different) <= 200 else ()
    point, numbers = _numbers(values, given)
    return Facts(
        name=name,
        type=str(values.type),
        n=len(values),
        nulls=1 - len(given) / len(values) if len(values) else 0.0,
        distinct=len(different),
        examples=tuple(value[:_SHOWN] for value in different.slice(0, _EXAMPLES).to_pylist()),
        words=words,
        **numbers,
        point=point,
        address=_share(given, _ADDRESS),
        nested=_share(given, _OBJECT),
        flag=pa.types.is_boolean(values.type) or (0 < len(words) <= 2 and {w.lower() for w in words} <= _FLAGS),
        time=time_facts(values),
    )


def _share(given: pa.Array, pattern: str) -> float:
    return pc.sum(pc.match_substring_regex(given, pattern)).as_py() / len(given) if len(given) else 0.0


def _numbers(values: pa.Array, given: pa.Array) -> tuple[str, dict[str, float]]:
    """Return the decimal point, and the shares; a comma only where a point does not do."""
    if pa.types.is_boolean(values.type) or pa.types.is_temporal(values.type) or not len(given):
        return ".", dict.fromkeys(("numeric", "whole", "decimal", "negative", "large"), 0.0)
    best = ".", _shares(given, ".")
    if best[1]["numeric"] < 0.95:
        other = _shares(given, ",")
        if other["numeric"] >= 0.95:
            return ",", other
    return best


def _shares(given: pa.Array, point: str) -> dict[str, float]:
    numbers, present, wrong = as_numbers(given, point)
    fine = numbers[present & ~wrong & np.isfinite(numbers)]
    whole, n = fine == np.floor(fine), len(given)
    large = float(np.quantile(np.abs(fine), 0.95)) if len(fine) else 0.0
    counts = {"numeric": len(fine), "whole": whole.sum(), "decimal": (~whole).sum(), "negative": (fine < 0).sum()}
    return {**{name: float(count) / n for name, count in counts.items()}, "large": large}
