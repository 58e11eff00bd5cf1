"""Dropping a person's rows from a Parquet file that lies beside the store, such as a quarantine."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cartpath.schema import CorruptStoreError
from cartpath.store.files import write_table

#: The column of a quarantine that holds the text of a row, in which an id may stand where no column was read.
RAW = "raw"
#: Ids looked for at a time in raw text.
_AT_ONCE = 50


def drop_rows(path: Path, user_column: str, ids: pa.StringArray) -> int:
    """Drop a person's rows from a Parquet file; also rows whose raw text has one of the ids standing by itself."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise CorruptStoreError(f"{path} is missing or damaged: {error}", "delete it, then run this again") from error
    mine = pa.array(np.zeros(len(table), np.bool_))
    if user_column in table.column_names:
        mine = pc.fill_null(pc.is_in(table[user_column], ids.cast(table[user_column].type)), False)
    if RAW in table.column_names:
        for at in range(0, len(ids), _AT_ONCE):
            found = pc.match_substring_regex(table[RAW], _alone(ids[at : at + _AT_ONCE].to_pylist()))
            mine = pc.or_(mine, pc.fill_null(found, False))
    others = table.filter(pc.invert(mine))
    if len(others) < len(table):
        write_table(path, others)
    return len(table) - len(others)


def _alone(ids: list[str]) -> str:
    """Return a pattern of ids that stand by themselves."""
    # A raw row may be CSV or JSON, where quotes and control characters in an id are written in other ways.
    written = {form for name in ids for form in (name, name.replace('"', '""'), json.dumps(name)[1:-1], _json(name))}
    return rf"(^|[^0-9A-Za-z_-])({'|'.join(re.escape(form) for form in sorted(written))})($|[^0-9A-Za-z_-])"


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
