"""Text of a Google Analytics export: the product behind a SKU, category paths, searches, extra properties."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.adapters.ga360_fields import PLACEHOLDERS, joined, map_unique, meaningful

#: Parameters of a page's address that hold what was searched for.
SEARCH_PARAMETERS = ("q", "query", "search", "keyword")
_ROOT = "home"


def item_of(name: str) -> str | None:
    """Return the id of the product with a name: its letters and digits in lower case, joined by dashes.

    The SKU cannot be the id: views carry the product's SKU, carts and purchases the variant's. See
    ``docs/adr/0005-ga360-item-id.md`` for what each rule was measured to find.

    Examples
    --------
    >>> item_of("Google Women's 22 oz. Bottle (Red &amp; Blue)")
    'google-womens-22-oz-bottle-red-blue'
    """
    if name.strip().lower() in PLACEHOLDERS:
        return None
    plain = re.sub(r"['’`]", "", html.unescape(name).casefold())
    return re.sub(r"[\W_]+", "-", plain).strip("-") or None


def item_ids(names: pa.Array, skus: pa.Array) -> pa.Array:
    """Return the id of each product row: from its name, or its SKU where it has no name."""
    return pc.coalesce(map_unique(names, item_of), meaningful(skus))


def category_path(text: str) -> str | None:
    """Return ``a > b > c`` from ``Home/a/b/c/``; null for placeholders and unfilled templates.

    Examples
    --------
    >>> category_path("Home/Apparel/Men's/"), category_path("${escCatTitle}")
    ("Apparel > Men's", None)
    """
    if text.strip().lower() in PLACEHOLDERS or "${" in text:
        return None
    parts = [part.strip() for part in html.unescape(text).split("/") if part.strip()]
    if len(parts) > 1 and parts[0].lower() == _ROOT:
        parts = parts[1:]
    return " > ".join(parts) or None


def search_of(path: str) -> str | None:
    """Return what was searched for, from a page's address.

    Examples
    --------
    >>> search_of("/asearch.html?q=water+bottle"), search_of("/home")
    ('water bottle', None)
    """
    if "?" not in path:
        return None
    try:
        found = parse_qs(urlsplit(path).query)
    except ValueError:
        return None
    return next((found[name][0] for name in SEARCH_PARAMETERS if name in found), None)


def searches(keywords: pa.Array, paths: pa.Array) -> pa.Array:
    """Return the site search of each hit: as recorded, else read from the page's address."""
    return pc.coalesce(meaningful(keywords), map_unique(paths, search_of))


def json_objects(columns: Mapping[str, pa.Array]) -> pa.Array:
    r"""Return one JSON object a row with the values that are not null; null where none is.

    Parameters
    ----------
    columns : mapping of str to pyarrow.Array
        Text is escaped, numbers are written as they are.

    Returns
    -------
    pyarrow.StringArray

    Examples
    --------
    >>> json_objects({"title": pa.array(['7" disc', None]), "step": pa.array([2, None])}).to_pylist()
    ['{"title": "7\\" disc", "step": 2}', None]
    """
    parts = [_members(name, values) for name, values in columns.items()]
    body = joined(parts, ", ")
    objects = pc.binary_join_element_wise("{", body, "}", "")
    return pc.if_else(pc.equal(body, ""), pa.scalar(None, pa.string()), objects)


def _members(name: str, values: pa.Array) -> pa.Array:
    number = pa.types.is_integer(values.type)

    def member(value: str) -> str:
        return f"{json.dumps(name)}: {value if number else json.dumps(value, ensure_ascii=False)}"

    return map_unique(values, member)
