"""Features that look ahead: of events, of sessions, and the encoder that is fitted on what came before a cut-off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, encode, fit_encoder, moments, session_features, user_of_event
from cartpath.training.leak.futures import changed_after

Index = npt.NDArray[np.int64]


def feature_leaks(log: Log, until: int, ends: Index, seed: int = 0) -> list[str]:
    """Return the features that look ahead: of the encoder past a cut-off, of events and sessions past the ends.

    Parameters
    ----------
    log : Log
    until : int
        Cut-off of the encoder, microseconds since 1970.
    ends : int64 array (n_users,)
        Place after the last event of each user that may be known.
    seed : int
    """
    view = log.view
    cut = view.offsets[:-1] + np.bincount(user_of_event(view)[view.ts < until], minlength=view.n_users)
    encoder = fit_encoder(log, until)
    found = []
    if fit_encoder(changed_after(log, cut, seed, until), until).to_dict() != encoder.to_dict():
        found.append("fit_encoder")
    logs = (log, changed_after(log, ends, seed))
    ours, theirs = (encode(one, encoder) for one in logs)
    known = np.arange(view.n_events) < ends[user_of_event(view)]
    parts = {"events": (ours.events, theirs.events), "event_id": (ours.event_id, theirs.event_id)}
    parts |= {"item_id": (ours.item_id, theirs.item_id)}
    facts = [vars(moments(one.view)) for one in logs]
    parts |= {f"moments.{name}": (facts[0][name], facts[1][name]) for name in facts[0]}
    found += [name for name, (a, b) in parts.items() if not np.array_equal(a[known], b[known], equal_nan=True)]
    last = ends[ends > view.offsets[:-1]]
    sessions = view.session[last - 1].astype(np.int64)
    rows = [session_features(one, encoder, sessions, last) for one in (ours, theirs)]
    equal = ((rows[0].values == rows[1].values) | np.isnan(rows[0].values) & np.isnan(rows[1].values)).all(axis=0)
    return found + [f"session_features.{name}" for name, same in zip(rows[0].names, equal, strict=True) if not same]
