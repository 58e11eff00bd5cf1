"""What those did who reached a step and not the next: the step that came right after, or the end of the path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.paths.funnel.chains import Chains
from cartpath.paths.funnel.tables import Ints
from cartpath.schema import OTHER
from cartpath.store.jit import kernel

END = "(end)"


@dataclass(frozen=True)
class NextCounts:
    """Units by the depth at which they stopped and by the event that came next.

    Attributes
    ----------
    cell : int64 array (n,)
        ``(depth - 1) * (n_codes + 1) + code + 1``, ascending; the code of the end is -1.
    n : int64 array (n,)
    """

    cell: Ints
    n: Ints


def next_counts(
    chains: Chains, step: npt.NDArray[np.uint8], event: npt.NDArray[np.int32], n_steps: int, n_codes: int
) -> NextCounts:
    """Count what came next in a bucket; ``step`` and ``event`` have one value an element of the paths."""
    counts = _next_counts(chains.paths.offsets, step, event, chains.depth, chains.last, n_steps, n_codes + 1)
    cell = np.flatnonzero(counts)
    return NextCounts(cell, counts[cell])


@kernel
def _next_counts(
    offsets: Ints,
    step: npt.NDArray[np.uint8],
    event: npt.NDArray[np.int32],
    depth: Ints,
    last: Ints,
    n_steps: int,
    width: int,
) -> Ints:
    counts = np.zeros(n_steps * width, np.int64)
    path = 0  # units are in the order of their paths
    for unit in range(len(depth)):
        if depth[unit] == 0 or depth[unit] == n_steps:
            continue
        while offsets[path + 1] <= last[unit]:
            path += 1
        i, end = last[unit] + 1, offsets[path + 1]
        while i < end and step[i] == 0:
            i += 1
        code = event[i] if i < end else -1
        counts[(depth[unit] - 1) * width + code + 1] += 1
    return counts


def merge_next(parts: Sequence[NextCounts]) -> NextCounts:
    """Add the counts of buckets."""
    cell, place = np.unique(np.concatenate([np.empty(0, np.int64), *(p.cell for p in parts)]), return_inverse=True)
    total = np.zeros(len(cell), np.int64)
    np.add.at(total, place, np.concatenate([np.empty(0, np.int64), *(p.n for p in parts)]))
    return NextCounts(cell, total)


def instead_rows(counts: NextCounts, names: Sequence[str], steps: Sequence[str], top: int) -> list[dict[str, Any]]:
    """Return one record a step but the last: its number, its ``event``, ``n`` who stopped there, and ``next``.

    ``next`` has the most frequent ``top`` of what came next and ``(other)`` for the rest, each with ``n`` and its
    ``share`` of those who stopped.
    """
    depth, code = np.divmod(counts.cell, len(names) + 1)
    found = []
    for k, step in enumerate(steps[:-1]):
        here = depth == k
        pairs = [(names[c - 1] if c else END, int(n)) for c, n in zip(code[here], counts.n[here], strict=True)]
        found.append({"step": k + 1, "event": step, "n": sum(n for _, n in pairs), "next": _top(pairs, top)})
    return found


def _top(pairs: list[tuple[str, int]], top: int) -> list[dict[str, Any]]:
    total = sum(n for _, n in pairs)
    ranked = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
    rows = [{"event": name, "n": n, "share": n / total} for name, n in ranked[:top]]
    rest = ranked[top:]
    if rest:
        n = sum(n for _, n in rest)
        rows.append({"event": OTHER, "n": n, "share": n / total, "events": len(rest)})
    return rows
