"""Results as files, without pickle: a skeleton in JSON and beside it the arrays, in NumPy's own archive.

What a file can bring back is data: numbers, texts, arrays, containers, and dataclasses of this package. Nothing that
a file names is called, so a foreign file can at most be refused.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import reduce
from typing import IO, Any

import numpy as np
import numpy.typing as npt

_PACKAGE = __name__.partition(".")[0]
_SKELETON = "skeleton"
_PLAIN = (type(None), bool, int, float, str)


class NotKeptError(TypeError):
    """A value holds something that a file cannot."""


class Skeleton:
    """Takes a value apart: what is no array as JSON, arrays by number.

    Attributes
    ----------
    arrays : list of array
        In the order in which the value has them.

    Examples
    --------
    >>> taken = Skeleton()
    >>> taken.of({"n": (1, np.array([2, 3]))})
    {'dict': [['n', {'tuple': [1, {'array': 0}]}]]}
    >>> restore(taken.of({1.5: ()}), [])
    {1.5: ()}
    """

    def __init__(self) -> None:
        self.arrays: list[npt.NDArray[Any]] = []

    def of(self, value: Any) -> Any:
        """Return the skeleton of a value.

        Raises
        ------
        NotKeptError
            If something in it is neither data nor a dataclass of this package.
        """
        if isinstance(value, Enum):
            return {"enum": [self._name(type(value)), value.name]}
        if isinstance(value, _PLAIN):
            return value
        if isinstance(value, np.ndarray | np.generic):
            return self._array(value)
        if isinstance(value, list):
            return [self.of(entry) for entry in value]
        for kind, name in ((tuple, "tuple"), (frozenset, "frozenset"), (set, "set")):
            if isinstance(value, kind) and not hasattr(value, "_fields"):
                entries = value if kind is tuple else sorted(value, key=repr)
                return {name: [self.of(entry) for entry in entries]}
        return self._named(value)

    def _named(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {"dict": [[self.of(key), self.of(entry)] for key, entry in value.items()]}
        if isinstance(value, date):
            return {"datetime" if isinstance(value, datetime) else "date": value.isoformat()}
        if is_dataclass(value) and not isinstance(value, type):
            held = {field.name: self.of(getattr(value, field.name)) for field in fields(value)}
            return {"dataclass": [self._name(type(value)), held]}
        raise NotKeptError(f"a file cannot hold {type(value).__module__}.{type(value).__qualname__}")

    def _array(self, value: npt.NDArray[Any] | np.generic) -> Any:
        if value.dtype.hasobject:
            raise NotKeptError("a file cannot hold an array of objects")
        self.arrays.append(np.asarray(value))
        return {"array" if isinstance(value, np.ndarray) else "scalar": len(self.arrays) - 1}

    @staticmethod
    def _name(kind: type) -> str:
        if kind.__module__.partition(".")[0] != _PACKAGE or "<" in kind.__qualname__:
            raise NotKeptError(f"a file cannot hold {kind.__module__}.{kind.__qualname__}: it is not of {_PACKAGE}")
        return f"{kind.__module__}:{kind.__qualname__}"


def restore(skeleton: Any, arrays: list[npt.NDArray[Any]], now: Mapping[str, int] | None = None) -> Any:
    """Return the value that a skeleton and its arrays were taken from.

    Parameters
    ----------
    skeleton : JSON
    arrays : list of array
    now : mapping of str to int, optional
        Fields and entries of these names have these numbers instead of what they had.

    Raises
    ------
    ValueError
        If it is no skeleton, or names a class that is not one of this package's dataclasses.
    """
    if isinstance(skeleton, list):
        return [restore(entry, arrays, now) for entry in skeleton]
    if not isinstance(skeleton, dict):
        return skeleton
    [(kind, held)] = skeleton.items()
    if kind in ("array", "scalar"):
        return arrays[held] if kind == "array" else arrays[held][()]
    if kind in _ONE:
        return _ONE[kind](held)
    if kind == "dict":
        return _now({restore(key, arrays): restore(entry, arrays, now) for key, entry in held}, now)
    if kind in _MANY:
        return _MANY[kind](restore(entry, arrays, now) for entry in held)
    if kind == "enum":
        return _class(held[0], lambda found: issubclass(found, Enum))[held[1]]
    if kind == "dataclass":
        values = _now({name: restore(value, arrays, now) for name, value in held[1].items()}, now)
        return _instance(_class(held[0], is_dataclass), values)
    raise ValueError(f"no such part of a skeleton: {kind!r}")


def _now(values: dict[Any, Any], now: Mapping[str, int] | None) -> dict[Any, Any]:
    return {**values, **{name: number for name, number in (now or {}).items() if type(values.get(name)) is int}}


_ONE: dict[str, Any] = {"date": date.fromisoformat, "datetime": datetime.fromisoformat}
_MANY: dict[str, Any] = {"tuple": tuple, "set": set, "frozenset": frozenset}


def _class(name: str, fits: Any) -> Any:
    module, _, path = name.partition(":")
    if module.partition(".")[0] != _PACKAGE:
        raise ValueError(f"{name} is not of {_PACKAGE}")
    found = reduce(getattr, path.split("."), importlib.import_module(module))
    if not (isinstance(found, type) and fits(found)):
        raise ValueError(f"{name} holds no data")
    return found


def _instance(kind: Any, values: Mapping[str, Any]) -> Any:
    if {field.name for field in fields(kind)} != set(values):
        raise ValueError(f"{kind.__qualname__} has other fields now")
    made = object.__new__(kind)
    for name, value in values.items():
        object.__setattr__(made, name, value)  # dataclasses of results are frozen
    return made


def dump(file: IO[bytes], value: Any) -> None:
    """Write a value.

    Raises
    ------
    NotKeptError
        If it holds what a file cannot.
    """
    taken = Skeleton()
    text = json.dumps(taken.of(value)).encode()
    arrays = {str(number): array for number, array in enumerate(taken.arrays)}
    np.savez(file, allow_pickle=False, **{_SKELETON: np.frombuffer(text, np.uint8)}, **arrays)


def load(file: IO[bytes], now: Mapping[str, int] | None = None) -> Any:
    """Read what ``dump`` wrote; a damaged or foreign file raises one error or another. ``now`` as in ``restore``."""
    with np.load(file, allow_pickle=False) as archive:
        arrays = [archive[str(number)] for number in range(len(archive.files) - 1)]
        return restore(json.loads(archive[_SKELETON].tobytes()), arrays, now)
