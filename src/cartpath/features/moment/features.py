"""Rows for a classic model: everything that is known of a session, its user and its surroundings at a moment."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from cartpath.features.encoder import EncodedLog, PathEncoder, encode
from cartpath.features.log import Log, join
from cartpath.features.moment.block import Block
from cartpath.features.moment.blocks import blocks
from cartpath.features.moment.column import Column, Described
from cartpath.features.moment.context import clock, context
from cartpath.features.moment.familiar import familiar, familiar_item
from cartpath.features.moment.habits import habits
from cartpath.features.moment.history import reached, recency, visits
from cartpath.features.moment.latest import landing, latest, latest_item
from cartpath.features.moment.orders import orders
from cartpath.features.moment.previous import previous
from cartpath.features.moment.rhythm import ago, held, pace
from cartpath.features.moment.so_far import counts, searches, sections
from cartpath.features.moment.text import text
from cartpath.features.moment.variety import item_views, variety
from cartpath.features.moment.windows import changes, windows
from cartpath.features.moment.worth import cart, cart_left, prices
from cartpath.features.table import FeatureTable
from cartpath.features.text import EventVectors, Texts
from cartpath.schema import item_schema

_GROUPS: tuple[Callable[[Block], Described], ...] = (
    *(counts, searches, sections, variety, item_views),
    *(pace, held, ago, prices, cart),
    *(latest, landing, latest_item, context, clock),
    *(visits, recency, reached, orders, previous, cart_left),
    *(familiar, familiar_item, windows, changes, habits, text),
)


def session_features(
    encoded: EncodedLog,
    encoder: PathEncoder,
    sessions: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    zone: str = "UTC",
    texts: Texts | None = None,
) -> FeatureTable:
    """Describe sessions at a moment by what has happened until then.

    The path is read in linear scans, a block of users at a time; a live path alone gives the same row to the bit.

    Parameters
    ----------
    encoded : EncodedLog
    encoder : PathEncoder
        The one it was encoded with. Columns depend on it alone.
    sessions : int64 array (n,)
        Row of each session.
    ends : int64 array (n,)
        Place in the path after the last event that may be known; the session's first event is among those.
    zone : str
        IANA zone of the shoppers: hours and weekdays are of its clocks.
    texts : Texts, optional
        Vectorisers whose columns are added: what the session so far is about.

    Returns
    -------
    FeatureTable (n rows)
        ``columns(encoder, texts)`` says what each column is.

    Raises
    ------
    CartpathError
        If a place is before its session's first event, or beyond its user's path.

    Examples
    --------
    >>> from cartpath.features import encode, fit_encoder, log_from_table
    >>> import pyarrow as pa
    >>> when = pa.array([0, 60, 90], pa.timestamp("s", tz="UTC"))
    >>> events = {"user_id": ["u"] * 3, "ts": when, "event": ["view", "add_to_cart", "view"]}
    >>> log = log_from_table(pa.table(events))
    >>> encoder = fit_encoder(log, until=2**62)
    >>> found = session_features(encode(log, encoder), encoder, np.array([0]), np.array([2]))
    >>> row = dict(zip(found.names, found.values[0].tolist()))
    >>> row["events"], row["n_add_to_cart"], row["since_start"]
    (2.0, 1.0, 60.0)
    """
    described: list[Column] = []
    values = np.zeros((len(ends), 0), np.float32)
    for rows, block in blocks(encoded, encoder, sessions, ends, zone, texts):
        described, found = _described(block)
        if not values.shape[1]:
            values = np.empty((len(ends), len(described)), np.float32)
        values[rows] = found
    described = described or columns(encoder, texts)
    categorical = [column.name for column in described if column.categorical]
    return FeatureTable([column.name for column in described], values.reshape(len(ends), len(described)), categorical)


def columns(encoder: PathEncoder, texts: Texts | None = None) -> list[Column]:
    """Return what the columns of ``session_features`` are, in their order.

    Examples
    --------
    >>> from cartpath.features import fit_encoder, log_from_table
    >>> import pyarrow as pa
    >>> when = pa.array([0, 60], pa.timestamp("s", tz="UTC"))
    >>> log = log_from_table(pa.table({"user_id": ["u"] * 2, "ts": when, "event": ["view"] * 2}))
    >>> columns(fit_encoder(log, until=2**62))[0]
    Column(name='events', unit='events', about='events of the session so far', timed=False)
    """
    nothing = Log(join([]), lambda name: [], item_schema().empty_table())
    none = np.zeros(0, np.int64)
    dims = texts.dims if texts is not None else {}
    vectors = {name: EventVectors(none, np.zeros((0, n))) for name, n in dims.items()}
    return _described(Block(encode(nothing, encoder), encoder, none, none, texts=vectors))[0]


def _described(block: Block) -> tuple[list[Column], npt.NDArray[np.float32]]:
    """Return all columns and their values (n, n_columns)."""
    timed = block.encoder.timed
    pairs = [pair for group in _GROUPS for pair in group(block) if timed or not pair[0].of_time]
    return [column for column, _ in pairs], np.stack([found for _, found in pairs], axis=1).astype(np.float32)
