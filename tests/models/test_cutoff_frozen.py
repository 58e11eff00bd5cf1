import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath.models import Pretrained  # noqa: E402
from cartpath.models.cutoff.frozen import frozen_at, frozen_names, waiting  # noqa: E402
from cartpath.models.query import GAPS  # noqa: E402
from cartpath.tasks import RepeatTask, asked_users, repeat_at  # noqa: E402
from tests.tasks.buying import changed_from, cuts_at, lines_of, log_of_lines  # noqa: E402
from tests.training.at_cutoffs import base_of  # noqa: E402


def drawn(seed):
    return np.random.default_rng(seed).normal(0, 2, GAPS)


@pytest.mark.parametrize("silent", [0.0, 1.0, 3.0, 5000.0, 3e6])
def test_waiting_is_the_integral_over_the_buckets(silent):
    logits = drawn(4)
    chance = np.exp(logits[1:]) / np.exp(logits[1:]).sum()
    # A thousand points of log2 of the time in each bucket, each as likely.
    points = np.concatenate([low + (np.arange(1000) + 0.5) / 1000 for low in range(GAPS - 1)])
    weight = np.repeat(chance, 1000) / 1000
    beyond = weight * (points >= math.log2(max(silent, 1)))
    expected = [(weight * points).sum(), math.log(beyond.sum()), (beyond * points).sum() / beyond.sum()]
    found = waiting(torch.tensor(logits[None]), torch.tensor([silent]))[0]
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-3)


def test_a_silence_longer_than_any_wait_is_finite():
    assert waiting(torch.zeros(1, GAPS), torch.tensor([1e13])).isfinite().all()


def asked(lines, day, of):
    log = log_of_lines(lines)
    cuts = cuts_at([day - 2, day], 3)
    return log, asked_users(log, cuts) if of is None else repeat_at(log, cuts, RepeatTask("3d", of))


@pytest.mark.parametrize("of", [None, "item", "category"])
def test_nothing_from_the_cutoff_on_changes_a_bit_of_the_view(of, tmp_path):
    rng, day = np.random.default_rng(5), 10
    lines = lines_of(rng, users=12)
    log, rows = asked(lines, day, of)
    network = Pretrained.load(base_of(log, tmp_path / "base", int(cuts_at([day], 3).at[0])))
    ours = frozen_at(network, log, rows, of)
    assert ours.dtype == np.float32
    assert ours.shape == (len(rows), len(frozen_names(network, of)))
    other, their_rows = asked(changed_from(lines, day, rng), day, of)
    theirs = frozen_at(network, other, their_rows, of)
    assert other.view.n_events != log.view.n_events
    assert sorted(map(bytes, ours)) == sorted(map(bytes, theirs))


def test_it_says_how_late_a_user_is(tmp_path):
    log, rows = asked(lines_of(np.random.default_rng(6), users=12), 10, None)
    network = Pretrained.load(base_of(log, tmp_path / "base", int(rows.cutoff.max())))
    later = type(rows)(rows.user, rows.ends, rows.cutoff + 40 * 86_400 * 10**6, rows.slice)
    now, then = frozen_at(network, log, rows), frozen_at(network, log, later)
    assert (now[:, :-2] == then[:, :-2]).all()
    names = frozen_names(network)
    assert (then[:, names.index("still_silent")] < now[:, names.index("still_silent")]).all()
    assert (then[:, names.index("silence_left")] > now[:, names.index("silence_left")]).all()


def test_the_asked_score_is_that_of_the_item_head(tmp_path):
    log, rows = asked(lines_of(np.random.default_rng(7), users=12), 10, "item")
    network = Pretrained.load(base_of(log, tmp_path / "base", int(rows.cutoff.max())))
    found = frozen_at(network, log, rows, "item")[:, -1]
    model, known = network.model, network.encoder.items
    from cartpath.models.behaviour_next_item import query_time

    with torch.no_grad():
        hidden, when = network.hidden_at(log, rows.ends), query_time(rows.cutoff, log.view.ts[rows.ends - 1])
        scores = model.item_query(hidden, torch.ones(len(rows), dtype=torch.long), when) @ model.item_vectors().T
    places = [2 + list(known.values).index(log.codes("item")[what]) for what in rows.what]
    np.testing.assert_allclose(found, scores.numpy()[np.arange(len(rows)), places], rtol=1e-4, atol=1e-5)
