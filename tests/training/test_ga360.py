"""The acceptance on the real export; several minutes."""

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("lightgbm")


@pytest.mark.slow
def test_intent_and_recommendations_on_the_export(data_dir: Path, tmp_path: Path) -> None:
    from cartpath import recommend, store, training
    from cartpath.ingest import ingest

    shop = tmp_path / "shop"
    store.init(shop)
    ingest(shop, [str(data_dir / "ga360_merch")], adapter="ga360")
    training.pretrain(shop)
    training.finetune(shop)
    found = {
        (row["task"], row["model"], row["metric"]): row
        for row in [*training.evaluate(shop)["leaderboard"], *recommend.evaluate_recommender(shop)["leaderboard"]]
    }
    ours, base = found["intent", "behaviour", "log_loss"], found["intent", "base_rate", "log_loss"]
    assert ours["value"] < base["value"]
    assert found["intent", "behaviour", "auc"]["value"] > 0.85
    blend, popular = (found["next_item", name, "recall_at_20"] for name in ("blend", "popular"))
    assert blend["value"] > popular["value"]
