"""Each rule finds the dirt that the simulator planted, and little else; thresholds leave a margin to what is measured.

``benchmarks/cleaning/README.md`` has the measured figures.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cleaning.dirt import RULES, Score, Shop, cleaned, imputation_error, rates, scores, shop
from cartpath.config import CleaningSettings
from cartpath.simulate import Dirt


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return shop(tmp_path_factory.mktemp("dirty"), users=8000, days=40, seed=3, dirt=rates(4))


@pytest.fixture(scope="module")
def found(dirty: Shop) -> dict[str, Score]:
    return {score.rule: score for score in scores(dirty, cleaned(dirty, CleaningSettings(**RULES))[0])}


@pytest.mark.parametrize(
    ("rule", "planted", "precision", "recall"),
    [
        ("missing price", 2000, 0.999, 0.999),
        ("price outlier", 200, 0.98, 0.98),
        ("quantity outlier", 80, 0.95, 0.95),
        ("dwell outlier", 100, 0.95, 0.6),  # an hour away is not far out where pauses spread as they do
        ("near duplicate", 1000, 0.7, 0.97),  # people do load a page twice within a second
        ("robot (users)", 8, 1.0, 1.0),
        ("clock skew (events)", 3000, 0.9, 0.95),  # a row that is sent late looks like a slow clock
    ],
)
def test_planted_dirt_is_found(
    found: dict[str, Score], rule: str, planted: int, precision: float, recall: float
) -> None:
    score = found[rule]
    assert score.planted >= planted, score
    assert score.precision >= precision, score
    assert score.recall >= recall, score


def test_prices_of_the_item_are_nearly_right_and_those_of_all_are_not(dirty: Shop) -> None:
    rule = {"price": {"action": "blank"}}

    def error(by: str) -> float:
        missing = {"price": "median", "by": by}
        done, _ = cleaned(dirty, CleaningSettings(missing=missing, outliers=rule))  # type: ignore[arg-type]
        n, _, mean = imputation_error(dirty, done)
        assert n >= 2000
        return mean

    assert error("item") < 0.02 < 0.3 < error("all")


def test_a_clean_log_is_hardly_touched(tmp_path: Path) -> None:
    clean = shop(tmp_path, users=3000, days=30, seed=4, dirt=Dirt.none())
    done, _ = cleaned(clean, CleaningSettings(**{**RULES, "near_duplicates": "leave", "robots": "leave"}))
    counts = {name: sum(c.counts[name] for c in done) for name in done[0].counts}
    assert counts["imputed_price"] == counts["skewed_events"] == counts["outlier_price_flagged"] == 0
    assert counts["outlier_dwell_flagged"] + counts["outlier_quantity_flagged"] < 1e-4 * counts["events"]
