import multiprocessing
import random
import time

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from cartpath import training  # noqa: E402
from cartpath.models import folder_of  # noqa: E402
from cartpath.training.checkpoint import CHECKPOINTS  # noqa: E402
from tests.features.logs import shop_table  # noqa: E402
from tests.training import killed  # noqa: E402
from tests.training.test_corpus import make_store  # noqa: E402
from tests.training.test_training import same, weights_of  # noqa: E402


@pytest.fixture(scope="module")
def starter():
    """Starts processes that have read the libraries already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.training.killed"])
    return context.Process


@pytest.fixture
def small_pools(monkeypatch):
    monkeypatch.setattr(killed.corpus, "BLOCK", killed.BLOCK)
    monkeypatch.setattr(killed.sampler, "POOL", killed.POOL)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("kills") / "s", shop_table(160))


@pytest.fixture(scope="module")
def uninterrupted(workspace):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(killed.corpus, "BLOCK", killed.BLOCK)
        patched.setattr(killed.sampler, "POOL", killed.POOL)
        card = training.pretrain(workspace, **killed.OPTIONS)
    assert card["epochs"] == 2
    return weights_of(workspace), card


def checkpoints(workspace):
    return sorted(folder_of(workspace, "behaviour").glob(f"{CHECKPOINTS}/checkpoint-*"))


def kept(card):
    """What must not depend on interruptions."""
    return {name: card[name] for name in ("losses", "validation", "epochs", "best_epoch", "padded_share", "data_hash")}


@pytest.mark.usefixtures("small_pools")
@pytest.mark.parametrize("point", killed.POINTS)
def test_a_killed_training_goes_on_to_the_same_weights(workspace, uninterrupted, starter, point):
    process = starter(target=killed.train, args=(str(workspace), point))
    process.start()
    process.join()
    assert process.exitcode == -9
    there = killed.POINTS[point][1]
    assert bool(checkpoints(workspace)) == there
    card = training.pretrain(workspace, **killed.OPTIONS)
    assert card["resumed"] == there
    assert same(weights_of(workspace), uninterrupted[0])
    assert kept(card) == kept(uninterrupted[1])
    assert not checkpoints(workspace)


@pytest.mark.slow
@pytest.mark.usefixtures("small_pools")
def test_a_training_killed_again_and_again_at_any_moment(workspace, uninterrupted, starter):
    rng = random.Random(0)
    for _ in range(12):
        process = starter(target=killed.train_on, args=(str(workspace),))
        process.start()
        time.sleep(rng.uniform(0.5, 2.5))
        process.kill()
        process.join()
    training.pretrain(workspace, **killed.OPTIONS)
    assert same(weights_of(workspace), uninterrupted[0])
