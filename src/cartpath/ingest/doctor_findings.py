"""What ``doctor`` says about the counts: each finding with its denominator and what it means for later steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cartpath.ingest.doctor_scan import ENOUGH_PAUSES, FAST, LONG_SESSION, MANY_EVENTS, REGULAR, Counts
from cartpath.ingest.doctor_volumes import Volumes
from cartpath.schema import CANONICAL_EVENTS, CONTEXT, MICROSECONDS, Columns, Event

#: Worst first.
LEVELS = ("error", "warning", "note", "ok")
#: Events that are about a product, where a shop records them so.
_OF_PRODUCTS = (
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
_EXPECTED: dict[str, tuple[str, ...]] = {
    Columns.item_id: _OF_PRODUCTS,
    Columns.price: _OF_PRODUCTS,
    Columns.quantity: (Event.purchase,),
    Columns.order_id: (Event.purchase,),
    Columns.order_value: (Event.purchase,),
    Columns.page: (Event.page_view,),
    Columns.query: (Event.search,),
}
_SHOWN = 20


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    check : str
        Its stable name.
    level : {"ok", "note", "warning", "error"}
    title : str
        What was found, in a line.
    n, of : int
        How many, out of how many ``unit``.
    unit : str
    meaning : str
        What it means for later steps.
    detail : dict
        Further counts, as JSON has them.
    """

    check: str
    level: str
    title: str
    n: int
    of: int
    unit: str
    meaning: str
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def share(self) -> float | None:
        """``n / of``; None where there is nothing to be part of."""
        return self.n / self.of if self.of else None

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON has it."""
        return {**vars(self), "share": self.share}


def _level(n: int, of: int, warn_from: float) -> str:
    """``ok`` where there is none, ``warning`` from a share on, else ``note``."""
    if not n:
        return "ok"
    return "warning" if n >= warn_from * of else "note"


def of_volumes(volumes: Volumes) -> list[Finding]:
    """Return what the days show: gaps and spikes."""
    days = len(volumes.events)
    gaps = Finding(
        "gaps",
        "warning" if volumes.gaps else "ok",
        f"{len(volumes.gaps)} of {days} days have no events",
        len(volumes.gaps),
        days,
        "days",
        "A day without events is read as nobody coming. Rates per day, retention and the time split of models cross it;"
        " look for a file that was not ingested.",
        {"days": volumes.names(volumes.gaps)},
    )
    odd = sorted([*volumes.spikes, *volumes.dips])
    spikes = Finding(
        "spikes",
        "warning" if odd else "ok",
        f"{len(odd)} of {days} days have three times, or a third of, the events of the weeks around them",
        len(odd),
        days,
        "days",
        "A spike may be a campaign, a robot or a file in twice under other ids; take care when comparing periods of"
        " which one has such a day. Days at the ends are not judged low, as they may be cut.",
        {"spikes": volumes.names(volumes.spikes), "dips": volumes.names(volumes.dips)},
    )
    return [gaps, spikes]


def of_missing(counts: Counts, by_type: Mapping[str, int], names: list[str]) -> list[Finding]:
    """Return the columns that lack values where their events should have them, and the context of sessions."""
    found = []
    for column, events in _EXPECTED.items():
        here = [event for event in events if by_type.get(event)]
        of = sum(by_type[event] for event in here)
        per_event = {event: int(counts.missing[column][names.index(event)]) for event in here}
        n = sum(per_event.values())
        found.append(
            Finding(
                "missing",
                _level(n, of, 0.05),
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


def of_order(counts: Counts, late: int, stored: int) -> list[Finding]:
    """Return ties in time, and events that came late."""
    ties = Finding(
        "ties",
        _level(counts.ties_apart, counts.events, 0.2),
        f"{counts.ties:,} of {counts.events:,} events are at the time of their user's event before;"
        f" {counts.ties_apart:,} of them are another step",
        counts.ties,
        counts.events,
        "events",
        "Ties keep the order of the source. Within a step nothing depends on it; where steps tie, funnels and flow"
        " show the order in which the source wrote them.",
        {"between_steps": counts.ties_apart},
    )
    lateness = Finding(
        "late",
        _level(late, stored, 0.3),
        f"{late:,} of {stored:,} events were stored after a newer event of their user",
        late,
        stored,
        "events",
        "They are in their place in time. Numbers of a period can still change after it has ended, and a model trained"
        " before saw less. Files whose rows are not in time order count here too, and are harmless.",
    )
    return [ties, lateness]


def of_rows(commits: list[dict[str, Any]], counts: Counts) -> list[Finding]:
    """Return what ingest dropped, held back or flagged."""
    stored = sum(commit["stored"] for commit in commits)
    duplicates = sum(commit["duplicates"] for commit in commits)
    reasons: dict[str, int] = {}
    for commit in commits:
        for reason, n in commit["quarantine"].items():
            reasons[reason] = reasons.get(reason, 0) + n
    held = sum(reasons.values())
    read = stored + duplicates + held
    return [
        Finding(
            "duplicates",
            _level(duplicates, read, 0.05),
            f"{duplicates:,} of {read:,} events read were repeats, and dropped",
            duplicates,
            read,
            "events read",
            "They count once: exact repeats, and lines of an order that its source sent again. What differs in any"
            " column is kept.",
        ),
        Finding(
            "quarantine",
            _level(held, read, 0.01),
            f"{held:,} of {read:,} events read are in quarantine",
            held,
            read,
            "events read",
            "They are in no number. Each is in quarantine/ with its reason, file and row; mend the source and ingest it"
            " again.",
            {"reasons": dict(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])))},
        ),
        Finding(
            "near_duplicates",
            _level(counts.near, counts.events, 0.02),
            f"{counts.near:,} of {counts.events:,} events repeat the one before within a second",
            counts.near,
            counts.events,
            "events",
            "Double clicks or double sending. They are kept and flagged: they count in volumes and as steps.",
        ),
        Finding(
            "blanked",
            _level(counts.blanked, counts.events, 0.01),
            f"{counts.blanked:,} of {counts.events:,} events had a value that does not fit its column",
            counts.blanked,
            counts.events,
            "events",
            "The value is unknown, the event is kept; spend of such a line is missing.",
        ),
    ]


def of_behaviour(counts: Counts, totals_by_type: Mapping[str, int], gap_seconds: int) -> list[Finding]:
    """Return robots, long sessions, users of one event, and unknown events."""
    suspects = counts.suspects
    shown = np.argsort(-np.array(suspects.events, dtype=np.int64), kind="stable")[:_SHOWN]
    robots = Finding(
        "robots",
        _level(len(suspects.user_id), counts.users, 0.0),
        f"{len(suspects.user_id):,} of {counts.users:,} users behave like machines"
        f" ({sum(suspects.events):,} of {counts.events:,} events)",
        len(suspects.user_id),
        counts.users,
        "users",
        "They are kept and counted. They lower conversion, are the heaviest users of training data, and teach"
        " next-item models the order of the catalogue.",
        {
            "events": sum(suspects.events),
            "regular": counts.regular,
            "fast": counts.fast,
            "rule": f"at least {ENOUGH_PAUSES} pauses within sessions whose median deviation is at most {REGULAR:.0%}"
            f" of their median, or at least {FAST} steps within a minute",
            "largest": [
                {
                    "user_id": suspects.user_id[i],
                    "events": suspects.events[i],
                    "pause_seconds": _known(suspects.pause[i]),
                    "spread": _known(suspects.spread[i]),
                    "most_steps_a_minute": suspects.peak[i],
                }
                for i in shown
            ],
        },
    )
    return [robots, _sessions(counts, gap_seconds), _single(counts), _unknown(totals_by_type, counts.events)]


def _known(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None


def _sessions(counts: Counts, gap_seconds: int) -> Finding:
    hours = LONG_SESSION // MICROSECONDS // 3600
    return Finding(
        "long_sessions",
        _level(counts.long + counts.large, counts.sessions, 0.001),
        f"{counts.long:,} of {counts.sessions:,} sessions last {hours} hours or more,"
        f" {counts.large:,} have {MANY_EVENTS} events or more",
        counts.long + counts.large,
        counts.sessions,
        "sessions",
        "Such a session is one in every count by session; models see its newest events only. Robots, open tabs and ids"
        " that several people share make them.",
        {
            "long": counts.long,
            "large": counts.large,
            "longest_seconds": counts.longest / MICROSECONDS,
            "most_events": counts.largest,
            "by_inactivity": counts.derived,
            "with_a_pause_above_the_gap": counts.paused,
            "gap_seconds": gap_seconds,
        },
    )


def _single(counts: Counts) -> Finding:
    return Finding(
        "single_events",
        _level(counts.single, counts.users, 0.5),
        f"{counts.single:,} of {counts.users:,} users have one event",
        counts.single,
        counts.users,
        "users",
        "They count in every rate, and carry nothing a sequence model could learn to continue.",
    )


def _unknown(by_type: Mapping[str, int], events: int) -> Finding:
    unknown = {name: n for name, n in by_type.items() if name not in CANONICAL_EVENTS}
    n = sum(unknown.values())
    return Finding(
        "unknown_events",
        _level(n, events, 0.05),
        f"{n:,} of {events:,} events have names of the shop's own ({len(unknown)} names)",
        n,
        events,
        "events",
        "They are steps like any other and can be used in funnels by their name; no analysis gives them a meaning. A"
        " canonical event under another name has to be mapped in the adapter.",
        {"events": dict(sorted(unknown.items(), key=lambda pair: (-pair[1], pair[0]))[:_SHOWN])},
    )
