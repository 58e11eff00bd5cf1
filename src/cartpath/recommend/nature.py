"""What the lists of each method are like besides right."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from cartpath.evaluation import catalogue_coverage, concentration, diversity, novelty, popularity_lift
from cartpath.recommend.parts import Parts
from cartpath.recommend.parts.content import Content
from cartpath.tasks import NextItemRows

#: Lists whose diversity is worked out.
_MOST_LISTS = 1_000


def nature_of(
    task: str, lists: dict[str, npt.NDArray[np.int64]], rows: NextItemRows, parts: Parts
) -> list[dict[str, Any]]:
    """Return coverage, concentration, novelty, diversity and popularity of each method's lists.

    Parameters
    ----------
    task : str
    lists : dict of str to int64 array (n, k)
    rows : NextItemRows
    parts : Parts
        Shares of touches are those of ``popular``; likeness is that of the words of the catalogue.
    """
    counts = parts.models["popular"].weights.astype(np.float64)  # type: ignore[attr-defined]
    shares = counts / max(counts.sum(), 1)
    vectors, n_items = _vectors(parts), int(parts.shown.sum())
    found = []
    for name, items in lists.items():
        entry: dict[str, Any] = {
            "task": task,
            "model": name,
            "n": len(items),
            "coverage": catalogue_coverage(items, n_items),
            "concentration": concentration(items, len(parts.items)),
            "novelty_bits": _mean(novelty(items, shares)),
            "popularity_lift": _mean(popularity_lift(items, rows.truth.astype(np.int64), rows.truth_offsets, shares)),
            "diversity": None if vectors is None else _mean(diversity(items[:_MOST_LISTS], vectors)),
        }
        found.append(entry)
    return found


def _vectors(parts: Parts) -> sparse.csr_matrix | None:
    model = parts.models.get("content")
    if not isinstance(model, Content):
        return None
    words, n_words = model.vectors()
    return sparse.csr_matrix((words.weights, words.columns, words.offsets), shape=(len(parts.items), n_words))


def _mean(values: npt.NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
