"""``docs/features.md`` has every column of user features, with its unit and meaning, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from cartpath.features import PROFILE_COLUMNS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "features.md"
ROW = re.compile(r"^\| (`[a-z0-9_` ]+`) \| (.+) \| (.+) \|$", re.MULTILINE)


def test_the_page_has_the_columns_of_the_code() -> None:
    tables = PAGE.read_text(encoding="utf-8").partition("## What was done")[2]
    rows = [(re.findall(r"`(\w+)`", names), unit, about) for names, unit, about in ROW.findall(tables)]
    listed = [name for names, _, _ in rows for name in names]
    assert sorted(listed) == sorted(column.name for column in PROFILE_COLUMNS)
    units = {name: unit for names, unit, _ in rows for name in names}
    assert units == {column.name: column.unit for column in PROFILE_COLUMNS}
    known = {column.name: column.about for column in PROFILE_COLUMNS}
    single = {names[0]: about for names, _, about in rows if len(names) == 1}
    assert single == {name: known[name] for name in single}
    assert len(single) > 50
