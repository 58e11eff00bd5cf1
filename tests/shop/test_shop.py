from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest

import cartpath
from cartpath.schema import CartpathError
from cartpath.shop import Shop, default_steps
from cartpath.shop.everything import Everything, everything, steps_of
from tests.web.shops import make


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return make(tmp_path_factory.mktemp("shop") / "shop")


def test_open_is_cheap_and_refuses_what_is_no_workspace(shop: Shop, tmp_path: Path) -> None:
    assert cartpath.open(shop.path).name == "shop"
    with pytest.raises(CartpathError, match="not a Cartpath workspace"):
        cartpath.open(tmp_path)
    code = f"import cartpath, sys; cartpath.open({str(shop.path)!r}); print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    for heavy in ("'numba'", "'torch'", "'plotly'", "'pandas'", "'pyarrow'"):
        assert heavy not in loaded


def test_a_funnel_has_frame_figure_and_dict(shop: Shop) -> None:
    found = shop.funnel(["view", "add_to_cart", "purchase"], within="7d")
    assert isinstance(found.frame, pd.DataFrame)
    assert isinstance(found.figure, go.Figure)
    as_dict = found.to_dict()
    assert as_dict["within_seconds"] == 604800
    assert [step["n"] for step in as_dict["steps"]] == found.frame["n"].tolist() == list(found.figure.data[0].x)
    assert "FunnelResult" in repr(found)


def test_steps_may_be_one_text_and_have_a_default(shop: Shop) -> None:
    assert shop.funnel("view, purchase").to_dict()["steps"][1]["event"] == "purchase"
    assert [step["event"] for step in shop.funnel().to_dict()["steps"]] == ["view", "add_to_cart", "purchase"]


def test_counts_and_periods_reach_the_views(shop: Shop) -> None:
    assert (
        shop.funnel("view", count="sessions", since="1970-01-01", until="1970-01-02").to_dict()["count"] == "sessions"
    )
    assert shop.flow(until="1970-01-02").to_dict()["until"] == "1970-01-02T00:00:00Z"
    with pytest.raises(CartpathError, match="cannot count"):
        shop.funnel("view", count="visits")


def test_flow_status_and_days_agree(shop: Shop) -> None:
    status, flow = shop.status(), shop.flow()
    assert flow.to_dict()["users"] == status.users
    assert isinstance(flow.figure, go.Figure)
    assert shop.daily().frame["events"].sum() == status.events


def test_default_steps() -> None:
    assert default_steps({"purchase": 1, "view": 3, "checkout": 2}) == ["view", "checkout", "purchase"]
    assert default_steps({"purchase": 1, "b": 5, "a": 5}) == ["a", "b", "purchase"]
    assert default_steps({}) == ["view", "purchase"]


class Rooms:
    """Stands in for training and recommendation, which have tests of their own."""

    def __init__(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        self.called: list[str] = []
        monkeypatch.setattr("cartpath.shop.models._room", lambda name: self)
        self.path = shop.path

    def _made(self, name: str, file: str, progress: Any) -> dict[str, Any]:
        self.called.append(name)
        progress("half", 0.5) if progress else None
        path = self.path / "models" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
        return {"name": name, "rows": [1, 2]}

    def pretrain(self, workspace: Path, progress: Any = None, **_: Any) -> dict[str, Any]:
        return self._made("pretrain", "behaviour/current.json", progress)

    def finetune(self, workspace: Path, progress: Any = None, **_: Any) -> dict[str, Any]:
        return self._made("finetune", "intent/best.json", progress)

    def evaluate(self, workspace: Path, progress: Any = None, **_: Any) -> dict[str, Any]:
        return self._made("evaluate", "intent/metrics.json", progress)

    def evaluate_recommender(self, workspace: Path, progress: Any = None, **_: Any) -> dict[str, Any]:
        return self._made("evaluate_recommender", "recommender/metrics.json", progress)

    def recommend(self, workspace: Path, user_id: str, k: int = 10) -> list[dict[str, Any]]:
        self.called.append("recommend")
        return [{"item_id": "a", "score": 1.0}]

    def metrics(self, workspace: Path) -> list[dict[str, Any]]:
        return []

    def calibration(self, workspace: Path) -> list[dict[str, Any]]:
        return []


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Shop, Rooms, Any]:
    shop = make(tmp_path / "shop")
    source = tmp_path / "a.csv"
    source.write_text("x")
    monkeypatch.setattr(Shop, "ingest", lambda *_: SimpleNamespace(to_dict=lambda: {"read": 1}))
    monkeypatch.setattr(Shop, "doctor", lambda _: SimpleNamespace(to_dict=dict))
    return shop, Rooms(shop, monkeypatch), source


