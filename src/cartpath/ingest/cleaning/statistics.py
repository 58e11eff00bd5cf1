"""Statistics of values that come with a count: what the same statistic is of the values written out one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: The median deviation of a normal distribution, times this, is its standard deviation.
MAD_SCALE = 1.4826
#: The same of its mean deviation from the median; used where half of the values are equal and the MAD is 0.
MEAN_DEVIATION_SCALE = 1.2533
#: The distance between the quartiles of a normal distribution, in standard deviations.
IQR_OF_NORMAL = 1.349


def quantile(value: Floats, count: Ints, at: float) -> float:
    """Return a quantile, interpolated as NumPy does it.

    Parameters
    ----------
    value : float64 array (n,)
        In any order.
    count : int64 array (n,)
    at : float
        From 0 to 1.

    Examples
    --------
    >>> quantile(np.array([3.0, 1.0]), np.array([1, 3]), 0.5), float(np.quantile([1, 1, 1, 3], 0.5))
    (1.0, 1.0)
    """
    order = np.argsort(value, kind="stable")
    ordered, upto = value[order], np.cumsum(count[order])
    place = (upto[-1] - 1) * at
    low, high = np.searchsorted(upto, [np.floor(place), np.ceil(place)], side="right")
    return float(ordered[low] + (ordered[high] - ordered[low]) * (place - np.floor(place)))


def median(value: Floats, count: Ints) -> float:
    """Return the median; of an even number the mean of the middle two."""
    return quantile(value, count, 0.5)


def mean(value: Floats, count: Ints) -> float:
    """Return the mean."""
    return float((value * count).sum() / count.sum())


def deviation(value: Floats, count: Ints) -> float:
    """Return the standard deviation, of all there is rather than of a sample."""
    middle = mean(value, count)
    return float(np.sqrt((count * (value - middle) ** 2).sum() / count.sum()))


def robust_deviation(value: Floats, count: Ints) -> float:
    """Return the MAD times 1.4826, or where that is 0 the mean deviation from the median times 1.2533.

    Examples
    --------
    >>> robust_deviation(np.array([1.0, 2.0, 4.0]), np.array([1, 1, 1]))
    1.4826
    """
    away = np.abs(value - median(value, count))
    return MAD_SCALE * median(away, count) or MEAN_DEVIATION_SCALE * mean(away, count)


def spans(item: Ints) -> tuple[Ints, Ints]:
    """Return the distinct items of an ascending array, and where each begins (n_items + 1)."""
    first = np.flatnonzero(np.r_[True, item[1:] != item[:-1]]) if len(item) else np.zeros(0, np.int64)
    return item[first], np.r_[first, len(item)].astype(np.int64)


def order_statistics(value: Floats, count: Ints, begin: Ints, place: Ints) -> Floats:
    """Return from each group the value at a place, as if its values were written out in order.

    Parameters
    ----------
    value, count : arrays (n,)
        Ascending within each group.
    begin : int64 array (n_groups + 1,)
    place : int64 array (n_groups,)
        From 0.
    """
    upto = np.cumsum(count)
    before = np.r_[0, upto][begin[:-1]]
    found: Floats = value[np.searchsorted(upto, before + place, side="right")]
    return found


def group_medians(value: Floats, count: Ints, begin: Ints) -> Floats:
    """Return the median of each group; values ascend within a group."""
    sizes = group_sums(count, begin)
    low = order_statistics(value, count, begin, (sizes - 1) // 2)
    return (low + order_statistics(value, count, begin, sizes // 2)) / 2


def group_means(value: Floats, count: Ints, begin: Ints) -> Floats:
    """Return the mean of each group."""
    out: Floats = group_sums(value * count, begin) / group_sums(count, begin)
    return out


def group_sums(value: Array, begin: Ints) -> Array:
    """Return the sum of each group, none of which is empty."""
    sums: Array = np.add.reduceat(value, begin[:-1]) if len(begin) > 1 else value[:0]
    return sums
