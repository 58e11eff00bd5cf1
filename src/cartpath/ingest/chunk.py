"""What a reader hands on: some rows as they stood in the file, and those that could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa


class Reason:
    """Why a row is in the quarantine; these names are stable."""

    missing_user = "missing_user"
    missing_event = "missing_event"
    unreadable_time = "unreadable_time"
    time_before_1995 = "time_before_1995"
    time_in_future = "time_in_future"
    negative_price = "negative_price"
    wrong_type = "wrong_type"
    wrong_number_of_fields = "wrong_number_of_fields"
    repeated_header = "repeated_header"
    unclosed_quote = "unclosed_quote"
    bad_encoding = "bad_encoding"
    nul_bytes = "nul_bytes"
    field_too_large = "field_too_large"
    malformed_json = "malformed_json"
    torn_row = "torn_row"
    forgotten_user = "forgotten_user"
    stock_adjustment = "stock_adjustment"
    not_goods = "not_goods"


@dataclass(frozen=True)
class Bad:
    """A row that could not be read.

    Attributes
    ----------
    row : int
        Where it starts: the line of a text file (the header is line 1), the row of a Parquet file, from 1.
    reason : str
        One of ``Reason``.
    raw : str
        Its text, cut.
    user_id : str, optional
        If it could be told.
    anonymous_id : str, optional
        The other id that the row has, if any.
    """

    row: int
    reason: str
    raw: str
    user_id: str | None = None
    anonymous_id: str | None = None


@dataclass
class Chunk:
    """Some consecutive rows of a file.

    Attributes
    ----------
    table : pyarrow.Table (n rows)
        Raw columns by their source names.
    rows : int64 array (n,)
        Row numbers, as in ``Bad.row``.
    bad : list of Bad
        Rows among them that could not be read.
    bytes_done : int
        How much of the file (as it lies on disk) is read so far.
    truncated : str, optional
        Why the file ended before its end.
    source_rows : int, optional
        Rows of the source this came from, where they are not those of ``table`` and ``bad``.
    items : pyarrow.Table, optional
        Catalogue rows, canonical item columns; need not be distinct.
    """

    table: pa.Table
    rows: npt.NDArray[np.int64]
    bad: list[Bad] = field(default_factory=list)
    bytes_done: int = 0
    truncated: str | None = None
    source_rows: int | None = None
    items: pa.Table | None = None
