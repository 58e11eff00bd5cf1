"""What ``doctor`` says about missing values."""

from __future__ import annotations

from collections.abc import Mapping

from cartpath.ingest.doctor.finding import Finding, level_of
from cartpath.ingest.doctor.scan import Counts
from cartpath.schema import CONTEXT, Columns, Event

#: Events that are about a product, where a shop records them so.
OF_PRODUCTS = (
    Event.click,
    Event.view,
    Event.wishlist,
    Event.add_to_cart,
    Event.remove_from_cart,
    Event.checkout,
    Event.purchase,
    Event.refund,
)
#: Column -> the events that should have it.
EXPECTED: dict[str, tuple[str, ...]] = {
    Columns.item_id: OF_PRODUCTS,
    Columns.price: OF_PRODUCTS,
    Columns.quantity: (Event.purchase,),
    Columns.order_id: (Event.purchase,),
    Columns.order_value: (Event.purchase,),
    Columns.page: (Event.page_view,),
    Columns.query: (Event.search,),
}


def of_missing(counts: Counts, by_type: Mapping[str, int], names: list[str]) -> list[Finding]:
    """Return the columns that lack values where their events should have them, and the context of sessions."""
    found = []
    for column, events in EXPECTED.items():
        here = [event for event in events if by_type.get(event)]
        of = sum(by_type[event] for event in here)
        per_event = {event: int(counts.missing[column][names.index(event)]) for event in here}
        n = sum(per_event.values())
        found.append(
            Finding(
                "missing",
                level_of(n, of, 0.05),
                f"{column}: missing on {n:,} of {of:,} {' and '.join(here) if len(here) == 1 else 'product'} events"
                if of
                else f"{column}: no event that should have it",
                n,
                of,
                "events",
                _MEANS[column],
                {"column": column, "by_event": per_event, "all_events": int(counts.missing[column].sum())},
            )
        )
    return [*found, *(_context(counts, name) for name in CONTEXT)]


_MEANS = {
    Columns.item_id: "Events without an item count in funnels, but not in item views, recommendations or training.",
    Columns.price: "Spend and price features take such events as unknown, not as free.",
    Columns.quantity: "A missing quantity counts as one where an order has no value of its own.",
    Columns.order_id: "Purchases without an order id are not in the number of orders.",
    Columns.order_value: "The revenue of such an order is the sum of price times quantity of its lines.",
    Columns.page: "Page views without a page are one place in flow and step views.",
    Columns.query: "Searches without a text say that somebody searched, not for what.",
}


def _context(counts: Counts, name: str) -> Finding:
    n = counts.context.get(name, counts.sessions)
    return Finding(
        "missing",
        "ok" if not n else "note",
        f"{name}: missing on {n:,} of {counts.sessions:,} sessions",
        n,
        counts.sessions,
        "sessions",
        "It can be no filter or breakdown, and no input of a model." if n == counts.sessions and n else
        "Such sessions are a group of their own, (unknown), in breakdowns and models.",
        {"column": name},
    )  # fmt: skip
