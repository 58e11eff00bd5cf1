"""Who is asked what, and the tables of what they took."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))

import measure
import peers

#: Contender -> what the tables call it, and the questions it can answer.
ALL = ("funnel", "flow", "variants", "steps")
CONTENDERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "cartpath": ("Cartpath, store on disk", ("funnel", "reach", "flow", "variants", "steps")),
    "duckdb:windows": ("DuckDB", ALL),
    "duckdb:order": ("DuckDB, relying on the order of rows", ALL),
    "polars:over": ("Polars", ALL),
    "polars:order": ("Polars, relying on the order of rows", ALL),
    "duckdb:raw": ("DuckDB, the log as it came", ALL),
    "polars:raw": ("Polars, the log as it came", ALL),
    "pandas": ("pandas, relying on the order of rows", ALL),
    "retentioneering": ("Retentioneering 5", ("reach", "flow", "variants", "steps")),
    "retentioneering:raw": ("Retentioneering 5, the log as it came", ("reach", "flow", "variants", "steps")),
    "pm4py": ("pm4py", ("flow", "variants")),
}
TITLES = {
    "funnel": "Funnel: view > add_to_cart > purchase within 7 days, users",
    "reach": "Funnel without a window, users",
    "flow": "Flow: what directly follows what within a session, with sessions, users and median gap",
    "variants": "Variants: the 20 most frequent paths of sessions, repeats collapsed",
    "steps": "Step view: what sessions do as their first to fifth step, and who has left",
}
Runs = dict[tuple[str, str], list[measure.Measured]]


def report(runs: Runs, folder: Path, pythons: dict[str, Path], ingest: float | None) -> str:
    """Return a table for each question, and one from the file to the answer."""
    from cartpath import store

    with store.open_snapshot(folder / "shop") as snapshot:
        totals = snapshot.totals
    said = _differences(runs)
    equal = "All counts are equal." if not said else "All counts are equal but for what stands here:"
    parts = [f"{totals.events:,} events of {totals.users:,} users in {totals.sessions:,} sessions. {equal}", *said]
    head = ["", "ms, median", "ms, best", "CPU ms, median", "CPU, times ours", "peak MB"]
    for question, title in TITLES.items():
        found = {name: runs[asked, name] for asked, name in runs if asked == question}
        if found:
            ours = _cpu(found["cartpath"]) if "cartpath" in found else None
            parts += [f"**{title}.**", measure.table(head, [_row(name, done, ours) for name, done in found.items()])]
    parts += ["**From the file to the first answer, seconds.**", _from_file(runs, ingest)]
    parts += ["**From the file to the first answer, CPU seconds, and how many times ours.**", _from_file_cpu(runs)]
    apart = {name.partition(":")[0]: python for name, python in pythons.items()}
    installed = [peers.version_of(name, python) for name, python in apart.items() if name in peers.PACKAGES]
    also = [f"In environments of their own: {', '.join(installed)}."] if installed else []
    return "\n\n".join([*parts, measure.machine(("duckdb", "polars", "pandas", "numba", "pyarrow")), *also])


def _differences(runs: Runs) -> list[str]:
    found = {key: done[0].said.get("differs") for key, done in runs.items()}
    return [f"{CONTENDERS[name][0]}, {question}: {words}." for (question, name), words in found.items() if words]


def _cpu(found: list[measure.Measured]) -> float:
    return median(s * 1000 for run in found for s in run.said["cpu"][1:])


def _row(name: str, found: list[measure.Measured], ours: float | None) -> list[str]:
    wall = [s * 1000 for run in found for s in run.said["wall"][1:]]
    return [
        CONTENDERS[name][0],
        f"{median(wall):,.0f}",
        f"{min(wall):,.0f}",
        f"{_cpu(found):,.0f}",
        f"{_cpu(found) / ours:.1f}" if ours else "",
        f"{max(run.said['peak_mb'] for run in found):,.0f}",
    ]


def _from_file_cpu(runs: Runs) -> str:
    """The same in CPU seconds of all threads: other work on the machine lengthens them less."""
    questions = [question for question in TITLES if any(asked == question for asked, _ in runs)]
    first = {key: median(run.said["first_cpu"] for run in found) for key, found in runs.items()}

    def cell(question: str, name: str) -> str:
        if (question, name) not in first:
            return ""
        ours = first.get((question, "cartpath"))
        times = f" ({first[question, name] / ours:.1f})" if ours and name != "cartpath" else ""
        return f"{first[question, name]:.1f}{times}"

    names = [name for name in CONTENDERS if any(name == other for _, other in runs)]
    return measure.table(
        ["", *questions], [[CONTENDERS[name][0], *(cell(q, name) for q in questions)] for name in names]
    )


def _from_file(runs: Runs, ingest: float | None) -> str:
    """A process from its start to its first answer: importing, loading, asking once."""
    questions = [question for question in TITLES if any(asked == question for asked, _ in runs)]
    names = [name for name in CONTENDERS if any(name == other for _, other in runs)]
    first = {
        key: median(run.said["import"] + run.said["load"] + run.said["wall"][0] for run in found)
        for key, found in runs.items()
    }
    rows = [
        [CONTENDERS[name][0], *(f"{first[q, name]:.1f}" if (q, name) in first else "" for q in questions)]
        for name in names
    ]
    if ingest and "cartpath" in names:
        rows.insert(
            1,
            [f"Cartpath, with {ingest:.1f} s of ingest", *(f"{first[q, 'cartpath'] + ingest:.1f}" for q in questions)],
        )
    return measure.table(["", *questions], rows)
