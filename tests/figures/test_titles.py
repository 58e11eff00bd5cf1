"""Every view's figure is under the question that it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go
import pytest

from cartpath.figures import attribution_figure, titled
from cartpath.shop import Shop
from tests.web.shops import HOSTILE, make

STEPS = "view,purchase"
FIGURES: dict[str, tuple[Callable[[Shop], Any], str]] = {
    "daily": (lambda s: s.daily(), "What happened on each day?"),
    "funnel": (lambda s: s.funnel(STEPS), "How many users get how far?"),
    "funnel by": (
        lambda s: s.funnel(STEPS, by="device", count="sessions"), "How many sessions get how far, by device?",
    ),
    "funnel trend": (lambda s: s.funnel(STEPS, trend="day"), "How many users get to the end, by the day they began?"),
    "funnel times": (
        lambda s: s.funnel(STEPS, show="times"), "How long does it take from the first step to the last?",
    ),
    "funnel instead": (
        lambda s: s.funnel(STEPS, show="instead"), "What did users do instead that went no further?",
    ),
    "flow": (lambda s: s.flow(), "What follows what?"),
    "step view": (lambda s: s.step_view(), "What do people do, step by step?"),
    "step view after": (lambda s: s.step_view(start="view"), "What comes after view, step by step?"),
    "step matrix before": (
        lambda s: s.step_view(end="purchase", chart="matrix"), "What comes before purchase, step by step?",
    ),
    "variants": (lambda s: s.variants(), "Which paths are the most frequent?"),
    "attribution": (lambda s: s.attribution(), "Which channel gets how much of the credit for purchase?"),
    "attribution of revenue": (
        lambda s: s.attribution(of="event", value="revenue"), "Which event gets how much of the credit for revenue?",
    ),
    "drivers": (lambda s: s.drivers("purchase", min_support=1, min_conversions=1), "What goes along with purchase?"),
    "retention": (lambda s: s.retention(cohort="day"), "How many come back, by the day of their start?"),
    "lifecycle": (lambda s: s.lifecycle(), "Who is new, stays, comes back or stays away, by week?"),
    "stickiness": (lambda s: s.stickiness(period="week"), "On how many days of a week do people come?"),
    "repurchase": (lambda s: s.repurchase(same="item_id"), "Who orders again, the same item_id, and after how long?"),
    "time to purchase": (
        lambda s: s.time_to_purchase(by="device"), "How long does it take until purchase, by device?",
    ),
    "segments": (lambda s: s.segments(["did view"]), "Who is in which segment?"),
    "compare": (
        lambda s: s.compare("flow", "did view", "!did view"), "How do did view and !did view differ in flow?",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return make(tmp_path_factory.mktemp("titles") / "shop")


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_view_says_its_question_over_what_it_draws(shop: Shop, name: str) -> None:
    ask, question = FIGURES[name]
    analysis = ask(shop)
    drawn, shown = analysis.drawing, analysis.figure
    assert (analysis.question, shown.layout.title.text.replace("<br>", " ")) == (question, question)
    assert drawn.layout.title.text is None
    # As much higher as there is room above: the plot keeps its size.
    more = shown.layout.height - drawn.layout.height
    assert shown.layout.margin.t - drawn.layout.margin.t == more > 21 * (1 + shown.layout.title.text.count("<br>"))


def test_names_from_the_data_are_no_markup_in_a_title(shop: Shop) -> None:
    shown = shop.drivers(HOSTILE, min_support=1, min_conversions=1).figure.layout.title.text
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown


def test_a_long_question_is_cut_after_two_lines() -> None:
    shown = titled(go.Figure(layout={"height": 200, "margin": {"t": 10}}), "word " * 100).layout.title.text
    first, second = shown.split("<br>")
    assert len(first) <= len(second) + 5 <= 77
    assert second.endswith(" …")


def test_a_legend_that_hangs_from_the_top_moves_down_with_the_plot(shop: Shop) -> None:
    result = shop.attribution().result
    before = attribution_figure(result.frame, result.note, result.caution, "conversions")
    from_top = before.layout.height * (1 - before.layout.legend.y)
    after = titled(before, "Why?")
    assert after.layout.height * (1 - after.layout.legend.y) == pytest.approx(from_top + after.layout.margin.t - 58)
