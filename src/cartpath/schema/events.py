"""The event vocabulary."""

from __future__ import annotations


class Event:
    """Canonical event names; any other name is kept as it is."""

    page_view = "page_view"
    impression = "impression"
    promotion_click = "promotion_click"
    search = "search"
    click = "click"
    view = "view"
    wishlist = "wishlist"
    add_to_cart = "add_to_cart"
    remove_from_cart = "remove_from_cart"
    checkout = "checkout"
    purchase = "purchase"
    refund = "refund"


#: In the order of the vocabulary: an event's place here is its rank.
CANONICAL_EVENTS: tuple[str, ...] = (
    Event.page_view,
    Event.impression,
    Event.promotion_click,
    Event.search,
    Event.click,
    Event.view,
    Event.wishlist,
    Event.add_to_cart,
    Event.remove_from_cart,
    Event.checkout,
    Event.purchase,
    Event.refund,
)
