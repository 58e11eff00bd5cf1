"""Many tests at once: of many differences some are large by chance alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values after Holm's step-down correction.

    Notes
    -----
    S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, before = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        before = max(before, min(1.0, p_values[i] * (len(p_values) - rank)))
        adjusted[i] = before
    return adjusted


def false_discovery(p: Floats) -> Floats:
    """Return q-values: of all with a q-value up to some level, at most that share is expected to be by chance.

    Parameters
    ----------
    p : float64 array (n,)
        Of all that was tested; NaN was not.

    Notes
    -----
    Y. Benjamini and Y. Hochberg, Controlling the false discovery rate, JRSS B 57 (1995): valid where the tests are
    independent or depend on each other positively.

    Examples
    --------
    >>> false_discovery(np.array([0.01, 0.04, 0.03, 0.005])).round(4).tolist()
    [0.02, 0.04, 0.04, 0.02]
    """
    found = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    m = len(order)
    if m:
        scaled = p[order] * m / np.arange(1, m + 1)
        found[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return found
