"""The simulator's shop, where who leaves and who comes back is known to be learnable."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("lightgbm")
pytest.importorskip("sklearn")

from cartpath import config, store, training
from cartpath.features import read_log
from cartpath.ingest import ingest
from cartpath.models import new_version
from cartpath.schema import microseconds_of
from cartpath.simulate import Dirt, simulate
from cartpath.tasks import TimeSplit
from cartpath.training.card import write_card
from cartpath.training.cutoff import boosted
from cartpath.training.pretrain import NAME
from tests.training.at_cutoffs import base_of

CUTS = ("2024-02-12", "2024-02-20", "2024-02-28")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    simulate(folder / "out", users=400, days=68, seed=3, dirt=Dirt.none())
    store.init(folder / "shop", config.Settings(store=config.StoreSettings(4)))
    out = folder / "out"
    ingest(folder / "shop", [str(out / "events.parquet")], items=out / "items.parquet", users=out / "users.parquet")
    split = TimeSplit(tuple(microseconds_of(cut) for cut in CUTS))  # type: ignore[arg-type]
    with store.open_snapshot(folder / "shop") as snapshot, new_version(folder / "shop", NAME) as home:
        log = read_log(snapshot)
        base_of(log, home, split.train_until)
        write_card(home, log, split, 0, size="tiny")
    return folder / "shop"


@pytest.mark.parametrize("task", ["churn", "spend"])
def test_models_tell_more_than_the_base_rate(shop: Path, monkeypatch: pytest.MonkeyPatch, task: str) -> None:
    monkeypatch.setattr(boosted, "_MOST_TREES", 60)
    found = training.evaluate(shop, task=task, models="base-rate,rfm,lightgbm", horizon="7d")
    by_name = {row["model"]: row for row in found["results"]}
    assert found["slice"] == "test"
    for name in ("rfm", "lightgbm"):
        if task == "spend":
            assert 0.8 < by_name[name]["coverage"] <= 1
        else:
            assert by_name[name]["auc"] > 0.55
            assert by_name[name]["log_loss"] < by_name["base-rate"]["log_loss"] + 0.02


def test_pairs_are_judged_however_few(shop: Path) -> None:
    found = training.evaluate(shop, task="repeat", models="base-rate,rfm", horizon="7d", of="category_1")
    assert 0 < found["positives"] < found["n"]
    assert [row["model"] for row in found["results"]] == ["base-rate", "rfm"]
    assert all("error" not in row and 0 <= row["auc"] <= 1 for row in found["results"])
