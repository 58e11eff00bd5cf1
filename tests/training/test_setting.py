"""Settings: read from texts, refused with what is known, and set where a network has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cartpath.schema import CartpathError
from cartpath.training.setting import Setting, pairs, read_settings

RANK = Setting("rank", int, 1, 64)
SHARE = Setting("share", float, 0.0, 0.9)
NORMS = Setting("norms", bool, 0, 1)
WIDTH = Setting("width", int, 1, 512, tried=(32, 64), choice=True)
KNOWN = {"rank": RANK, "share": SHARE, "norms": NORMS, "width": WIDTH}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("rank", "8", 8),
        ("rank", 8.0, 8),
        ("share", "0", 0.0),
        ("share", ".9", 0.9),
        ("norms", "False", False),
        ("norms", True, True),
        ("width", "64", 64),
    ],
)
def test_values_and_their_texts(name: str, value: Any, expected: Any) -> None:
    found = read_settings("model", KNOWN, {name: value})[name]
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("rank", "8.5", "a whole number from 1 to 64, not 8.5"),
        ("rank", 65, "from 1 to 64"),
        ("rank", None, "not None"),
        ("share", "much", "from 0 to 0.9, not much"),
        ("share", "nan", "not nan"),
        ("share", float("inf"), "not inf"),
        ("norms", "perhaps", "true or false"),
        ("width", 48, "one of 32, 64"),
        ("depth", 1, "model has no setting 'depth'"),
    ],
)
def test_what_cannot_be(name: str, value: Any, told: str) -> None:
    with pytest.raises(CartpathError, match=told) as error:
        read_settings("model", KNOWN, {name: value})
    assert error.value.hint


@pytest.mark.parametrize("text", ["rank", "=8", "rank=", ""])
def test_what_is_no_pair(text: str) -> None:
    with pytest.raises(CartpathError, match="is no setting"):
        pairs([text])


@pytest.mark.parametrize("backbone", ["transformer", "sasrec", "gru", "lstm"])
def test_dropout_reaches_every_layer_and_is_kept(backbone: str, tmp_path: Any) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from cartpath.models.behaviour import BehaviourConfig, BehaviourModel
    from cartpath.models.dropout import set_dropout

    model = BehaviourModel(
        BehaviourConfig(hidden=16, layers=2, heads=2, backbone=backbone, dropout=0.0, item_dropout=0.0)
    )
    ids, seconds = torch.ones(1, 6, 2, dtype=torch.long), torch.arange(6.0)[None]
    inputs = ids, seconds, torch.zeros(1, 6, dtype=torch.long)

    def differs() -> bool:
        model.train()
        return not torch.equal(model(*inputs), model(*inputs))

    assert not differs()
    set_dropout(model, 0.5)
    assert differs()
    model.save_pretrained(tmp_path)
    again = BehaviourModel.from_pretrained(tmp_path)
    assert {part.p for part in again.modules() if isinstance(part, torch.nn.Dropout)} <= {0.5}
    set_dropout(model, 0.0)
    assert not differs()


def test_the_rate_rises_over_the_warm_up() -> None:
    from cartpath.training.plan import schedule

    assert schedule(0.1, 0.2) == pytest.approx(0.1 + 0.9 / 2)
    assert schedule(0.2, 0.2) == schedule(0.0, 0.0) == 1.0
    # Half of what is left after the warm-up: the cosine is at its middle.
    assert schedule(0.6, 0.2) == pytest.approx(0.05 + 0.95 / 2)


def test_trees_are_judged_without_what_a_weight_adds() -> None:
    """The loss that stops LightGBM is that of log odds less the logarithm of the positives' weight."""
    lightgbm = pytest.importorskip("lightgbm")
    from cartpath.evaluation import log_loss
    from cartpath.features import FeatureTable
    from cartpath.models import sigmoid
    from cartpath.tasks import IntentRows
    from cartpath.training.intent import classical
    from cartpath.training.intent.job import Options

    rng = np.random.default_rng(0)
    values = rng.normal(size=(400, 3)).astype(np.float32)
    label = (values[:, 0] + rng.normal(size=400) > 1).astype(np.int8)
    at = np.zeros(400, np.int64)
    rows, told = IntentRows(at, at, at + 1, at, label, at), []
    table = FeatureTable(["a", "b", "c"], values, [])
    learned = classical._dataset(lightgbm, table, rows, np.where(label == 1, 4.0, 1.0).astype(np.float32))
    checked = classical._dataset(lightgbm, table, rows, None, learned, np.full(400, -np.log(4.0)))
    options = Options(judged=lambda step, loss, last: told.append((step, loss, last)))
    job = type("Job", (), {"options": options})()
    trees = classical._grow(lightgbm, learned, checked, {"trees": 9, "learning_rate": 0.1, "seed": 0}, job)
    odds = trees.predict(values, raw_score=True)
    assert [step for step, _, _ in told] == [1, 2, 3]
    assert told[-1][1:] == (pytest.approx(log_loss(label, sigmoid(odds - np.log(4.0)))), True)
    assert classical._loss(trees, table, rows, 4.0) == pytest.approx(told[-1][1])
