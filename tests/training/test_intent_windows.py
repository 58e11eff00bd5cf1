"""Windows that intent is learned from."""

import numpy as np
import pytest

from cartpath.features import encode, fit_encoder
from cartpath.tasks import IntentTask, TimeSplit, every_step
from cartpath.training.intent import training_windows
from tests.features.logs import make_log, random_table


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("length", [3, 6, 200])
@pytest.mark.parametrize("k", [1, 3])
def test_the_kth_step_is_asked_once_with_all_the_history_a_scorer_has(seed, length, k):
    log = make_log(random_table(seed, users=15, events=30))
    split = TimeSplit((2**60, 2**60 + 1, 2**60 + 2))
    encoded = encode(log, fit_encoder(log, 2**62))
    steps = every_step(log, split, "train", IntentTask(k=k))
    windows = training_windows(encoded, steps, length, k, min(2, k))
    place, view = encoded.moments.place, log.view
    times_asked = np.zeros(view.n_events, int)
    for window, (start, end, session) in enumerate(zip(windows.starts, windows.ends, windows.session, strict=True)):
        rows = np.arange(start, end)
        mine = steps.asked[rows] & (view.session[rows] == session)
        mine &= windows.asked(np.array([window]), (place[rows] == k)[None])[0]
        times_asked[rows[mine]] += 1
        for row in rows[mine & (place[rows] == k)]:
            first = max(view.offsets[view.sessions.user[session]], row + 1 - length)
            assert start <= first
    kth = np.flatnonzero(steps.asked & (place == k))
    assert len(kth)
    assert (times_asked[kth] == 1).all()
    assert times_asked.max() == 1
