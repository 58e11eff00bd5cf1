"""Whom is asked about, and what the answer was, held to a loop over events."""

import numpy as np
import pyarrow as pa
import pytest

from cartpath.recommend.evaluate import hits
from cartpath.recommend.questions import both, latest_item, live_rows, sampled
from cartpath.recommend.segments import segments_of
from cartpath.tasks import next_item_rows
from tests.features.logs import make_log, path_of, random_table, split_by_share


def possible(log, begin, end, user):
    """Places of a user after which another item follows within the slice, each with the items that do."""
    view, found = log.view, {}
    first, after = int(view.offsets[user]), int(view.offsets[user + 1])
    for place in range(first, after):
        if not begin <= view.ts[place] < end:
            continue
        last = next((int(view.item[p]) for p in range(place, first - 1, -1) if view.item[p] >= 0), -1)
        ahead = [int(view.item[p]) for p in range(place + 1, after) if begin <= view.ts[p] < end and view.item[p] >= 0]
        if any(item != last for item in ahead):
            found[place] = list(dict.fromkeys(item for item in ahead if item != last))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_live_questions_agree_with_a_loop(seed):
    log = make_log(random_table(seed, users=12))
    begin, end = split_by_share(log.view, (0.5, 0.7, 0.9)).bounds("validation")
    rows, told = live_rows(log, begin, end, seed), {}
    for user in range(log.view.n_users):
        if found := possible(log, begin, end, user):
            told[user] = found
    assert rows.user.tolist() == sorted(told)
    for row, user in enumerate(rows.user.tolist()):
        assert int(rows.ends[row]) - 1 in told[user]
        assert rows.of(row).tolist() == told[user][int(rows.ends[row]) - 1]


def test_places_are_drawn_evenly_and_by_seed():
    log = make_log(path_of(list(range(6)), ["view"] * 6, ["a", "b", "a", "c", "d", "e"]))
    drawn = [int(live_rows(log, -(2**62), 2**62, seed).ends[0]) for seed in range(200)]
    assert set(drawn) == {1, 2, 3, 4, 5}
    assert min(drawn.count(place) for place in range(1, 6)) > 20
    assert drawn == [int(live_rows(log, -(2**62), 2**62, seed).ends[0]) for seed in range(200)]


def test_the_latest_item_is_of_the_same_user():
    log = make_log(
        pa.concat_tables(
            [
                path_of([0, 1, 2], ["view", "page_view", "view"], ["a", None, "b"]),
                path_of([0, 1], ["page_view", "view"], [None, "c"], user="v"),
            ]
        )
    )
    texts = [None if code < 0 else log.codes("item")[code] for code in latest_item(log)]
    paths = {log.view.user_id[u].as_py(): texts[log.view.offsets[u] : log.view.offsets[u + 1]] for u in range(2)}
    assert paths == {"u": ["a", "a", "b"], "v": [None, "c"]}


@pytest.mark.parametrize("seed", range(5))
def test_hits_agree_with_a_loop(seed):
    log = make_log(random_table(seed, users=12))
    rows = next_item_rows(log, *split_by_share(log.view).bounds("test"))
    rng = np.random.default_rng(seed)
    lists = np.array([rng.permutation(9)[:4] for _ in range(len(rows))]).reshape(-1, 4)
    lists[0, 3] = -1
    expected = [[item in rows.of(n).tolist() for item in lists[n]] for n in range(len(rows))]
    assert hits(lists, rows).tolist() == expected


def test_rows_together_and_a_draw_of_whole_rows():
    log = make_log(random_table(5, users=40, events=60))
    begin, end = split_by_share(log.view).bounds("validation")
    one, other = next_item_rows(log, begin, end), live_rows(log, begin, end)
    whole = both(one, other)
    assert len(whole) == len(one) + len(other)
    assert whole.of(len(one) + 3).tolist() == other.of(3).tolist()
    some = sampled(one, 7, 0)
    assert len(some) == 7
    assert sampled(one, len(one), 0) is one
    by_user = {int(user): (int(one.ends[n]), one.of(n).tolist()) for n, user in enumerate(one.user)}
    for n, user in enumerate(some.user):
        assert by_user[int(user)] == (int(some.ends[n]), some.of(n).tolist())


def test_segments_are_of_the_session_of_the_answer():
    log = make_log(random_table(5, users=40, events=60))
    rows = next_item_rows(log, *split_by_share(log.view).bounds("test"))
    found = segments_of(log, rows)
    known = [int(end) > int(log.view.offsets[user]) for user, end in zip(rows.user, rows.ends, strict=True)]
    assert found["history"] == ["known" if each else "cold" for each in known]
    devices = log.view.sessions.context["device"][log.view.session[rows.ends]]
    assert found["device"] == ["(none)" if code < 0 else log.codes("device")[code] for code in devices]
