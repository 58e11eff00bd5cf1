"""Which items a rule is about: conditions looked up in the catalogue, once, as arrays by item code."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cartpath.config.recommend import BoostSettings, conditions
from cartpath.paths.properties import holds_category
from cartpath.recommend.rules.columns import ItemColumn, ItemColumns
from cartpath.schema import CartpathError, Columns
from cartpath.schema.conditions import NONE, Condition

Mask = npt.NDArray[np.bool_]
_COMPARE = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}


def matched(columns: ItemColumns, where: str, texts: Sequence[str]) -> tuple[Mask, list[str]]:
    """Return for each text which items it is about.

    Parameters
    ----------
    columns : ItemColumns
    where : str
        Table and key, for errors and warnings.
    texts : sequence of str
        Each with conditions that must all hold.

    Returns
    -------
    tuple of bool array (n_texts, n_items + 1) and list of str
        By item code; the last is no item, of which nothing holds. The warnings name values that no item has.

    Raises
    ------
    CartpathError
        If a property is unknown or cannot be compared that way.
    """
    found = np.zeros((len(texts), columns.n_items + 1), np.bool_)
    warnings: list[str] = []
    for row, every in enumerate(conditions(where, tuple(texts))):
        found[row, :-1] = True
        for condition in every:
            try:
                mask, missed = _holds(columns.find(condition.name), condition, columns.n_items)
            except CartpathError as error:
                raise CartpathError(f"{where}: {error.message}", error.hint) from None
            found[row] &= mask
            warnings += [f"{where}: no item has {one}" for one in missed]
    return found, warnings


def words(text: str) -> str:
    """Return conditions as people say them.

    Examples
    --------
    >>> words("brand=Acme,price<50")
    'brand is Acme, price < 50'
    """
    return ", ".join(condition.words for every in conditions("", (text,)) for condition in every)


def boost_words(boost: BoostSettings) -> str:
    """Return what a boost says.

    Examples
    --------
    >>> boost_words(BoostSettings("brand=Acme", 1.5)), boost_words(BoostSettings("price<5", 0.5, "cheap"))
    ('boosted x1.5: brand is Acme', 'lowered x0.5: cheap')
    """
    verb = "boosted" if boost.factor >= 1 else "lowered"
    return f"{verb} x{boost.factor:g}: {boost.name or ' or '.join(map(words, boost.where))}"


def _holds(column: ItemColumn, condition: Condition, n_items: int) -> tuple[Mask, list[str]]:
    """Return whether a condition holds, by item code, and in words what no item has.

    Of an item with several values it holds where one of them is meant; ``!=`` where none is.
    """
    if condition.op in _COMPARE:
        labels, missed = _compared(column, condition), [] if len(column.labels) else [f"a {column.name}"]
    else:
        tables = {value: _equal(column, condition.op, value) for value in condition.values if value != NONE}
        labels = np.any([np.zeros(len(column.labels), np.bool_), *tables.values()], axis=0)
        missed = [f"{column.name} {value!r}" for value, table in tables.items() if not table.any()]
    found = np.zeros(n_items + 1, np.bool_)
    found[column.item[labels[column.code]]] = True
    if NONE in condition.values:
        without = np.ones(n_items, np.bool_)
        without[column.item] = False
        found[:-1] |= without
    if condition.op == "!=":
        found[:-1] = ~found[:-1]
    return found, missed


def _equal(column: ItemColumn, op: str, value: str) -> Mask:
    """Return which labels a value means (n_labels,)."""
    if op == "~":
        return np.array([value.casefold() in label.casefold() for label in column.labels], np.bool_)
    if column.name == Columns.category:
        return np.array([holds_category(label, value) for label in column.labels], np.bool_)
    same: Mask = np.array([label == value for label in column.labels], np.bool_)
    try:
        same |= column.numbers == float(value)
    except ValueError:
        return same
    return same


def _compared(column: ItemColumn, condition: Condition) -> Mask:
    if len(column.labels) and not np.isfinite(column.numbers).any():
        raise CartpathError(f"{column.name} is text, not a number", "compare it with = or !=, or ~ for contains")
    found: Mask = _COMPARE[condition.op](column.numbers, float(condition.values[0]))
    return found
