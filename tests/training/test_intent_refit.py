"""Models that learn from validation too, once everything is chosen: from that, and from nothing later."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("sklearn")

from cartpath import store, training
from cartpath.features import read_log
from cartpath.models import current_version, folder_of, load_intent
from cartpath.models.intent import BlendIntent
from cartpath.schema import microseconds_of
from cartpath.tasks import TimeSplit, intent_rows
from cartpath.training.card import read_card, split_of
from cartpath.training.intent.keep import artefact
from cartpath.training.intent.refit import read_held_out
from tests.features.logs import shop_table
from tests.training.test_intent_search import DATES, Killed, killed_at, pretrained
from tests.training.test_training import altered_after, same, weights_of

TRAIN, VALID = (microseconds_of(DATES[name]) for name in ("train_until", "valid_until"))


def home(shop: Path, model: str) -> Path:
    return current_version(shop, artefact(model), "")


def altered_between(table: pa.Table, since: int, until: int) -> pa.Table:
    """The same log, but for other events in a stretch of time."""
    ts = table["ts"].cast(pa.int64())
    other = altered_after(table, since)
    within = pc.and_(pc.greater_equal(ts, since), pc.less(ts, until))
    return pa.table({name: pc.if_else(within, other[name], table[name]) for name in table.column_names})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shop = pretrained(tmp_path_factory.mktemp("shop") / "s", shop_table(150))
    training.finetune(shop, method="full", epochs=1, **DATES)
    training.finetune(shop, method="lora", epochs=2, settings={"rank": 2}, **DATES)
    training.evaluate(shop, models="base-rate,logistic,average", at_k=[2])
    return shop


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copied"))


def refitted(folder: Path, table: pa.Table, **options: Any) -> tuple[Path, Any]:
    shop = pretrained(folder, table)
    card = training.finetune(shop, method="full", epochs=1, **DATES, **options)
    return shop, (weights_of(shop, artefact("behaviour-full")), card)


def test_what_is_learned_from(tmp_path: Path) -> None:
    table = shop_table(150)
    in_validation, later = altered_between(table, TRAIN, VALID), altered_after(table, VALID)
    _, (ours, card) = refitted(tmp_path / "a", table, refit=True)
    assert (card["refit"], card["learned_until"], card["best_epoch"]) == (True, "2024-01-22T00:00:00Z", 1)
    assert card["pretrained_until"] == TRAIN
    _, (after, _) = refitted(tmp_path / "b", later, refit=True)
    assert same(ours, after)
    _, (validated, _) = refitted(tmp_path / "c", in_validation, refit=True)
    assert not same(ours, validated)
    _, (plain, card) = refitted(tmp_path / "d", in_validation)
    assert (card["refit"], card["learned_until"]) == (False, "2024-01-19T00:00:00Z")
    _, (as_ever, _) = refitted(tmp_path / "e", table)
    assert same(plain, as_ever)


def test_evaluate_fits_again_what_has_not_learned_from_validation(shop: Path) -> None:
    with store.open_snapshot(shop) as snapshot:
        log = read_log(snapshot)
    split = split_of(read_card(home(shop, "logistic")))
    rows = intent_rows(log, split).of("validation")
    before, weights = load_intent(home(shop, "logistic")), read_card(home(shop, "average"))["weights"]
    found = training.evaluate(
        shop, models="base-rate,logistic,behaviour-full,behaviour-lora,average", at_k=[2], refit=True
    )
    assert not [row for row in found["results"] if "error" in row]
    for model in ("base-rate", "logistic", "behaviour-full", "behaviour-lora", "average"):
        assert read_card(home(shop, model))["refit"]
    # The share of positives of the sessions that ended before calibration began, counted anew.
    both = intent_rows(log, TimeSplit((split.cuts[1], split.cuts[1], split.cuts[2]))).of("train").at(1)
    rate: Any = load_intent(home(shop, "base-rate")).model
    first = log_odds(both.label.sum(), len(both))
    assert rate.logits(log, both.ends)[0] == pytest.approx(first, abs=0.05)
    # Thresholds and blends are chosen by what was said before.
    held = read_held_out(home(shop, "logistic"))
    np.testing.assert_allclose(held.at(rows.ends), before.model.logits(log, rows.ends))
    assert not np.allclose(load_intent(home(shop, "logistic")).model.logits(log, rows.ends), held.at(rows.ends))
    blend = load_intent(home(shop, "average")).model
    assert isinstance(blend, BlendIntent)
    members = {name: read_held_out(home(shop, name)).at(rows.ends) for name in blend.members}
    np.testing.assert_allclose(read_held_out(home(shop, "average")).at(rows.ends), blend.of(members))
    assert set(weights) == set(blend.weights)
    # What is fitted again stays so.
    made = {model: read_card(home(shop, model))["made"] for model in ("logistic", "average")}
    assert training.evaluate(shop, models="logistic,average", at_k=[2])["results"]
    assert {model: read_card(home(shop, model))["made"] for model in made} == made


def log_odds(positives: int, n: int) -> float:
    return float(np.log(positives / (n - positives)))


def test_as_many_epochs_as_the_best_had(shop: Path) -> None:
    # A rate that makes the first epoch the best, of five.
    asked = {"epochs": 5, "settings": {"learning_rate": 0.5, "patience": 3}, **DATES}
    card = training.finetune(shop, method="full", refit=True, **asked)
    assert card["best_epoch"] < card["epochs"]
    assert read_held_out(home(shop, "behaviour-full")).logits.shape == (card["n_validation"],)


def test_an_interrupted_refit_goes_on(shop: Path) -> None:
    asked = {"method": "full", "epochs": 2, "refit": True, "save_every": 0.0, **DATES}
    assert training.finetune(shop, **asked)["best_epoch"] == 2
    whole = weights_of(shop, artefact("behaviour-full"))
    with pytest.raises(Killed):
        training.finetune(shop, progress=killed_at("on validation too: loss", 2), **asked)
    left = folder_of(shop, artefact("behaviour-full")) / "checkpoints"
    assert list(left.glob("checkpoint-*"))
    assert list((left / "refit").glob("checkpoint-*"))
    assert training.finetune(shop, **asked)["resumed"]
    assert same(weights_of(shop, artefact("behaviour-full")), whole)
    assert not left.exists()
