import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cartpath import store
from cartpath.features import earlier, read_log
from cartpath.training.corpus import Corpus, all_times
from cartpath.training.sampler import Sampler
from tests.features.logs import random_table, shop_table


def make_store(folder, *tables):
    store.init(folder)
    for table in tables:
        with store.writer(folder) as writer:
            writer.add(table)
            writer.commit(sources=[], quarantine={})
    return folder


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    # The second commit leaves buckets with a delta: they are merged when read.
    table = shop_table(300)
    return make_store(tmp_path_factory.mktemp("corpus") / "s", table.slice(0, 4000), table.slice(4000))


@pytest.fixture
def snapshot(workspace):
    with store.open_snapshot(workspace) as opened:
        yield opened


def middle(snapshot):
    return int(np.quantile(np.concatenate(list(all_times(snapshot))), 0.6))


@pytest.mark.parametrize("block", [1, 150, 10_000])
def test_blocks_hold_every_earlier_event_of_every_user_once(snapshot, block):
    until = middle(snapshot)
    corpus = Corpus(snapshot, until, block)
    whole = earlier(read_log(snapshot).view, until)
    expected = {user.user_id[0].as_py(): user.ts.tolist() for user in whole if user.n_events}
    logs = list(corpus.logs())
    found = [(user.user_id[0].as_py(), user.ts.tolist()) for log in logs for user in log.view if user.n_events]
    assert len(found) == len(expected)
    assert dict(found) == expected
    assert [part.events for part in corpus.blocks] == [log.view.n_events for log in logs]
    assert corpus.n_events == whole.n_events == sum(len(ts) for ts in corpus.times())
    for part, log in zip(corpus.blocks, logs, strict=True):
        np.testing.assert_array_equal(corpus.sizes([part]), np.diff(log.view.offsets))


def test_blocks_are_about_as_large_as_asked(snapshot):
    longest = max(user.n_events for user in read_log(snapshot).view)
    events = [part.events for part in Corpus(snapshot, 2**62, 60).blocks]
    assert max(events) < 60 + longest
    assert len(events) < sum(events) / 60 + 64


def taken(sampler, epoch):
    """The windows of an epoch, batch by batch, as times of their events."""
    for number in range(len(sampler.batches_of(epoch))):
        pool = sampler.pool(epoch, number)
        ts = sampler.corpus.log(pool.blocks).view.ts
        starts, ends = sampler.windows(pool.blocks)
        for rows in pool.batches:
            yield [ts[a:b].tolist() for a, b in zip(starts[rows], ends[rows], strict=True)]


@pytest.mark.parametrize("pool", [100, 1000, 10**6])
def test_an_epoch_takes_every_event_once(snapshot, pool):
    corpus = Corpus(snapshot, middle(snapshot), 150)
    sampler = Sampler(corpus, 8, 64, seed=1, pool=pool)
    batches = list(taken(sampler, 0))
    events = sorted(ts for batch in batches for window in batch for ts in window)
    assert events == sorted(ts for piece in corpus.times() for ts in piece.tolist())
    for batch in batches:
        longest = max(len(window) for window in batch)
        assert longest <= 8
        assert longest * len(batch) <= 64
    assert sum(sampler.batches_of(0)) == len(batches)
    padded = sum(len(b) * max(len(w) for w in b) - sum(len(w) for w in b) for b in batches)
    assert sum(sampler.pool(0, n).padded for n in range(len(sampler.batches_of(0)))) == padded


def test_the_same_place_is_the_same_batch_and_epochs_differ(snapshot):
    first, second = (Sampler(Corpus(snapshot, 2**62, 150), 8, 64, seed=1, pool=600) for _ in range(2))
    ours, theirs = list(taken(first, 0)), list(taken(second, 1))
    # One that begins at the second epoch, and one that has been through the first.
    assert theirs == list(taken(first, 1))
    assert sorted(map(str, ours)) != sorted(map(str, theirs))
    everywhere = list(first.places(1, 0))
    assert len(everywhere) == len(theirs)
    for batch in range(len(everywhere) + 1):
        assert list(second.places(1, batch)) == everywhere[batch:]


def test_later_events_change_neither_blocks_nor_digest(tmp_path):
    table = random_table(5, users=60)
    until = int(np.quantile(table["ts"].cast(pa.int64()).to_numpy(), 0.5))
    cut = table.filter(pc.less(table["ts"].cast(pa.int64()), until))
    found = []
    for name, kept in (("a", table), ("b", cut)):
        with store.open_snapshot(make_store(tmp_path / name, kept)) as opened:
            corpus = Corpus(opened, until, 40)
            found.append((corpus.digest(), [part.events for part in corpus.blocks]))
            assert Corpus(opened, until - 10**9, 40).digest() != found[-1][0]
    assert found[0] == found[1]


def test_nothing_before_the_moment_is_an_empty_corpus(snapshot):
    corpus = Corpus(snapshot, 0)
    assert (corpus.blocks, corpus.n_events) == ([], 0)
    assert [log.view.n_users for log in corpus.logs()] == [0]
