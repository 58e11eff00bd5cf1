"""The views that two segments can be compared on."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from cartpath.paths.comparison.evidence import Measure
from cartpath.paths.counting import Counting
from cartpath.schema import CartpathError
from cartpath.store import Snapshot

_VIEWS = (
    *("status", "funnel", "flow", "step-view", "variants", "attribution"),
    *("retention", "lifecycle", "repurchase", "time-to-purchase", "drivers"),
)
#: View -> the module that has its ``COMPARABLE``; imported when it is asked for.
_MODULES = {name: f"cartpath.paths.comparison.of_{name.replace('-', '_')}" for name in _VIEWS}


#: Options whose flag on the command line has another name than in Python; None: it has none there.
_FLAGS = {"back": "--return", "reset": "--no-reset", "top": None}


def flag(option: str) -> str:
    """Return how the command line calls an option of a view.

    Examples
    --------
    >>> flag("back"), flag("max_length")
    ('--return', '--max-length')
    """
    return _FLAGS.get(option, f"--{option.replace('_', '-')}") or option


def flags(how: Comparable) -> str:
    """Return the flags that a view takes beside those of the counting rule, as a hint says them."""
    return ", ".join(flag(name) for name in how.options if _FLAGS.get(name, name)) or "none of its own"


@dataclass(frozen=True)
class Found:
    """What a view has to compare.

    Attributes
    ----------
    measures : sequence of Measure
    beyond : int
        Measures that were not looked at: the least frequent.
    warnings : sequence of str
        Such as steps that were never seen.
    """

    measures: Sequence[Measure]
    beyond: int = 0
    warnings: Sequence[str] = ()


#: From a store, the rules of both groups and the view's options to what is compared.
Measures = Callable[[Snapshot, Counting, Counting, Mapping[str, Any]], Found]


@dataclass(frozen=True)
class Comparable:
    """How a view is compared.

    Attributes
    ----------
    measures : callable
        Returns the view's numbers for both groups, with the denominators that the view itself has.
    options : tuple of str
        Of the view, beside those of the counting rule.
    needs : tuple of str
        Options that it cannot do without.
    units : tuple of str
        What it can count; the first is the default.
    many : bool
        Whether there may be hundreds of measures: rare ones are then left out and the rest is sorted by evidence.
    """

    measures: Measures
    options: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    units: tuple[str, ...] = ("users",)
    many: bool = False


def names() -> tuple[str, ...]:
    """Return the names of the views that can be compared."""
    return tuple(_MODULES)


def find(view: str) -> Comparable:
    """Return how a view is compared.

    Raises
    ------
    CartpathError
        If there is no such view.

    Examples
    --------
    >>> find("flow").many
    True
    """
    if view not in _MODULES:
        near = difflib.get_close_matches(view, names(), n=1)
        tail = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names())}"
        raise CartpathError(f"no view {view!r} to compare on", tail)
    found: Comparable = import_module(_MODULES[view]).COMPARABLE
    return found


def check(view: str, how: Comparable, unit: str, options: Mapping[str, Any]) -> None:
    """Look at what is asked of a view.

    Raises
    ------
    CartpathError
        If it does not take an option, one that it needs is missing, or it cannot count that.
    """
    for name in options:
        if name not in how.options:
            raise CartpathError(f"{view} has no option {flag(name)}", f"options of {view}: {flags(how)}")
    for name in how.needs:
        if not options.get(name):
            raise CartpathError(f"{view} needs {flag(name)}", f"options of {view}: {flags(how)}")
    if unit not in how.units:
        raise CartpathError(
            f"{view} cannot be compared by {unit}", f"by one of: {', '.join(how.units)}; see docs/compare.md"
        )
