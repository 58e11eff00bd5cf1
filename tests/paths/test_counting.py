from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from cartpath.paths import Counting, wilson
from cartpath.paths.names import codes_of
from cartpath.schema import CartpathError


def test_a_date_is_its_midnight_in_utc() -> None:
    day = 86_400_000_000
    assert Counting.of("users", "1970-01-02", "1970-01-04") == Counting("users", day, 3 * day)
    assert Counting.of("users", date(1970, 1, 2), datetime(1970, 1, 4, tzinfo=UTC)) == Counting("users", day, 3 * day)


def test_the_period_is_said_in_words() -> None:
    assert Counting().words == "all events"
    words = Counting.of("users", "2016-08-01", "2016-09-01").words
    assert "2016-08-01T00:00:00Z until before 2016-09-01T00:00:00Z" in words
    assert "UTC" in words
    assert Counting.of("users", since="2016-08-01").to_dict() == {
        "since": "2016-08-01T00:00:00Z",
        "until": None,
        "period": "all events from 2016-08-01T00:00:00Z on (UTC)",
        "filter": None,
        "segment": None,
        "time_zone": "UTC",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": "visits"}, "cannot count 'visits'"),
        ({"since": "yesterday"}, "not a date"),
        ({"since": 5}, "not a date"),
        ({"since": "2016-08-02", "until": "2016-08-02"}, "the period is empty"),
    ],
)
def test_what_cannot_be_counted_is_a_clear_error(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(CartpathError, match=message):
        Counting.of(**arguments)


def test_a_name_never_seen_is_a_warning_with_a_suggestion() -> None:
    codes, warnings = codes_of(["view", "veiw", "veiw"], ["view", "buy"])
    assert codes == [0, -1, -1]
    assert warnings == ["no event 'veiw' was ever seen; did you mean 'view'?"]
    assert codes_of(["view"], [])[1] == ["no event 'view' was ever seen; the store has no events"]
    missed = codes_of(["mobil"], [], "device")[1]
    assert missed == ["no device 'mobil' was ever seen; no event has a value of device"]


def test_wilson_by_hand() -> None:
    z2 = 1.959963984540054**2
    assert wilson(0, 10) == pytest.approx((0.0, z2 / (10 + z2)))
    assert wilson(10, 10) == pytest.approx((10 / (10 + z2), 1.0))
    assert wilson(0, 0) is None
