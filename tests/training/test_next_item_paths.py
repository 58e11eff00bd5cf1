from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("torch")

from cartpath.features import encode, fit_encoder
from cartpath.tasks import asked, leave_one_out
from cartpath.training.next_item.networks import known_items
from cartpath.training.next_item.paths import PathBatches, known_log, next_items
from tests.features.logs import make_log, random_table


def encoded(seed=3, users=15):
    log = known_log(leave_one_out(make_log(random_table(seed, users=users))))
    return encode(log, fit_encoder(log, 2**62))


def asked_by_hand(data):
    """Walk each path: after the last event of a step, the first item asked for in the next step."""
    view, wanted, found = data.log.view, asked(data.log), {}
    for user in range(view.n_users):
        steps = []
        for at in range(view.offsets[user], view.offsets[user + 1]):
            if view.step[at] == 1 or not steps:
                steps.append([])
            steps[-1].append(at)
        for this, following in pairwise(steps):
            items = [at for at in following if wanted[at] and data.item_id[at] > 1]
            if items:
                found[this[-1]] = (data.item_id[items[0]], items[0])
    return found


@pytest.mark.parametrize("seed", range(4))
def test_questions_are_those_of_a_walk_along_each_path(seed):
    data = encoded(seed)
    found, expected = next_items(data), asked_by_hand(data)
    assert expected
    for at in range(data.log.view.n_events):
        assert (found.item[at], found.place[at]) == expected.get(at, (0, at))


def test_what_is_held_out_is_not_there():
    split = leave_one_out(make_log(random_table(3, users=15)))
    log = known_log(split)
    for user in range(log.view.n_users):
        there = log.view.item[log.view.offsets[user] : log.view.offsets[user + 1]]
        whole = split.log.view.item[split.log.view.offsets[user] : split.train_ends[user]]
        assert there.tolist() == whole.tolist()


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("window", [4, 1000])
def test_an_epoch_asks_every_question_once(parts, window):
    data = encoded()
    targets = next_items(data)
    batches = PathBatches(data, targets, window, 64, seed=1)
    told, counts = Counter(), 0.0
    for batch in range(batches.batches(2)):
        for part in range(parts):
            inputs = batches.part(2, batch, part, parts).inputs
            told.update(inputs["truth"][inputs["truth"] > 0].tolist())
            counts += float(inputs["count"])
    assert told == Counter(targets.item[targets.item > 0].tolist())
    assert counts == pytest.approx(sum(told.values()))


def test_batches_are_the_same_each_time_and_differ_by_epoch():
    data = encoded()
    made = [PathBatches(data, next_items(data), 8, 64, seed=1) for _ in range(2)]
    one, again, later = (
        batches.part(epoch, 0, 0, 1).inputs for batches, epoch in ((made[0], 0), (made[1], 0), (made[1], 1))
    )
    assert all((one[name] == again[name]).all() for name in one)
    assert one["ids"].shape != later["ids"].shape or (one["ids"] != later["ids"]).any()


def test_times_told_are_those_of_the_answers():
    data = encoded()
    targets = next_items(data)
    inputs = PathBatches(data, targets, 1000, 10**6, seed=0).part(0, 0, 0, 1).inputs
    at = inputs["truth"] > 0
    view, places = data.log.view, targets.item > 0
    gaps = (view.ts[targets.place[places]] - view.ts[places]) / 1e6
    assert sorted(inputs["gap"][at].tolist()) == sorted(gaps.tolist())
    assert sorted(inputs["when"][at].tolist()) == sorted((view.ts[targets.place[places]] // 1_000_000).tolist())


def test_negatives_are_not_on_the_path():
    data = encoded(users=4)
    n_items = data.item_id.max() + 1 + 500
    batches = PathBatches(data, next_items(data), 1000, 10**6, 0, negatives=int(n_items))
    inputs = batches.part(0, 0, 0, 1).inputs
    for row in range(len(inputs["ids"])):
        at = inputs["truth"][row] > 0
        starts = batches.starts[batches._batches(0)[0][row]]
        user = np.searchsorted(data.log.view.offsets, starts, side="right") - 1
        path = data.item_id[data.log.view.offsets[user] : data.log.view.offsets[user + 1]]
        drawn = inputs["negatives"][row][at].numpy()
        assert (drawn >= 2).all()
        assert not np.isin(drawn, path).any()


def test_events_that_were_named_are_what_is_learned():
    log = known_log(leave_one_out(make_log(random_table(3, users=15))))
    named = next(name for name in ("purchase", "add_to_cart", "view") if name in log.event_codes)
    known = known_items(log, events=(named,))
    places = known.targets.place[known.targets.item > 0]
    assert len(places)
    assert (log.view.event[places] == log.event_codes[named]).all()
