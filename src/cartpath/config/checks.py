"""What settings have in common: a choice of words, numbers between limits, tables within tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from math import inf, isfinite
from typing import Any

from cartpath.schema import CartpathError


def one_of(where: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Refuse a value that is none of the allowed words."""
    if value not in allowed:
        raise CartpathError(f"{where} cannot be {value!r}", f"choose from: {', '.join(allowed)}")


def table(where: str, cls: type[Any], values: Any) -> Any:
    """Make settings of a nested table; what is settings already stays."""
    if isinstance(values, cls):
        return values
    if not isinstance(values, Mapping):
        raise CartpathError(f"[{where}] must be a table, not {values!r}")
    known = [f.name for f in fields(cls)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise CartpathError(f"unknown setting {unknown[0]} in [{where}]", f"known: {', '.join(sorted(known))}")
    return cls(**values)


def number(where: str, value: Any, least: float, most: float = inf) -> float:
    """Return a number between limits, which are allowed; refuse anything else.

    Examples
    --------
    >>> number("[recommend] due", 1, 0)
    1.0
    """
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not plain or not isfinite(value) or not least <= value <= most:
        upto = f"from {least:g} to {most:g}" if most < inf else f"from {least:g} on"
        raise CartpathError(f"{where} must be a number {upto}, not {value!r}")
    return float(value)


def whole(where: str, value: Any, least: int, most: int | None = None) -> None:
    """Refuse what is not a whole number between limits, which are allowed."""
    if type(value) is not int or value < least or (most is not None and value > most):
        upto = f"from {least} on" if most is None else f"from {least} to {most}"
        raise CartpathError(f"{where} must be a whole number {upto}, not {value!r}")


def quoted(value: Any) -> str:
    r"""Write a text, a number, a flag or a list of texts as TOML has it.

    Examples
    --------
    >>> print(quoted('a "b"'), quoted(True), quoted(("x", "y")))
    "a \"b\"" true ["x", "y"]
    """
    # JSON's escapes are TOML's, but for one control character that only JSON takes as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
