"""What the session's items, queries and pages are about, as short vectors; see ``cartpath.features.text``."""

from __future__ import annotations

from cartpath.features.moment.block import Block
from cartpath.features.moment.column import Column, Described
from cartpath.features.text import cosines, said, summary


def text(block: Block) -> Described:
    """Sum up the vectors of the session so far, and compare them with what the user came to before."""
    for name, events in block.texts.items():
        session, before = block.session, block.before
        dims = events.vectors.shape[1]
        found = summary(events, session.order, session.begin, session.stop)
        for place, column in enumerate(said(name, dims, "the session so far")):
            yield Column(column.name, column.unit, column.about), found[:, place]
        earlier = summary(events, before.order, before.begin, before.stop)
        about = f"cosine between {name}_1 to {name}_{dims} and the same of the path before the session; unknown without"
        yield Column(f"{name}_to_before", "cosine", about), cosines(found[:, :dims], earlier[:, :dims])
