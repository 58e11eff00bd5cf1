"""What ``doctor`` says about days, order, and what ingest dropped, held back or flagged."""

from __future__ import annotations

from typing import Any

from cartpath.ingest.doctor.finding import Finding, level_of
from cartpath.ingest.doctor.scan import Counts
from cartpath.ingest.doctor.volumes import Volumes


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


def of_order(counts: Counts, late: int, stored: int) -> list[Finding]:
    """Return ties in time, and events that came late."""
    ties = Finding(
        "ties",
        level_of(counts.ties_apart, counts.events, 0.2),
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
        level_of(late, stored, 0.3),
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
            level_of(duplicates, read, 0.05),
            f"{duplicates:,} of {read:,} events read were repeats, and dropped",
            duplicates,
            read,
            "events read",
            "They count once: exact repeats, and lines of an order that its source sent again. What differs in any"
            " column is kept.",
        ),
        Finding(
            "quarantine",
            level_of(held, read, 0.01),
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
            level_of(counts.near, counts.events, 0.02),
            f"{counts.near:,} of {counts.events:,} events repeat the one before within a second",
            counts.near,
            counts.events,
            "events",
            "Double clicks or double sending. They are kept and flagged: they count in volumes and as steps.",
        ),
        Finding(
            "blanked",
            level_of(counts.blanked, counts.events, 0.01),
            f"{counts.blanked:,} of {counts.events:,} events had a value that does not fit its column",
            counts.blanked,
            counts.events,
            "events",
            "The value is unknown, the event is kept; spend of such a line is missing.",
        ),
    ]
