"""How people write which events they mean: ``view[category=shoes,price>50]``, ``checkout|purchase``.

A *condition* says something of a property; a *pattern* is an event with conditions; a *step* is one pattern or several.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cartpath.schema.errors import CartpathError

T = TypeVar("T")

#: What a missing value is called, in conditions and in results.
NONE = "(none)"
#: Any event.
ANY = "*"

_OPERATOR = re.compile(r"!=|<=|>=|=|<|>|~")
_ORDERED = ("<", "<=", ">", ">=")
_WORDS = {"=": "is", "!=": "is not", "~": "contains", "<": "<", "<=": "≤", ">": ">", ">=": "≥"}
_HINT = "for example view[category=shoes,price>50] or checkout|purchase; quote names with special characters"


@dataclass(frozen=True)
class Condition:
    """What must hold of a property.

    Attributes
    ----------
    name : str
        The property.
    op : str
        One of ``= != < <= > >= ~``; ``~`` is "contains", without regard to case.
    values : tuple of str
        One of them must hold; with ``!=`` none may. ``(none)`` is a value that is missing.
    """

    name: str
    op: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{_quoted(self.name)}{self.op}{'|'.join(_quoted(v) for v in self.values)}"

    @property
    def words(self) -> str:
        """The condition as a sentence says it."""
        joint = " nor " if self.op == "!=" else " or "
        return f"{self.name} {_WORDS[self.op]} {joint.join(self.values)}"


@dataclass(frozen=True)
class Pattern:
    """An event, and what must hold of it.

    Attributes
    ----------
    event : str or None
        None is any event.
    conditions : tuple of Condition
        All must hold.
    """

    event: str | None
    conditions: tuple[Condition, ...] = ()

    def __str__(self) -> str:
        name = ANY if self.event is None else _quoted(self.event)
        return f"{name}[{','.join(map(str, self.conditions))}]" if self.conditions else name


@dataclass(frozen=True)
class Step:
    """One of several patterns."""

    alternatives: tuple[Pattern, ...]

    def __str__(self) -> str:
        return "|".join(map(str, self.alternatives))

    @property
    def is_plain(self) -> bool:
        """Whether it asks for events by name alone."""
        return all(p.event is not None and not p.conditions for p in self.alternatives)


def parse_steps(text: str | Sequence[str]) -> tuple[Step, ...]:
    """Read steps, separated by commas, or one a text.

    Parameters
    ----------
    text : str or sequence of str

    Returns
    -------
    tuple of Step

    Raises
    ------
    CartpathError
        If it cannot be read; the message says where.

    Examples
    --------
    >>> [str(step) for step in parse_steps('view[category=shoes,price>50], checkout|purchase')]
    ['view[category=shoes,price>50]', 'checkout|purchase']
    """
    if isinstance(text, str):
        return _read(text, lambda reader: reader.separated(reader.step, ","))
    return tuple(parse_step(one) for one in text)


def parse_step(text: str) -> Step:
    """Read one step.

    Raises
    ------
    CartpathError
        If it cannot be read, or there is more than one.
    """
    return _read(text, lambda reader: reader.step())


def parse_conditions(text: str | Sequence[str]) -> tuple[Condition, ...]:
    """Read conditions, separated by commas, that must all hold; several texts are joined.

    Examples
    --------
    >>> [condition.words for condition in parse_conditions("channel=Direct|Referral, price>50")]
    ['channel is Direct or Referral', 'price > 50']
    """
    texts = [text] if isinstance(text, str) else list(text)
    return tuple(
        condition for one in texts for condition in _read(one, lambda reader: reader.separated(reader.condition, ","))
    )


def as_condition(value: str) -> tuple[str, str, str] | None:
    """Split a value that is written like a condition into property, operator and value.

    Examples
    --------
    >>> as_condition("page~basket"), as_condition("/home")
    (('page', '~', 'basket'), None)
    """
    found = _OPERATOR.search(value)
    if not found:
        return None
    return value[: found.start()].strip(), found[0], value[found.end() :].strip()


def _read(text: str, rule: Callable[[_Reader], T]) -> T:
    reader = _Reader(text)
    found = rule(reader)
    reader.end()
    return found


def _quoted(name: str) -> str:
    special = not name or name != name.strip() or re.search(r'[,|\[\]"\\=<>~!]', name)
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' if special else name


class _Reader:
    """A recursive-descent parser over one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def step(self) -> Step:
        return Step(self.separated(self.pattern, "|"))

    def pattern(self) -> Pattern:
        quoted = self.peek() == '"'
        name = self.word(",|[]", "an event")
        conditions: tuple[Condition, ...] = ()
        if self.take("["):
            opened = self.at
            conditions = self.separated(lambda: self.condition(opened), ",")
            if not self.take("]"):
                raise self.error("a closing ] is missing")
        return Pattern(None if name == ANY and not quoted else name, conditions)

    def condition(self, opened: int | None = None) -> Condition:
        """Read one condition; ``opened`` is where the text behind its bracket begins."""
        name = self.word(",|[]=<>!~", "a property")
        found = _OPERATOR.match(self.text, self.at)
        if not found:
            if opened is not None and "]" not in self.text[opened:]:
                raise self.error(f"a closing ] is missing, or after {name!r} one of = != < <= > >= ~")
            raise self.error(f"after {name!r} one of = != < <= > >= ~ is missing")
        self.at = found.end()
        values = self.separated(lambda: self.word(",|]", "a value"), "|")
        if found[0] in _ORDERED and (len(values) > 1 or not _is_number(values[0])):
            raise self.error(f"{name} {found[0]} takes one number, not {'|'.join(values)!r}")
        return Condition(name, found[0], values)

    def separated(self, rule: Callable[[], T], mark: str) -> tuple[T, ...]:
        found = [rule()]
        while self.take(mark):
            found.append(rule())
        return tuple(found)

    def word(self, ends: str, what: str) -> str:
        if self.peek() == '"':
            return self.quoted()
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in ends:
            self.at += 1
        found = self.text[start : self.at].strip()
        if not found:
            raise self.error(f"{what} is missing")
        return found

    def quoted(self) -> str:
        match = re.compile(r'"((?:[^"\\]|\\.)*)"').match(self.text, self.at)
        if not match:
            raise self.error('a closing " is missing')
        self.at = match.end()
        self.peek()
        return re.sub(r"\\(.)", r"\1", match[1])

    def peek(self) -> str:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def take(self, mark: str) -> bool:
        found = self.peek() == mark
        self.at += found
        return found

    def end(self) -> None:
        if self.peek():
            raise self.error(f"{self.text[self.at :]!r} is not understood")

    def error(self, problem: str) -> CartpathError:
        return CartpathError(f"cannot read {self.text!r}: at character {self.at + 1} {problem}", _HINT)


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text)
    except ValueError:
        return False
