"""The population stability index, and what a population is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
#: Quantile bins of numbers, and names that are told apart.
BINS, NAMES = 10, 24


def psi(expected: npt.ArrayLike, actual: npt.ArrayLike) -> float:
    r"""Return the population stability index of two histograms over the same bins.

    .. math:: \sum_i (a_i - e_i) \ln \frac{a_i}{e_i}, \qquad e_i = \frac{E_i + 1/2}{\sum_j (E_j + 1/2)}

    with ``a`` from the actual counts alike: the Kullback-Leibler divergence both ways, added (Jeffreys 1946; Lewis, "An
    introduction to credit scoring", 1992; Siddiqi, "Credit risk scorecards", 2006). The half is Jeffreys' prior, so
    that an empty bin is no infinity. By rule of thumb 0.1 is a small change and 0.25 a large one. Where nothing
    changed, it is about :math:`(B - 1)(1/\sum E_i + 1/\sum A_i)` (Yurdakul and Naranjo, "Statistical properties of
    the population stability index", 2020), so few counts say little.

    Parameters
    ----------
    expected, actual : array of counts (n_bins,)

    Examples
    --------
    >>> psi([10, 10], [30, 30])
    0.0
    >>> round(psi([9.5, 9.5], [4.5, 14.5]), 4)  # shares 1/2, 1/2 and 1/4, 3/4: ln(3) / 4
    0.2747
    """
    e, a = (np.asarray(counts, np.float64) + 0.5 for counts in (expected, actual))
    e, a = e / e.sum(), a / a.sum()
    return float(((a - e) * np.log(a / e)).sum())


@dataclass(frozen=True)
class Reference:
    """Bins of a feature or score, and how many values were in each.

    The last bin is for values that are missing. Numbers have the bins between ``edges``, ``(previous, edge]``; names
    have one each, and one for all others before the last.

    Attributes
    ----------
    counts : int64 array (n_bins,)
    edges : float64 array (n_bins - 2,), or None
    names : tuple of str (n_bins - 2,), or None

    Examples
    --------
    >>> prices = Reference.of_values([1.0, 2.0, 3.0, 4.0, float("nan")], bins=2)
    >>> prices.edges.tolist(), prices.counts.tolist()
    ([2.5], [2, 2, 1])
    >>> Reference.of_names({"web": 5, "app": 7, None: 1}).bin_names({"app": 2, "tv": 3}).tolist()
    [2, 0, 3, 0]
    """

    counts: Counts
    edges: npt.NDArray[np.float64] | None = None
    names: tuple[str, ...] | None = None

    @classmethod
    def of_values(cls, values: npt.ArrayLike, bins: int = BINS) -> Reference:
        """Cut numbers at their quantiles; where many are equal, there are fewer bins. NaN is missing."""
        given = np.asarray(values, np.float64)
        known = given[~np.isnan(given)]
        edges = np.unique(np.quantile(known, np.arange(1, bins) / bins)) if len(known) else np.zeros(0)
        empty = cls(np.zeros(len(edges) + 2, np.int64), edges=edges)
        return cls(empty.bin_values(given), edges=edges)

    @classmethod
    def of_names(cls, tally: Mapping[str | None, int], most: int = NAMES) -> Reference:
        """Keep the most frequent names, in the order of the alphabet where they are equally so; None is missing."""
        ranked = sorted((-n, name) for name, n in tally.items() if name is not None)
        names = tuple(name for _, name in ranked[:most])
        empty = cls(np.zeros(len(names) + 2, np.int64), names=names)
        return cls(empty.bin_names(tally), names=names)

    def bin_values(self, values: npt.ArrayLike) -> Counts:
        """Count numbers by bin (n_bins,)."""
        assert self.edges is not None
        given = np.asarray(values, np.float64)
        missing = np.isnan(given)
        found = np.bincount(np.searchsorted(self.edges, given[~missing], side="left"), minlength=len(self.edges) + 1)
        return np.append(found, missing.sum()).astype(np.int64)

    def bin_names(self, tally: Mapping[str | None, int]) -> Counts:
        """Count names by bin (n_bins,)."""
        assert self.names is not None
        places: dict[str | None, int] = {name: place for place, name in enumerate(self.names)}
        places[None] = len(self.names) + 1
        found = np.zeros(len(self.names) + 2, np.int64)
        for name, n in tally.items():
            found[places.get(name, len(self.names))] += n
        return found

    def bin(self, given: npt.ArrayLike | Mapping[str | None, int]) -> Counts:
        """Count numbers, or names, whichever this is of (n_bins,)."""
        return self.bin_names(given) if isinstance(given, Mapping) else self.bin_values(given)

    @classmethod
    def of(cls, given: npt.ArrayLike | Mapping[str | None, int]) -> Reference:
        """Return the reference of numbers, or of a tally of names."""
        return cls.of_names(given) if isinstance(given, Mapping) else cls.of_values(given)


def tally_of(codes: npt.NDArray[np.int32], texts: Iterable[str]) -> dict[str | None, int]:
    """Count the names behind dictionary codes; below 0 is missing.

    Examples
    --------
    >>> tally_of(np.array([1, 1, -1], np.int32), ["web", "app"])
    {None: 1, 'app': 2}
    """
    names = list(texts)
    found, counts = np.unique(codes, return_counts=True)
    return {None if code < 0 else names[code]: n for code, n in zip(found.tolist(), counts.tolist(), strict=True)}
