"""Statistics of an event log by which a simulated log is held beside a real one."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.schema import MICROSECONDS, Columns, Event

FUNNEL = (Event.view, Event.add_to_cart, Event.checkout, Event.purchase)


@dataclass(frozen=True)
class LogStatistics:
    """Statistics of a log.

    Attributes
    ----------
    session_steps : dict
        Steps a session (events of one moment and type count once): mean, quantiles, share of sessions of one step.
    user_sessions : dict
        Sessions a user: mean, quantiles, share of users with one.
    funnel : dict of str to float
        Share of sessions that hold the event at all.
    events : dict of str to float
        Share of each type among the steps.
    popularity : dict
        Of viewed items: their number, Gini coefficient, share of views that fall on the top 1% and 10%.
    step_gap_seconds : dict
        Seconds between neighbouring steps of a session: mean, quantiles.
    visit_gap_days : dict
        Days from a session's start to the same user's next: mean, quantiles.
    orders : dict
        Number, lines an order, mean and median value.
    """

    n_events: int
    n_users: int
    n_sessions: int
    session_steps: dict[str, float] = field(default_factory=dict)
    user_sessions: dict[str, float] = field(default_factory=dict)
    funnel: dict[str, float] = field(default_factory=dict)
    events: dict[str, float] = field(default_factory=dict)
    popularity: dict[str, float] = field(default_factory=dict)
    step_gap_seconds: dict[str, float] = field(default_factory=dict)
    visit_gap_days: dict[str, float] = field(default_factory=dict)
    orders: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the statistics as JSON-ready values."""
        return asdict(self)


def gini(counts: npt.ArrayLike) -> float:
    """Return the Gini coefficient of non-negative counts: 0 all equal, near 1 all in one.

    Examples
    --------
    >>> gini([1, 1, 1, 1]), gini([0, 0, 0, 1])
    (0.0, 0.75)
    """
    values = np.sort(np.asarray(counts, np.float64))
    n, total = len(values), values.sum()
    if not total:
        return 0.0
    return float(2 * (np.arange(1, n + 1) * values).sum() / (n * total) - (n + 1) / n)


def log_statistics(table: pa.Table) -> LogStatistics:
    """Measure a log.

    Parameters
    ----------
    table : pyarrow.Table
        Canonical columns ``user_id``, ``session_id``, ``ts``, ``event``; ``item_id``, ``order_id`` and
        ``order_value`` where there are. Rows without user, session or time are left out; the order of rows is free.

    Returns
    -------
    LogStatistics

    Examples
    --------
    >>> import pyarrow as pa
    >>> times = pa.array([0, 5_000_000], pa.timestamp("us", tz="UTC"))
    >>> log = pa.table({"user_id": ["a", "a"], "session_id": ["s", "s"], "ts": times, "event": ["view", "purchase"]})
    >>> log_statistics(log).step_gap_seconds["median"]
    5.0
    """
    needed = (Columns.user_id, Columns.session_id, Columns.ts)
    for name in needed:
        table = table.filter(pc.is_valid(table[name]))
    user = _codes(table[Columns.user_id])
    session = _codes(pc.binary_join_element_wise(
        table[Columns.user_id].cast(pa.string()), table[Columns.session_id].cast(pa.string()), "\x1f"
    ))  # fmt: skip
    ts = table[Columns.ts].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
    event, names = _coded(table[Columns.event])
    order = np.lexsort((event, ts, session))
    s, t, e = session[order], ts[order], event[order]
    new_step = np.ones(len(order), bool)
    new_step[1:] = (np.diff(s) != 0) | (np.diff(t) != 0) | (np.diff(e) != 0)
    s, t, e, u = s[new_step], t[new_step], e[new_step], user[order][new_step]
    within = np.diff(s) == 0
    first = np.append(True, ~within) if len(s) else np.zeros(0, bool)
    return LogStatistics(
        n_events=len(table),
        n_users=len(np.unique(user)),
        n_sessions=int(first.sum()),
        session_steps=_spread(np.bincount(s) if len(s) else s, ones=True),
        user_sessions=_spread(np.bincount(u[first]) if len(s) else s, ones=True),
        funnel=_funnel(s, e, names, int(first.sum())),
        events={name: float(np.mean(e == code)) for code, name in enumerate(names) if (e == code).any()},
        popularity=_popularity(table),
        step_gap_seconds=_spread(np.diff(t)[within] / MICROSECONDS),
        visit_gap_days=_visit_gaps(u[first], t[first]),
        orders=_orders(table),
    )


def _coded(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], list[str]]:
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, [str(name) for name in encoded.dictionary.to_pylist()]


def _codes(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    return _coded(column)[0]


def _spread(values: npt.NDArray[Any], ones: bool = False) -> dict[str, float]:
    if not len(values):
        return {}
    q10, q50, q90, q99 = np.quantile(values, [0.1, 0.5, 0.9, 0.99])
    found = {"mean": values.mean(), "p10": q10, "median": q50, "p90": q90, "p99": q99, "max": values.max()}
    if ones:
        found["share_of_one"] = np.mean(values == 1)
    return {name: float(value) for name, value in found.items()}


def _funnel(session: npt.NDArray[np.int64], event: npt.NDArray[np.int64], names: list[str], n: int) -> dict[str, float]:
    codes = {name: code for code, name in enumerate(names)}
    return {name: len(np.unique(session[event == codes[name]])) / n if name in codes and n else 0.0 for name in FUNNEL}


def _popularity(table: pa.Table) -> dict[str, float]:
    if Columns.item_id not in table.column_names:
        return {}
    views = table.filter(pc.equal(table[Columns.event].cast(pa.string()), Event.view))
    items = pc.drop_null(views[Columns.item_id])
    if not len(items):
        return {}
    counts = np.sort(np.bincount(_codes(items)))[::-1]
    share = np.cumsum(counts) / counts.sum()
    return {
        "items": float(len(counts)),
        "gini": gini(counts),
        "top_1_percent": float(share[max(round(len(counts) * 0.01), 1) - 1]),
        "top_10_percent": float(share[max(round(len(counts) * 0.1), 1) - 1]),
    }


def _visit_gaps(user: npt.NDArray[np.int64], start: npt.NDArray[np.int64]) -> dict[str, float]:
    order = np.lexsort((start, user))
    same = np.diff(user[order]) == 0
    return _spread(np.diff(start[order])[same] / MICROSECONDS / 86400)


def _orders(table: pa.Table) -> dict[str, float]:
    if Columns.order_id not in table.column_names:
        return {}
    lines = table.filter(pc.equal(table[Columns.event].cast(pa.string()), Event.purchase))
    lines = lines.filter(pc.is_valid(lines[Columns.order_id]))
    if not len(lines):
        return {}
    grouped = lines.group_by(Columns.order_id).aggregate([([], "count_all"), (Columns.order_value, "max")])
    value = pc.drop_null(grouped[f"{Columns.order_value}_max"]).to_numpy()
    found = {"n": float(len(grouped)), "lines_per_order": len(lines) / len(grouped)}
    if len(value):
        found |= {"mean_value": float(value.mean()), "median_value": float(np.median(value))}
    return found
