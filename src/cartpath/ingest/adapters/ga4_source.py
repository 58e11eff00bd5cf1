"""Where a session of a Google Analytics 4 export came from: the export says it in up to five places."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.adapters.ga360_fields import column, map_unique, meaningful
from cartpath.schema import Columns

_LAST_CLICK, _COLLECTED, _FIRST = "session_traffic_source_last_click", "collected_traffic_source", "traffic_source"
_NO_TEXT = pa.scalar(None, pa.string())
#: Parameters of addresses that say where a visit came from, not what the page is.
_TRACKING = frozenset(
    {"gclid", "gclsrc", "dclid", "gbraid", "wbraid", "srsltid", "fbclid", "msclkid", "ttclid", "_ga", "_gl"}
)


def traffic(table: pa.Table, params: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """Return channel, source, medium, campaign, keyword and ``is_direct`` of each row.

    Source, medium, campaign and keyword of a row come from one place, the first that has a source: the session's last
    click over all channels, its last click with tags, what was collected with the event, the event's parameters. The
    user's first source is taken only where the export is so old that it has neither of the two records.
    """
    places = [
        _fields(table, (_LAST_CLICK, "cross_channel_campaign"), "source", "medium", "campaign_name", ""),
        _fields(table, (_LAST_CLICK, "manual_campaign"), "source", "medium", "campaign_name", "term"),
        _fields(table, (_COLLECTED,), "manual_source", "manual_medium", "manual_campaign_name", "manual_term"),
        [params[name] for name in ("source", "medium", "campaign", "term")],
    ]
    if not {_LAST_CLICK, _COLLECTED} & set(table.column_names):
        places.append(_fields(table, (_FIRST,), "source", "medium", "name", ""))
    found = [pa.nulls(len(table), pa.string()) for _ in range(4)]
    for place in reversed(places):
        has = pc.is_valid(place[0])
        found = [pc.if_else(has, new, old) for new, old in zip(place, found, strict=True)]
    channel = column(table, _LAST_CLICK, "cross_channel_campaign", "default_channel_group")
    names = (Columns.source, Columns.medium, Columns.campaign, Columns.keyword)
    return {
        Columns.channel: meaningful(channel),
        **dict(zip(names, found, strict=True)),
        Columns.is_direct: pc.equal(found[0], "(direct)"),
    }


def _fields(table: pa.Table, record: tuple[str, ...], *names: str) -> list[pa.Array]:
    return [meaningful(column(table, *record, name)) if name else pa.nulls(len(table), pa.string()) for name in names]


def page_of(address: str) -> str | None:
    """Return path and query of an address, without what says where the visit came from.

    Examples
    --------
    >>> page_of("https://shop.example/mugs?colour=red&utm_source=mail&gclid=x#top"), page_of("https://shop.example")
    ('/mugs?colour=red', '/')
    """
    try:
        parts = urlsplit(address)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return address
    kept = [(name, value) for name, value in pairs if name not in _TRACKING and not name.startswith("utm_")]
    query = parts.query if len(kept) == len(pairs) else urlencode(kept)
    return (parts.path or "/") + (f"?{query}" if query else "")


def referrers(referrer: pa.Array, location: pa.Array) -> pa.Array:
    """Return the site and path that led to the shop; null where that was a page of the shop itself."""
    outside = pc.not_equal(map_unique(referrer, _host), pc.fill_null(map_unique(location, _host), ""))
    return pc.if_else(pc.fill_null(outside, False), map_unique(referrer, _without_query), _NO_TEXT)


def _host(address: str) -> str | None:
    try:
        return (urlsplit(address).hostname or "").removeprefix("www.") or None
    except ValueError:
        return None


def _without_query(address: str) -> str | None:
    parts = urlsplit(address)
    return f"{parts.hostname}{parts.path}"
