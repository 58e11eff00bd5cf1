import numpy as np
import pytest

from cartpath.schema import CartpathError
from cartpath.tasks import TimeSplit, check_trained_before, time_split, time_split_of
from tests.features.logs import make_log, path_of, random_table


def test_each_slice_ends_where_the_next_begins():
    split = TimeSplit((10, 20, 30))
    at = np.array([9, 10, 19, 20, 29, 30])
    assert split.slice_of(at, at).tolist() == [0, 1, 1, 2, 2, 3]
    assert split.bounds("validation") == (20, 30)


def test_a_session_over_a_cut_is_in_no_slice():
    split = TimeSplit((10, 20, 30))
    assert split.slice_of(np.array([9, 10]), np.array([10, 40])).tolist() == [-1, -1]


def test_shares_of_events_come_before_the_cuts():
    log = make_log(path_of(list(range(100)), ["view"] * 100))
    split = time_split(log.view, (0.5, 0.75, 0.9))
    assert [(log.view.ts < cut).sum() for cut in split.cuts] == [50, 75, 90]


@pytest.mark.parametrize("seed", range(4))
def test_cuts_ascend(seed):
    split = time_split(make_log(random_table(seed)).view)
    assert list(split.cuts) == sorted(split.cuts)


def test_most_events_at_one_time_leave_something_to_learn_from():
    log = make_log(path_of([0.0] * 90 + [1.0] * 10, [f"e{n}" for n in range(100)]))
    split = time_split(log.view)
    assert (log.view.ts < split.train_until).sum() == 90


def test_what_cannot_be_split_is_refused():
    with pytest.raises(CartpathError, match="no events"):
        time_split(make_log(path_of([], [])).view)
    with pytest.raises(CartpathError, match="same time"):
        time_split(make_log(path_of([1, 1], ["view", "click"])).view)


@pytest.mark.parametrize("seed", range(4))
def test_times_in_pieces_are_cut_as_the_sorted_whole(seed):
    ts = make_log(random_table(seed, users=40)).view.ts
    ordered = np.sort(ts)
    expected = tuple(int(ordered[int(share * len(ts))]) for share in (0.7, 0.8, 0.9))
    pieces = np.array_split(ts, 7)
    assert time_split_of(lambda: iter(pieces)).cuts == expected


def test_a_given_first_cut_parts_what_is_left_in_three():
    times = np.arange(100)
    assert time_split_of(lambda: [times], until=70).cuts == (70, 80, 90)
    assert time_split_of(lambda: [times], until=97).cuts == (97, 98, 99)
    assert time_split_of(lambda: [times], until=99).cuts == (99, 99, 99)
    assert time_split_of(lambda: [times], until=200).cuts == (200, 200, 200)
    with pytest.raises(CartpathError, match="no event is before 1970-01-01") as told:
        time_split_of(lambda: [times], until=0)
    assert "later date" in told.value.hint


def test_a_model_that_saw_beyond_the_cut_is_refused():
    split = TimeSplit((10, 20, 30))
    for fine in (9, 10):
        check_trained_before(fine, split)
    with pytest.raises(CartpathError, match="saw events until") as told:
        check_trained_before(11, split)
    assert "cartpath pretrain SHOP --train-until 1970-01-01T00:00:00.000010Z" in told.value.hint
