"""Correction for many looks: of many differences some are large by chance alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cartpath.paths.multiple_testing import false_discovery, holm
from cartpath.schema import CartpathError

#: Name -> what is then bounded.
METHODS = {
    "auto": "holm up to 20 looks, bh beyond",
    "holm": "the chance that any difference is called significant though there is none",
    "bh": "the expected share of false ones among those called significant",
    "none": "nothing: each difference is judged as if it were the only one",
}
#: So many looks are few.
FEW = 20


def method_for(name: str, looks: int) -> str:
    """Return the correction to use.

    Raises
    ------
    CartpathError
        If it is unknown.

    Examples
    --------
    >>> method_for("auto", 5), method_for("auto", 500)
    ('holm', 'bh')
    """
    if name not in METHODS:
        raise CartpathError(f"no correction {name!r}", f"choose from: {', '.join(METHODS)}")
    if name == "auto":
        return "holm" if looks <= FEW else "bh"
    return name


def adjust(p: Sequence[float], method: str) -> npt.NDArray[np.float64]:
    """Adjust p values for each other; compare the result with the level itself.

    Parameters
    ----------
    p : sequence of float
    method : str
        ``"holm"``, ``"bh"`` or ``"none"``.

    Returns
    -------
    float64 array (n,)
        For ``bh`` these are q values.

    Notes
    -----
    S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).
    Y. Benjamini, Y. Hochberg, Controlling the false discovery rate, JRSS B 57 (1995).

    Examples
    --------
    >>> adjust([0.01, 0.04, 0.03, 0.005], "holm").round(3).tolist()
    [0.03, 0.06, 0.06, 0.02]
    >>> adjust([0.01, 0.04, 0.03, 0.005], "bh").round(3).tolist()
    [0.02, 0.04, 0.04, 0.02]
    """
    if method == "holm":
        return np.array(holm(p), np.float64)
    values = np.asarray(p, np.float64)
    return false_discovery(values) if method == "bh" else values
