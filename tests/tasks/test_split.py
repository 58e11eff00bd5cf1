import numpy as np
import pytest

from cartpath.schema import CartpathError
from cartpath.tasks import TimeSplit, time_split
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
