import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cartpath.features import (
    chunks,
    encode,
    fit_encoder,
    gather,
    head,
    join,
    length_batches,
    shared_windows,
    window_starts,
)
from tests.features.logs import make_log, random_table


@given(st.lists(st.integers(0, 40), min_size=1, max_size=20), st.integers(1, 9))
def test_chunks_cover_each_path_once(sizes, length):
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    starts, ends = chunks(offsets, offsets[1:], length)
    assert np.concatenate([np.arange(a, b) for a, b in zip(starts, ends, strict=True)] or [[]]).tolist() == list(
        range(sum(sizes))
    )
    assert (ends - starts <= length).all()


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(1, 100), st.booleans())
def test_batches_hold_every_window_once_and_not_too_many(lengths, tokens, shuffled):
    lengths = np.array(lengths, np.int64)
    rng = np.random.default_rng(0) if shuffled else None
    groups = list(length_batches(lengths, tokens, rng))
    assert sorted(np.concatenate(groups).tolist() if groups else []) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or len(group) * lengths[group].max() <= tokens


def test_a_window_holds_the_events_before_its_end_and_no_others():
    log = make_log(random_table(5, users=6))
    encoded = encode(log, fit_encoder(log, 2**62))
    ends = log.view.offsets[1:]
    starts = window_starts(log.view.offsets, np.arange(log.view.n_users), ends, 4)
    batch = gather(encoded, starts, ends)
    n_events = encoded.events.shape[1]
    for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
        there = batch.rows[row] >= 0
        assert batch.rows[row][there].tolist() == list(range(start, end))
        assert batch.last[row] == end - start - 1
        np.testing.assert_array_equal(batch.ids[row, there, :n_events], encoded.events[start:end])
        assert (batch.ids[row, ~there] == 0).all()
        session = log.view.session[start:end]
        known = log.view.ts[start:end] >= log.view.sessions.context_ts[session]
        context = np.where(known[:, None], encoded.sessions[session], 0)
        np.testing.assert_array_equal(batch.ids[row, there, n_events:], context)


def test_joined_views_are_the_whole():
    view = make_log(random_table(6, users=9)).view
    whole = join([view, head(view, 4)])
    assert whole.n_users == view.n_users + 4
    for place in range(4):
        ours, theirs = whole.user(view.n_users + place), view.user(place)
        assert ours.user_id.equals(theirs.user_id)
        for name in ("ts", "event", "item", "session"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
        np.testing.assert_array_equal(ours.sessions.context["device"], theirs.sessions.context["device"])


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.integers(2, 11), st.randoms())
def test_a_place_is_answered_with_the_same_history_whatever_else_is_asked(sizes, length, random):
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    ends = np.array([place + 1 for place in range(offsets[-1]) if random.random() < 0.5], np.int64)
    found = shared_windows(offsets, ends, length)
    for end, window in zip(ends, found.window, strict=True):
        start = found.starts[window]
        alone = shared_windows(offsets, np.array([end]), length)
        assert (alone.starts.tolist(), alone.ends.tolist()) == ([start], [end])
        begin = offsets[np.searchsorted(offsets, end - 1, side="right") - 1]
        assert begin <= start < end <= found.ends[window] <= start + length
        assert start == begin or end - start > length // 2
    assert set(found.ends) <= set(ends)
