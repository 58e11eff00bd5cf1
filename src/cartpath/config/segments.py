"""``[segments]`` of ``cartpath.toml``: named sets of users; see ``docs/segments.md``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cartpath.config.checks import quoted
from cartpath.schema import CartpathError

#: Words of the language, which no segment can be called.
RESERVED = ("and", "cohort", "did", "everyone", "file", "not", "or", "reached", "sample", "since", "stopped", "until")
_NAME = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class SegmentSettings:
    """``[segments]``: name -> expression. What an expression means is looked at when it is used.

    Examples
    --------
    >>> print(SegmentSettings({"buyers": "did purchase"}).to_toml(), end="")
    [segments]
    buyers = "did purchase"
    """

    expressions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, expression in self.expressions.items():
            _check(name, expression)

    def to_toml(self) -> str:
        """Return the table as text of ``cartpath.toml``, empty if there are no segments."""
        lines = [
            f"{name if name.isascii() else quoted(name)} = {quoted(text)}\n" for name, text in self.expressions.items()
        ]
        return "".join(["[segments]\n", *lines]) if lines else ""


def _check(name: str, expression: Any) -> None:
    if not _NAME.fullmatch(name):
        raise CartpathError(
            f"[segments] {name!r} cannot be a segment's name",
            "letters, digits and _ only, a letter first: - and & are operators of the language",
        )
    if name.lower() in RESERVED:
        raise CartpathError(f"[segments] {name!r} is a word of the language", "choose another name")
    if not isinstance(expression, str) or not expression.strip():
        raise CartpathError(
            f"[segments] {name} must be an expression in quotes, not {expression!r}", f'such as {name} = "did purchase"'
        )
