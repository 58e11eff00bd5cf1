"""How well a column's name says what it is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from cartpath.ingest.mapping.words import AFTER, CLEAR, VAGUE

SAME, CLEARLY, LONGER, VAGUELY = 1.0, 0.9, 0.7, 0.5
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN = re.compile(r"[\W_]+")
_AFTER = frozenset(AFTER.split())


def plain(name: str) -> str:
    """Return a name in lower case and without accents.

    Examples
    --------
    >>> plain("Stückpreis"), plain("Événement")
    ('stuckpreis', 'evenement')
    """
    apart = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def words_of(name: str) -> list[str]:
    """Split a name into words: by signs, spaces and capitals.

    Examples
    --------
    >>> words_of("CustomerID"), words_of("shop.order-No"), words_of("页面 URL")
    (['customer', 'id'], ['shop', 'order', 'no'], ['页面', 'url'])
    """
    parts = _BETWEEN.split(_CAMEL.sub(" ", name))
    return [plain(part) for part in parts if part]


@cache
def _known(canonical: str) -> tuple[frozenset[str], frozenset[str]]:
    clear, vague = (table.get(canonical, "").split() for table in (CLEAR, VAGUE))
    return frozenset(map(_joined, clear)), frozenset(map(_joined, vague))


def _joined(name: str) -> str:
    return "".join(words_of(name))


def name_score(canonical: str, name: str) -> float:
    """Say how well a name means a canonical column, from 0 to 1.

    1: it is its name; 0.9: a clear name; 0.7: one with words before it, or a unit after it; 0.5: a vague name; less:
    a vague one with more words.

    Examples
    --------
    >>> name_score("user_id", "user_id"), name_score("user_id", "CustomerID"), name_score("user_id", "shop_customer_id")
    (1.0, 0.9, 0.7)
    >>> name_score("ts", "created_at_utc"), name_score("ts", "Tag"), name_score("price", "user_price_rank")
    (0.7, 0.0, 0.0)
    """
    if name == canonical:
        return SAME
    words = words_of(name)
    clear, vague = _known(canonical)
    whole = "".join(words)
    if whole in clear or whole == _joined(canonical):
        return CLEARLY
    if whole in vague:
        return VAGUELY
    if any(part in clear for part in _cores(words)):
        return LONGER
    return 0.35 if any(part in vague for part in _cores(words)) else 0.0


def _cores(words: list[str]) -> Iterator[str]:
    """Yield the name without its first words, and without what comes after it."""
    ends = [len(words)]
    while ends[-1] > 1 and words[ends[-1] - 1] in _AFTER:
        ends.append(ends[-1] - 1)
    for end in ends:
        for begin in range(end):
            if (begin, end) != (0, len(words)):
                yield "".join(words[begin:end])
