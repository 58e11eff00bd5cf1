"""What a user did: visits, events, time spent, clicks for what was shown, and how long ago."""

from __future__ import annotations

import numpy as np

from cartpath.features.dwell import dwell
from cartpath.features.profile.column import Column, counted
from cartpath.features.profile.kernels import middle
from cartpath.features.profile.past import DAY, Floats, Ints, Past, ratio, tally
from cartpath.ingest.cleaning import Plan
from cartpath.schema import CANONICAL_EVENTS, Event

_OTHER = "other"
COLUMNS: tuple[Column, ...] = (
    counted("visits", "visits", "Sessions with an event."),
    counted("active_days", "days", "Different local days with an event."),
    counted("events", "events", "All events."),
    *(counted(f"n_{name}", "events", f"Events `{name}`.") for name in CANONICAL_EVENTS),
    counted(f"n_{_OTHER}", "events", "Events of a name that is not canonical."),
    Column("dwell_total", "seconds", "Time spent: of each session from its first event to its last, summed."),
    Column("dwell_mean", "seconds", "The mean over sessions, those of one event included."),
    Column("dwell_median", "seconds", "The median over sessions."),
    Column("click_through", "clicks per impression", "`n_click` over `n_impression`."),
    Column("views_per_impression", "views per impression", "`n_view` over `n_impression`."),
    Column("search_share", "share of events", "Events that are a `search` or carry a search's words."),
    Column("tenure", "days", "Since the first event, in days of 24 hours."),
    Column("days_since_visit", "days", "Since the last event."),
    Column("days_since_cart", "days", "Since the last `add_to_cart`."),
    Column("days_since_purchase", "days", "Since the last `purchase`."),
)


def activity(past: Past, plan: Plan | None = None) -> dict[str, Floats]:
    """Measure ``COLUMNS``, arrays (n_users,).

    Parameters
    ----------
    past : Past
    plan : Plan, optional
        Of cleaning; ``dwell`` clips or leaves out pauses by it.
    """
    view, every = past.view, np.ones(past.view.n_events, np.bool_)
    kinds = {f"n_{name}": past.count(past.is_(name)) for name in CANONICAL_EVENTS}
    events = past.count(every)
    first = view.offsets[:-1][events > 0]
    tenure = np.full(past.n_users, np.nan)
    tenure[events > 0] = (past.at - view.ts[first]) / DAY
    days, _, _ = tally(past.user, _days(past))
    return {
        "visits": np.diff(past.visits).astype(np.float64),
        "active_days": np.bincount(days, minlength=past.n_users).astype(np.float64),
        "events": events,
        **kinds,
        f"n_{_OTHER}": events - sum(kinds.values()),
        **_time_spent(past, plan),
        "click_through": ratio(kinds[f"n_{Event.click}"], kinds[f"n_{Event.impression}"]),
        "views_per_impression": ratio(kinds[f"n_{Event.view}"], kinds[f"n_{Event.impression}"]),
        "search_share": ratio(past.count(past.is_(Event.search) | (view.query >= 0)), events),
        "tenure": tenure,
        "days_since_visit": past.last(every),
        "days_since_cart": past.last(past.is_(Event.add_to_cart)),
        "days_since_purchase": past.last(past.is_(Event.purchase)),
    }


def _days(past: Past) -> Ints:
    """Return each event's local day, from 0 at the first of all."""
    days: Ints = past.local // DAY
    return days - days.min() if len(days) else days


def _time_spent(past: Past, plan: Plan | None) -> dict[str, Floats]:
    """Sum the pauses of each session, which are the time from its first event to its last where none is cut."""
    view = past.view
    seconds = np.nan_to_num(dwell(view, plan))
    of_session = np.bincount(view.session, seconds, minlength=len(view.sessions)).astype(np.float64)
    total = past.sum(view.sessions.user, of_session)
    return {
        "dwell_total": total,
        "dwell_mean": ratio(total, np.diff(past.visits).astype(np.float64)),
        "dwell_median": middle(past.visits, of_session),
    }
