"""The Google Analytics contract once more, slowly: visits as Python objects, one loop a rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

ACTIONS = {
    "1": "click",
    "2": "view",
    "3": "add_to_cart",
    "4": "remove_from_cart",
    "5": "checkout",
    "6": "purchase",
    "7": "refund",
}


def events(visits: list[dict[str, Any]], impressions: bool = False) -> Iterator[dict[str, Any]]:
    for visit in visits:
        hits = visit.get("hits") or []
        for hit in hits:
            yield from _of_hit(visit, hits, hit, impressions)


def _of_hit(visit: dict[str, Any], hits: list[Any], hit: dict[str, Any], impressions: bool) -> Iterator[dict[str, Any]]:
    products = list(enumerate(hit.get("product") or [], 1))
    action = ACTIONS.get((hit.get("eCommerceAction") or {}).get("action_type") or "")
    acted = [(k, p) for k, p in products if action and not p.get("isImpression")]
    for k, product in acted or [(0, {})]:
        yield _event(visit, hits, hit, action or _other(hit), k, product)
    if impressions:
        for k, product in products:
            if product.get("isImpression"):
                yield _event(visit, hits, hit, "impression", k, product)


def _other(hit: dict[str, Any]) -> str:
    if hit.get("type") == "PAGE":
        return "page_view"
    if (hit.get("promotionActionInfo") or {}).get("promoIsClick"):
        return "promotion_click"
    info = hit.get("eventInfo") or {}
    parts = [info[name] for name in ("eventCategory", "eventAction") if info.get(name)]
    return "/".join(parts) or (hit.get("type") or "event").lower()


def _event(
    visit: dict[str, Any], hits: list[Any], hit: dict[str, Any], name: str, k: int, product: dict[str, Any]
) -> dict[str, Any]:
    session = f"{visit['fullVisitorId']}-{visit['visitId']}"
    order = (hit.get("transaction") or {}).get("transactionId") if name in ("purchase", "refund") else None
    quantity = _int(product.get("productQuantity"))
    price = _int(product.get("productPrice"))
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(visit["visitStartTime"]))
    return {
        "user_id": visit["fullVisitorId"],
        "session_id": session,
        "event_id": f"{session}-{hit['hitNumber']}-{k}",
        "event": name,
        "ts": start + timedelta(milliseconds=int(hit["time"])),
        "page": (hit.get("page") or {}).get("pagePath"),
        "item_id": _item(product.get("v2ProductName")),
        "price": None if price is None else price / 1e6,
        "quantity": quantity,
        "order_id": order,
        "order_value": _order_value(hits, hit, name),
        "_hit": int(hit["hitNumber"]),
        "_once": order if name == "purchase" else None,
    }


def _int(value: Any) -> int | None:
    return None if value is None else int(value)


def _item(name: str | None) -> str | None:
    if not name:
        return None
    plain = name.replace("&quot;", '"').replace("&amp;", "&").replace("&#39;", "'").lower().replace("'", "")
    return re.sub(r"[^\w]+|_+", "-", plain).strip("-")


def _order_value(hits: list[Any], hit: dict[str, Any], name: str) -> float | None:
    own = hit.get("transaction") or {}
    if name not in ("purchase", "refund"):
        return None
    if name == "refund" or own.get("transactionId") is None:
        revenue = _int(own.get("transactionRevenue"))
        return None if revenue is None else revenue / 1e6
    values = [
        int(other["transaction"]["transactionRevenue"])
        for other in hits
        if (other.get("eCommerceAction") or {}).get("action_type") == "6"
        and (other.get("transaction") or {}).get("transactionId") == own["transactionId"]
        and other["transaction"].get("transactionRevenue") is not None
    ]
    return max(values, default=0) / 1e6
