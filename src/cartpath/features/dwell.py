"""How long an event held its user: the time until the next event of the session."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.config.cleaning import DWELL
from cartpath.ingest.cleaning import Plan
from cartpath.ingest.cleaning.kernels import dwell_seconds
from cartpath.store import FLAG_OUTLIER_DWELL, PathView

Floats = npt.NDArray[np.float64]


def dwell(view: PathView, plan: Plan | None = None) -> Floats:
    """Return the seconds until the next event of the session (n_events,).

    It is known once that event has happened: a model that predicts at an event may use the dwell of earlier ones only.

    Parameters
    ----------
    view : PathView
    plan : Plan, optional
        With ``[cleaning.outliers.dwell]`` on, values out of bounds are clipped or made unknown as it says. The path
        table holds times and no dwell, so this is where that rule acts.

    Returns
    -------
    float64 array (n_events,)
        NaN at the last event of a session.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> import pyarrow as pa
    >>> from cartpath.store import view_from_table
    >>> when = [datetime(2024, 1, 1, 5, minute, tzinfo=UTC) for minute in (0, 2, 55)]
    >>> view, _ = view_from_table(pa.table({"user_id": ["u"] * 3, "ts": when, "event": ["view"] * 3}))
    >>> dwell(view).tolist()
    [120.0, nan, nan]
    """
    seconds = dwell_seconds(view.ts, view.session, np.ones(view.n_events, np.bool_), len(view.sessions))
    rule = plan.settings.outliers.dwell if plan is not None else None
    bounds = plan.bounds.get(DWELL) if plan is not None else None
    if rule is None or bounds is None:
        return seconds
    if rule.action == "blank":
        return np.where((view.flags & FLAG_OUTLIER_DWELL) != 0, np.nan, seconds)
    return bounds.clipped(view.item, seconds) if rule.action == "clip" else seconds
