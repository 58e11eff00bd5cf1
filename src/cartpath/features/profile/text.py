"""What a user's items, queries and pages are about, as short vectors; see ``cartpath.features.text``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from cartpath.features.log import Log
from cartpath.features.profile.column import Column, Floats
from cartpath.features.profile.past import Past
from cartpath.features.text import Texts, said, summary
from cartpath.schema import CartpathError, iso


def columns(dims: Mapping[str, int]) -> list[Column]:
    """Return the columns of vectorisers, given the length of their vectors."""
    found = [one for name, n in dims.items() for one in said(name, n, "the user")]
    return [
        Column(one.name, one.unit, f"{one.about[0].upper()}{one.about[1:]}.", one.unit == "events") for one in found
    ]


def text(past: Past, log: Log, texts: Texts | None) -> Floats:
    """Sum up the vectors of each user's events before the moment (n_users, n_columns).

    Raises
    ------
    CartpathError
        If the vectorisers saw events at or after the moment.
    """
    if texts is None:
        return np.zeros((past.n_users, 0))
    if texts.until > past.at:
        raise CartpathError(
            f"text features were fitted on events until {iso(texts.until)}, after {iso(past.at)}",
            f"fit them on what came before: fit_texts(log, until={past.at}, ...)",
        )
    offsets = np.ascontiguousarray(past.view.offsets, np.int64)
    order = np.arange(past.view.n_events)
    vectors = texts.of_events(replace(log, view=past.view))
    return np.column_stack([summary(events, order, offsets[:-1], offsets[1:]) for events in vectors.values()])
