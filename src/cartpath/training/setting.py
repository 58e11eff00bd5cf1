"""A setting of a model: what it may be, what it usually is, and where a search looks for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cartpath.schema import CartpathError

_TRUTH: Mapping[str, bool] = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
Value = float | int | bool


@dataclass(frozen=True)
class Setting:
    """A number, or yes and no.

    Attributes
    ----------
    about : str
        What it is, for the documentation.
    kind : type
        ``float``, ``int`` or ``bool``.
    low, high : float
        What it may be, both included.
    usual : optional
        What it is where nobody says; None where that depends on the data.
    tried : tuple
        Values of a grid; between the least and the greatest the other samplers draw. Not searched where empty.
    log : bool
        Whether it is drawn evenly on a logarithmic scale.
    choice : bool
        Whether it may be one of ``tried`` alone.

    Examples
    --------
    >>> rate = Setting("highest learning rate", float, 1e-8, 1.0, 1e-3, (1e-4, 1e-3, 1e-2), log=True)
    >>> rate.read("learning_rate", "2e-3")
    0.002
    >>> rate.read("learning_rate", 3)
    Traceback (most recent call last):
        ...
    cartpath.schema.errors.CartpathError: learning_rate must be from 1e-08 to 1, not 3
      highest learning rate
    """

    about: str
    kind: type
    low: float
    high: float
    usual: Value | None = None
    tried: tuple[Value, ...] = ()
    log: bool = False
    choice: bool = False

    @property
    def allowed(self) -> str:
        """What it may be, in words."""
        if self.choice:
            return f"one of {', '.join(map(str, self.tried))}"
        whole = "a whole number " if self.kind is int else ""
        return "true or false" if self.kind is bool else f"{whole}from {self.low:g} to {self.high:g}"

    def read(self, name: str, value: Any) -> Value:
        """Return a value, of a text too, or refuse it.

        Raises
        ------
        CartpathError
            If it is not of the kind, or out of range.
        """
        found = _truth(value) if self.kind is bool else _number(value, self.kind)
        fits = found is not None and (found in self.tried if self.choice else self.low <= found <= self.high)
        if found is None or not fits:
            raise CartpathError(f"{name} must be {self.allowed}, not {value}", self.about)
        return found


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else _TRUTH.get(str(value).lower())


def _number(value: Any, kind: type) -> float | int | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if kind is float:
        return number
    return int(number) if number.is_integer() else None


def read_settings(model: str, known: Mapping[str, Setting], given: Mapping[str, Any]) -> dict[str, Value]:
    """Return settings of a model as numbers, or say which are known.

    Parameters
    ----------
    model : str
        Its name, for messages.
    known : mapping
    given : mapping
        Values, or texts of them.

    Raises
    ------
    CartpathError
        If there is no such setting, or it cannot have the value.

    Examples
    --------
    >>> strength = Setting("inverse strength of the penalty", float, 1e-8, 1e4)
    >>> read_settings("logistic", {"C": strength}, {"C": "0.5"})
    {'C': 0.5}
    >>> read_settings("logistic", {"C": strength}, {"leaves": 3})
    Traceback (most recent call last):
        ...
    cartpath.schema.errors.CartpathError: logistic has no setting 'leaves'
      known: C (from 1e-08 to 10000)
    """
    for name in given:
        if name not in known:
            raise CartpathError(f"{model} has no setting {name!r}", f"known: {_listed(known) or 'none'}")
    return {name: known[name].read(name, value) for name, value in given.items()}


def _listed(known: Mapping[str, Setting]) -> str:
    return ", ".join(f"{name} ({setting.allowed})" for name, setting in known.items())


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """Read texts such as ``rank=8``.

    Examples
    --------
    >>> pairs(["rank=8", "dropout = 0.1"])
    {'rank': '8', 'dropout': '0.1'}
    """
    found = {}
    for text in texts:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not (name and sign and value):
            raise CartpathError(f"{text!r} is no setting", "write its name, =, and its value: --set rank=8")
        found[name] = value
    return found
