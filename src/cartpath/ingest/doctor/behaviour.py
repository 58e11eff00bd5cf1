"""What ``doctor`` says about robots, sessions, users of one event, and names of events."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cartpath.ingest.doctor.finding import Finding, level_of
from cartpath.ingest.doctor.kernels import ENOUGH_PAUSES
from cartpath.ingest.doctor.scan import FAST, LONG_SESSION, MANY_EVENTS, REGULAR, Counts
from cartpath.schema import CANONICAL_EVENTS, MICROSECONDS

#: Users and names that are listed at most.
_SHOWN = 20


def of_behaviour(counts: Counts, totals_by_type: Mapping[str, int], gap_seconds: int) -> list[Finding]:
    """Return robots, long sessions, users of one event, and unknown events."""
    suspects = counts.suspects
    shown = np.argsort(-np.array(suspects.events, dtype=np.int64), kind="stable")[:_SHOWN]
    robots = Finding(
        "robots",
        level_of(len(suspects.user_id), counts.users, 0.0),
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
        level_of(counts.long + counts.large, counts.sessions, 0.001),
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
        level_of(counts.single, counts.users, 0.5),
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
        level_of(n, events, 0.05),
        f"{n:,} of {events:,} events have names of the shop's own ({len(unknown)} names)",
        n,
        events,
        "events",
        "They are steps like any other and can be used in funnels by their name; no analysis gives them a meaning. A"
        " canonical event under another name has to be mapped in the adapter.",
        {"events": dict(sorted(unknown.items(), key=lambda pair: (-pair[1], pair[0]))[:_SHOWN])},
    )
