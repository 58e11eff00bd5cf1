from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.schema import MICROSECONDS, CartpathError
from cartpath.tasks import Dates, TimeSplit, check_judged, check_trained_before, time_split, time_split_of
from tests.features.logs import make_log, path_of, random_table

DAY = 86_400 * MICROSECONDS


def moment(day, hour=0):
    return int(datetime(2024, 3, day, hour, tzinfo=UTC).timestamp()) * MICROSECONDS


def test_each_slice_ends_where_the_next_begins():
    split = TimeSplit((10, 20, 30))
    at = np.array([9, 10, 19, 20, 29, 30])
    assert split.slice_of(at, at).tolist() == [0, 1, 1, 2, 2, 3]
    assert split.bounds("calibration") == (20, 30)


def test_a_session_over_a_cut_is_in_no_slice():
    split = TimeSplit((10, 20, 30))
    assert split.slice_of(np.array([9, 10]), np.array([10, 40])).tolist() == [-1, -1]


def test_the_last_fifth_of_the_days_is_halved_at_midnights_of_the_shop():
    # 1 to 20 March in Berlin: the last fifth are the 17th to the 20th, its halves two days each.
    times = np.array([moment(1, 8), moment(20, 20)])
    split = time_split_of(lambda: [times], Dates(zone="Europe/Berlin"))
    assert split.cuts == (moment(16, 23), moment(18, 23), int(times[1]) + 1)


def test_summer_time_moves_no_midnight():
    times = np.array([moment(12, 8), moment(31, 20)])
    split = time_split_of(lambda: [times], Dates(zone="Europe/Berlin"))
    # The clock is put forward on the 31st at two.
    assert split.cuts[:2] == (moment(27, 23), moment(29, 23))


def test_fewer_than_ten_days_are_cut_by_time():
    assert time_split_of(lambda: [np.arange(100)]).cuts == (80, 90, 100)


@given(st.integers(0, 10_000))
def test_cuts_ascend_and_something_is_learned_from(seed):
    view = make_log(random_table(seed)).view
    split = time_split(view)
    assert list(split.cuts) == sorted(split.cuts)
    assert (view.ts < split.train_until).any()
    assert split.cuts[2] == view.ts.max() + 1


def test_without_a_date_test_has_only_what_comes_later():
    split = time_split_of(lambda: [np.arange(100)])
    assert split.latest(99) == "calibration"
    assert split.latest(100) == "test"


def test_what_cannot_be_split_is_refused():
    with pytest.raises(CartpathError, match="no events"):
        time_split(make_log(path_of([], [])).view)
    with pytest.raises(CartpathError, match="same time"):
        time_split(make_log(path_of([1, 1], ["view", "click"])).view)


def test_times_in_pieces_are_cut_as_the_whole():
    ts = make_log(random_table(1, users=40)).view.ts
    pieces = np.array_split(ts, 7)
    assert time_split_of(lambda: iter(pieces)) == time_split_of(lambda: [ts])


def test_given_dates_are_kept_and_the_rest_follows_from_them():
    times = np.arange(100)
    cuts = [
        time_split_of(lambda: [times], dates).cuts
        for dates in (
            Dates(train=40),
            Dates(train=40, valid=50),
            Dates(train=40, valid=50, calibrate=60),
            Dates(calibrate=50),
            Dates(valid=95),
            Dates(train=99),
            Dates(train=200),
        )
    ]
    assert cuts == [
        (40, 70, 100),
        (40, 50, 100),
        (40, 50, 60),
        (40, 45, 50),
        (80, 95, 100),
        (99, 99, 100),
        (200, 200, 200),
    ]


def test_a_given_first_cut_halves_the_days_that_are_left():
    times = np.array([moment(1), moment(20, 23)])
    assert time_split_of(lambda: [times], Dates(train=moment(11))).cuts[1] == moment(16)


def test_dates_must_leave_something_and_follow_each_other():
    times = np.arange(100)
    with pytest.raises(CartpathError, match="no event is before 1970-01-01") as told:
        time_split_of(lambda: [times], Dates(train=0))
    assert "later date" in told.value.hint
    with pytest.raises(CartpathError, match="must follow each other") as told:
        time_split_of(lambda: [times], Dates(train=40, valid=30))
    assert "--valid-until" in told.value.hint
    with pytest.raises(CartpathError, match="must follow each other"):
        time_split_of(lambda: [times], Dates(train=40, valid=50, calibrate=45))


def test_models_are_not_judged_on_what_chose_them():
    for name in (None, "test", "calibration"):
        check_judged(name)
    with pytest.raises(CartpathError, match="no slice 'validation' to judge on"):
        check_judged("validation")


def test_a_model_that_saw_beyond_the_cut_is_refused():
    split = TimeSplit((10, 20, 30))
    for fine in (9, 10):
        check_trained_before(fine, split)
    with pytest.raises(CartpathError, match="saw events until") as told:
        check_trained_before(11, split)
    assert "cartpath pretrain SHOP --train-until 1970-01-01T00:00:00.000010Z" in told.value.hint
