"""Taobao: no header, five columns, seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from cartpath.schema import CartpathError
from tests.ingest.reading import read, write

ROWS = b"""1,2268318,2520377,pv,1511544070
1,2333346,2520771,fav,1511561733
1,2268318,2520377,cart,1511572885
100,2268318,2520377,buy,1511593493
"""


def test_the_four_behaviours(tmp_path: Path) -> None:
    done = read(write(tmp_path / "UserBehavior.csv", ROWS), "taobao")
    assert done.column("event") == ["view", "wishlist", "add_to_cart", "purchase"]
    assert done.column("user_id") == ["1", "1", "1", "100"]
    assert [str(ts) for ts in done.column("ts")][:1] == ["2017-11-24 17:21:10+00:00"]


def test_the_catalogue_has_the_category(tmp_path: Path) -> None:
    from cartpath.ingest import get
    from cartpath.ingest.options import resolve_options
    from cartpath.ingest.reading import FileJob

    job = FileJob(write(tmp_path / "a.csv", ROWS), get("taobao"), {}, resolve_options(get("taobao"), {}))
    job.open()
    items = [row for piece in job.pieces() if piece.items is not None for row in piece.items.to_pylist()]
    assert {row["item_id"]: row["category"] for row in items} == {"2268318": "2520377", "2333346": "2520771"}


def test_absurd_times_are_quarantined(tmp_path: Path) -> None:
    """The real file has some: before the shop existed, negative, and in the future."""
    rows = b"1,1,1,pv,37\n1,1,1,pv,-2134967032\n1,1,1,pv,4102444800\n1,1,1,pv,2017-11-25 09:00:00+99:00\n1,1,1,pv,\n"
    done = read(write(tmp_path / "a.csv", ROWS + rows), "taobao")
    assert done.reasons == {"time_before_1995": 2, "time_in_future": 1, "unreadable_time": 2}
    assert done.rows("time_before_1995") == [5, 6]
    assert done.read == 9


@pytest.mark.parametrize(
    "header", [b"user_id,item_id,category_id,behavior,timestamp\n", b"user,item,category,behaviour,time\n"]
)
def test_a_header_is_no_row(tmp_path: Path, header: bytes) -> None:
    done = read(write(tmp_path / "a.csv", header + ROWS), "taobao")
    assert (len(done.events), done.bad) == (4, [])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"1,2268318,pv,1511544070\n" * 3, r"has 4 columns and no header; expected 5: user_id, item_id, category_id"),
        (b"who,what,when\n1,pv,1511544070\n", r"no column for 'user_id'"),
    ],
)
def test_another_version_is_told(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(CartpathError, match=message):
        read(write(tmp_path / "a.csv", data), "taobao")


def test_a_file_that_is_cut(tmp_path: Path) -> None:
    import gzip

    (tmp_path / "a.csv.gz").write_bytes(
        gzip.compress(b"".join(b"%d,%d,7,pv,1511544070\n" % (i, i * 7919) for i in range(9999)))[:-9000]
    )
    done = read(tmp_path / "a.csv.gz", "taobao")
    assert done.truncated == ["the gzip stream ends early"]
    assert 0 < len(done.events) < 9999
    assert read(write(tmp_path / "b.csv", ROWS[:-25]), "taobao").reasons == {"wrong_number_of_fields": 1}
