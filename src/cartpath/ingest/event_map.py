"""Names of events given as an option: ``addtocart:add_to_cart,buy:purchase``."""

from __future__ import annotations

from collections.abc import Mapping

from cartpath.schema import CartpathError


def event_map(text: str) -> dict[str, str]:
    r"""Read which event each name in the source means.

    A backslash stands before a comma, a colon or a backslash of a name.

    Raises
    ------
    CartpathError

    Examples
    --------
    >>> event_map("addtocart:add_to_cart, buy : purchase"), event_map(r"a\:b:view")
    ({'addtocart': 'add_to_cart', 'buy': 'purchase'}, {'a:b': 'view'})
    """
    found: dict[str, str] = {}
    for pair in _split(text, ",") if text.strip() else []:
        parts = [_plain(part.strip()) for part in _split(pair, ":")]
        if len(parts) != 2 or not all(parts):
            raise CartpathError(f"option events: cannot read {pair.strip()!r}", "write events=NAME:EVENT,NAME:EVENT")
        found[parts[0]] = parts[1]
    return found


def written(events: Mapping[str, str]) -> str:
    r"""Write such an option.

    Examples
    --------
    >>> written({"a:b": "view", "buy": "purchase"})
    'a\\:b:view,buy:purchase'
    """
    return ",".join(f"{_marked(name)}:{_marked(event)}" for name, event in events.items())


def _marked(name: str) -> str:
    return "".join(f"\\{letter}" if letter in ",:\\" else letter for letter in name)


def _plain(part: str) -> str:
    letters = iter(part)
    return "".join(next(letters, "") if letter == "\\" else letter for letter in letters)


def _split(text: str, sign: str) -> list[str]:
    parts, marked = [""], False
    for letter in text:
        if letter == sign and not marked:
            parts.append("")
            continue
        parts[-1] += letter
        marked = letter == "\\" and not marked
    return parts
