import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from cartpath import training  # noqa: E402
from cartpath.models import current_version, folder_of  # noqa: E402
from cartpath.training.card import read_card  # noqa: E402
from cartpath.training.checkpoint import CHECKPOINTS  # noqa: E402
from tests.features.logs import shop_table  # noqa: E402
from tests.training import killed, together  # noqa: E402
from tests.training.test_corpus import make_store  # noqa: E402
from tests.training.test_training import same, weights_of  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("together") / "s", shop_table(160))


@pytest.fixture
def small_pools(monkeypatch):
    monkeypatch.setattr(killed.corpus, "BLOCK", killed.BLOCK)
    monkeypatch.setattr(killed.sampler, "POOL", killed.POOL)


@pytest.fixture
def alone(store, tmp_path, small_pools):
    return trained(shutil.copytree(store, tmp_path / "alone"))


def trained(workspace, **options):
    return training.pretrain(workspace, **together.OPTIONS, **options), weights_of(workspace)


def assert_alike(ours, theirs):
    (card, weights), (other, others) = ours, theirs
    assert len(card["losses"]) == 2
    assert card["losses"] == pytest.approx(other["losses"], abs=1e-4)
    for mine, yours in zip(card["validation"], other["validation"], strict=True):
        assert mine["questions"] == yours["questions"] > 50
        assert mine["loss"] == pytest.approx(yours["loss"], abs=1e-4)
    for name, value in weights.items():
        torch.testing.assert_close(value, others[name], rtol=1e-3, atol=1e-3)


def test_a_batch_in_parts_is_the_same_batch(store, tmp_path, alone):
    workspace = shutil.copytree(store, tmp_path / "parts")
    assert_alike(trained(workspace, accumulate=3), alone)


def torchrun(workspace, *point):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    return subprocess.run(
        [*command, together.__file__, str(workspace), *point], env=environment, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def two(store, tmp_path_factory):
    """What two processes trained, and where."""
    workspace = shutil.copytree(store, tmp_path_factory.mktemp("two") / "s")
    done = torchrun(workspace)
    assert done.returncode == 0, done.stderr[-3000:]
    return read_card(current_version(workspace, "behaviour", "")), weights_of(workspace), workspace


def test_two_processes_are_as_one(two, alone):
    card, weights, workspace = two
    assert card["processes"] == 2
    assert_alike((card, weights), alone)
    # One version: the other process wrote nothing.
    assert len(list((workspace / "models" / "behaviour").glob("v-*"))) == 1


def test_two_processes_of_which_one_is_killed_go_on_to_the_same_weights(store, tmp_path, two):
    workspace = shutil.copytree(store, tmp_path / "s")
    assert torchrun(workspace, "in the first epoch").returncode
    assert list(folder_of(workspace, "behaviour").glob(f"{CHECKPOINTS}/checkpoint-*"))
    done = torchrun(workspace)
    assert done.returncode == 0, done.stderr[-3000:]
    card = read_card(current_version(workspace, "behaviour", ""))
    assert card["resumed"]
    # What is told of the loss is a sum over processes, rounded wherever a checkpoint was written.
    assert card["losses"] == pytest.approx(two[0]["losses"], rel=1e-6)
    assert same(weights_of(workspace), two[1])
