"""What the user may choose with ``--option``: the options of every adapter, and their values checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cartpath.ingest.adapter import Adapter, Option
from cartpath.ingest.event_map import event_map
from cartpath.schema import CartpathError

#: Options that every adapter has.
COMMON: dict[str, Option] = {
    "delimiter": Option("", "what separates the fields of CSV; told from the header if not given"),
    "anonymous": Option("", "column with the id of a visitor who is not logged in; see docs/identity.md"),
    "decimal": Option(".", "the decimal point of numbers written as text", (".", ",")),
    "time_zone": Option("", "of times without an offset, an IANA name; the adapter's if not given"),
    "time_format": Option("", "strptime format of times that are not ISO 8601"),
    "epoch": Option(
        "", "unit of times that are numbers; told from their size if not given", ("", "s", "ms", "us", "ns")
    ),
    "received": Option("", "column of when the server received the event, for [cleaning] clock_skew"),
    "events": Option("", "what names of events in the source mean: buy:purchase,cart:add_to_cart"),
}


def resolve_options(adapter: Adapter, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option with its value.

    Raises
    ------
    CartpathError
        If one is unknown or has a wrong value.

    Examples
    --------
    >>> from cartpath.ingest import get
    >>> resolve_options(get("sequences"), {"format": "pairs"})["format"]
    'pairs'
    """
    known = {**COMMON, **adapter.options}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise CartpathError(f"adapter {adapter.name} has no option {unknown[0]!r}", f"there are: {', '.join(known)}")
    values = {name: _value(name, given.get(name, option.default), option) for name, option in known.items()}
    if values["delimiter"] == "tab":
        values["delimiter"] = "\t"
    event_map(values["events"])
    if len(values["delimiter"]) > 1:
        raise CartpathError(f"the delimiter must be one character, not {values['delimiter']!r}", "or the word tab")
    return values


def _value(name: str, given: Any, option: Option) -> Any:
    """Read a value as the command line gives it, and check it."""
    kind = type(option.default)
    value = given
    if isinstance(given, str) and kind is not str:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        try:
            value = words[given.lower()] if kind is bool else kind(given)
        except (KeyError, ValueError):
            raise CartpathError(f"option {name} cannot be {given!r}", f"it is of type {kind.__name__}") from None
    if not isinstance(value, kind):
        raise CartpathError(f"option {name} must be of type {kind.__name__}")
    if option.choices and value not in option.choices:
        choices = ", ".join(repr(choice) for choice in option.choices)
        raise CartpathError(f"option {name} cannot be {value!r}", f"choose from {choices}")
    return value
