"""The session so far: how much of what there was, beside the rest of the path."""

from __future__ import annotations

from cartpath.features.moment.block import Block
from cartpath.features.moment.column import Column, Described
from cartpath.features.moment.ranges import ratio
from cartpath.schema import Event

#: Parts of pages that visits are counted of: the most frequent ones, by how many users were there.
_SECTIONS = 40
#: Of how many of the one there are how many of the other.
_RATIOS = (
    (Event.click, Event.page_view),
    (Event.view, Event.page_view),
    (Event.view, Event.click),
    (Event.add_to_cart, Event.view),
    (Event.remove_from_cart, Event.add_to_cart),
)


def counts(block: Block) -> Described:
    """Count events by type, in the session so far and elsewhere in the path so far."""
    session, path = block.session, block.path
    yield Column("events", "events", "events of the session so far"), session.n
    yield Column("steps", "steps", "steps of the session so far; the events of one hit are one step"), block.steps.n
    yield Column("events_before", "events", "events of the path so far outside the session"), path.n - session.n
    here = {}
    for name in block.kinds:
        marks = block.is_kind(name)
        here[name] = session.count(marks)
        yield Column(f"n_{name}", "events", f"{name} events of the session so far"), here[name]
        elsewhere = path.count(marks) - here[name]
        yield Column(f"before_{name}", "events", f"{name} events of the path so far outside the session"), elsewhere
    rest = session.n - sum(here.values())
    yield Column("n_other", "events", "events of the session so far of types that are not counted alone"), rest
    for part, whole in _RATIOS:
        if part in here and whole in here:
            name, about = f"{part}_per_{whole}", f"{part} events of the session so far a {whole} event"
            yield Column(name, "ratio", f"{about}; unknown without any"), ratio(here[part], here[whole])


def searches(block: Block) -> Described:
    """Count searches: events with a query, or said to be one."""
    marks = (block.encoded.log.view.query >= 0) | block.is_kind(Event.search)
    yield Column("searches", "events", "events of the session so far with a search"), block.session.count(marks)
    yield Column("searches_before", "events", "searches before the session began"), block.before.count(marks)


def sections(block: Block) -> Described:
    """Count visits of the parts of pages that most users of the training period visited; a checkout is among them."""
    if not block.has("section"):
        return
    ids = block.ids("section")
    for place, name in enumerate(block.encoder.vocabularies["section"].values[:_SECTIONS]):
        about = f"steps of the session so far on pages of {name or '/'}"
        yield Column(f"at_{name}", "steps", about), block.steps.count(ids == 2 + place)
