"""What is asked about where buying again is: an item, a category, a brand, as rows of a network's table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, item_content
from cartpath.models.cutoff.scorer import Ints
from cartpath.models.pretrained import Pretrained
from cartpath.schema import Columns
from cartpath.tasks import RepeatRows, repeated


@dataclass(frozen=True)
class AskedAbout:
    """What rows ask about, in the words of a network.

    Attributes
    ----------
    ids : int64 array (n, n_ids)
        Rows of its table, whose sum is the vector of an item or a category; 0 is none.
    text : float32 array (n, n_text)
        Of items, where the network knows words; else without columns.
    """

    ids: Ints
    text: npt.NDArray[np.float32]


def asked_about(pretrained: Pretrained, log: Log, rows: RepeatRows, of: str) -> AskedAbout:
    """Return what rows ask about.

    An item is its identity, if it was trained on, and its content; a category or a brand is its own content id.

    Parameters
    ----------
    pretrained : Pretrained
    log : Log
    rows : RepeatRows
    of : str
        One of ``REPEATED``.
    """
    encoder, nothing = pretrained.encoder, np.zeros((len(rows), 0), np.float32)
    offsets = np.array([encoder.offsets[name] for name in encoder.content_fields], np.int64)
    code = _item_of(log, rows, of)
    content = item_content(log, encoder)[code].astype(np.int64)
    content = np.where(content > 0, content + offsets, 0)
    if of != "item":
        mine = [_is_of(name, of) for name in encoder.content_fields]
        # At least one column, also where the catalogue came after the network.
        return AskedAbout(np.column_stack([np.zeros(len(rows), np.int64), content[:, mine]]), nothing)
    item = pretrained.lookups(log).text["item"][code].astype(np.int64) + encoder.offsets["item"]
    text = nothing if pretrained.words is None else pretrained.texts(log)[code]
    return AskedAbout(np.column_stack([item, content]), text)


def _item_of(log: Log, rows: RepeatRows, of: str) -> Ints:
    """Return the code of an item that is what each row asks about, or is of it (n,)."""
    texts, place = repeated(log, of)
    first = np.full(len(texts) + 1, -1, np.int64)
    known = np.flatnonzero(place >= 0)[::-1]
    first[place[known]] = known
    return first[rows.what]


def _is_of(field: str, of: str) -> bool:
    return field.startswith(f"{Columns.category}_") if of == Columns.category else field == of