def test_a_run_does_everything_in_order_and_then_nothing(rooms: tuple[Shop, Rooms, Any]) -> None:
    shop, stand_in, source = rooms
    first = shop.run([source], "generic")
    names = ["ingest", "analyse", "pretrain", "finetune", "evaluate", "recommend", "report"]
    assert [(o.name, o.state) for o in first] == [(name, "done") for name in names]
    assert stand_in.called[:4] == ["pretrain", "finetune", "evaluate", "evaluate_recommender"]
    assert set(stand_in.called[4:]) == {"recommend"}
    assert Path(first[-1].result["report"]).read_text().startswith("<!doctype html>")
    assert [o.state for o in shop.run([source], "generic")] == ["unchanged"] * len(names)


def test_a_new_source_runs_everything_and_a_new_window_only_the_views(rooms: tuple[Shop, Rooms, Any]) -> None:
    shop, _, source = rooms
    shop.run([source], "generic")
    views = [o.name for o in shop.run([source], "generic", within="7d") if o.state == "done"]
    assert views == ["analyse", "report"]
    source.write_text("xy")
    again = {o.name: o.state for o in shop.run([source], "generic", within="7d")}
    assert again["ingest"] == again["pretrain"] == again["evaluate"] == "done"


def test_a_run_reads_a_query_again_unless_it_was_cut(
    rooms: tuple[Shop, Rooms, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, stand_in, _ = rooms
    asked = {"database": "postgresql://ann:secret@h/db", "query": "select 1"}
    told: list[Any] = []
    counts = SimpleNamespace(to_dict=lambda: {"read": 1})
    monkeypatch.setattr(Shop, "ingest", lambda *given: told.append(given[-2:]) or counts)
    with monkeypatch.context() as cut:
        cut.setattr(stand_in, "pretrain", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            shop.run(**asked)
    states = {o.name: o.state for o in shop.run(**asked)}
    assert (states["ingest"], states["pretrain"], states["report"]) == ("unchanged", "done", "done")
    assert [o.state for o in shop.run(**asked)] == ["done"] * len(states)
    assert told == [("postgresql://ann:secret@h/db", "select 1")] * 2
    assert "secret" not in (shop.path / "run.json").read_text()


def _interrupted(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_a_model_that_cannot_be_trained_does_not_stop_the_report(
    rooms: tuple[Shop, Rooms, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, stand_in, source = rooms

    def too_little(*_: Any, **__: Any) -> dict[str, Any]:
        raise CartpathError("too few sessions")

    monkeypatch.setattr(stand_in, "finetune", too_little)
    states = {o.name: o.state for o in shop.run([source], "generic")}
    assert (states["finetune"], states["evaluate"], states["report"]) == ("failed", "waiting", "done")


def test_evaluation_is_of_one_task_or_all(rooms: tuple[Shop, Rooms, Any]) -> None:
    shop, stand_in, _ = rooms
    assert set(shop.evaluate()) == {"intent", "next_item"}
    assert set(shop.evaluate("next_item")) == {"next_item"}
    assert stand_in.called == ["evaluate", "evaluate_recommender", "evaluate_recommender"]
    with pytest.raises(CartpathError, match="no task 'taste'"):
        shop.evaluate("taste")


def test_the_analyses_are_kept_as_json(rooms: tuple[Shop, Rooms, Any]) -> None:
    shop, _, source = rooms
    everything(shop, [str(source)], "generic")
    kept = {path.name for path in (shop.path / "reports").iterdir()}
    assert kept == {"status.json", "funnel.json", "flow.json", "recommendations.json", "report.html"}


def test_settings_are_part_of_what_a_step_depends_on(shop: Shop) -> None:
    def inputs(**settings: Any) -> list[Any]:
        wanted = Everything(["a"], "generic", **settings)
        return [step.inputs() for step in steps_of(shop, wanted, lambda _: SimpleNamespace())]

    assert inputs(seed=1) != inputs(seed=2)
    assert inputs(mapping={"ts": "a"}) != inputs(mapping={"ts": "b"})
    assert inputs() == inputs()
