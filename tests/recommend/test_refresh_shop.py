"""Refreshing a shop: the blend follows a promoted model, and what else hangs on the one before is named."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath import training
from cartpath.models import built_on, current_version, new_version, write_json
from cartpath.models.artefact import CARD
from cartpath.recommend import fit_recommender, recommend, refresh
from cartpath.recommend.slates import Feedback, SlateLog
from cartpath.training.card import read_card
from tests.recommend.test_recommend import tastes_table
from tests.recommend.test_slates import slate
from tests.training.test_training import make_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = make_shop(tmp_path_factory.mktemp("shop") / "s", tastes_table(400))
    training.pretrain(folder, epochs=2, train_until="2024-01-12")
    fit_recommender(folder)
    with new_version(folder, "intent-lightgbm") as home:
        write_json(home / CARD, {"pretrained": read_card(current_version(folder, "behaviour", ""))["made"]})
    # One slate while the running model still learned, two after that; one of these was clicked.
    until = read_card(current_version(folder, "behaviour", ""))["trained_until"]
    log = SlateLog.open(folder)
    feedback = Feedback.open(folder, log)
    for n, when in enumerate((until - 1, until, until + 1)):
        log.record(f"r{n}", "u1", when, "blend", "v", slate("i1"))
    feedback.record("r2", "i1", "click", until + 2)
    log.close()
    return folder


def test_a_promoted_model_takes_the_blend_with_it(shop):
    result = refresh(shop, epochs=1, margin=1.0)
    assert result["outcome"] == "promoted"
    assert (result["refitted"], result["out_of_date"]) == (["recommender"], ["intent-lightgbm"])
    assert built_on(shop) == [("intent-lightgbm", False), ("recommender", True)]
    assert (result["feedback"]["slates"], result["feedback"]["policies"][0]["clicked"]) == (2, 1)
    assert recommend(shop, "u3", k=3)
    again = refresh(shop, epochs=1)
    assert (again["outcome"], again["refitted"]) == ("nothing_new", [])
