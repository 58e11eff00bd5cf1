"""New versions of models are noticed, loaded beside the old ones, and swapped without a request being dropped."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from cartpath.models import folder_of, new_version, write_json
from cartpath.schema import CartpathError
from cartpath.serving.app import create_app
from cartpath.serving.models import Models, stamp_of
from tests.serving.fakes import FakeRanker, FakeScorer, fake_loaders, fake_parts
from tests.serving.running import started


def publish(shop: Path, name: str) -> str:
    with new_version(shop, name) as folder:
        (folder / "weights").write_text("1")
    return folder.name


def test_a_scorer_depends_on_its_own_versions_alone(shop: Path) -> None:
    names = ("recommend", "intent", "churn", "next")
    before = {name: stamp_of(shop, name) for name in names}

    def changed() -> set[str]:
        now = {name: stamp_of(shop, name) for name in names}
        found = {name for name in names if now[name] != before[name]}
        before.update(now)
        return found

    publish(shop, "behaviour")
    assert changed() == {"recommend", "next"}
    publish(shop, "intent-lightgbm")
    assert changed() == {"intent"}
    publish(shop, "churn-rfm")
    write_json(folder_of(shop, "churn") / "best.json", {"model": "rfm"})
    assert changed() == {"churn"}
    write_json(folder_of(shop, "intent") / "best.json", {"model": "lightgbm"})
    assert changed() == {"intent"}
    publish(shop, "recommender")
    assert changed() == {"recommend"}
    with (shop / "cartpath.toml").open("a") as file:
        file.write("\n")
    assert changed() == {"recommend"}
    assert changed() == set()


def test_only_what_is_new_is_loaded_again(shop: Path) -> None:
    loads: list[str] = []

    def loading(name: str) -> Any:
        def load(workspace: Path) -> Any:
            loads.append(name)
            return FakeScorer(name)

        return load

    models = Models(shop, (), 3600, {name: loading(name) for name in ("intent", "churn")})
    assert models.look() == ["intent", "churn"]
    assert models.look() == []
    publish(shop, "intent-x")
    assert models.look() == ["intent"]
    assert loads == ["intent", "churn", "intent"]


def test_what_cannot_be_loaded_leaves_the_version_before(shop: Path) -> None:
    fails = False

    def load(workspace: Path) -> Any:
        if fails:
            raise CartpathError("damaged", "fit it again")
        return FakeScorer("first")

    models = Models(shop, ("intent",), 3600, {"intent": load})
    models.look()
    fails = True
    publish(shop, "intent-x")
    assert models.look() == []
    assert models.current.found["intent"].model == "first"
    assert "damaged" in models.current.missing["intent"]
    assert models.not_ready() is None
    fails = False
    publish(shop, "intent-x")
    assert models.look() == ["intent"]
    assert models.current.missing == {}


def test_it_is_not_ready_before_the_first_look(shop: Path) -> None:
    gate = threading.Event()

    def load(workspace: Path) -> Any:
        gate.wait(5)
        return FakeScorer()

    models = Models(shop, ("intent",), 3600, {"intent": load})
    models.start()
    assert models.not_ready() == "models are being loaded"
    gate.set()
    models.close()
    assert models.not_ready() is None


def test_a_swap_drops_no_request(shop: Path, keys: dict[str, str]) -> None:
    made: list[FakeRanker] = []

    def load(workspace: Path) -> FakeRanker:
        ranker = FakeRanker()
        ranker.policy = f"blend-{len(made)}"
        made.append(ranker)
        return ranker

    parts = fake_parts(shop, load={**fake_loaders(), "recommend": load}, every=0.02)
    app = create_app(shop, parts=parts)

    async def sent() -> list[tuple[int, str]]:
        found = []
        async with started(app, keys["all"]) as client:
            for turn in range(400):
                if turn % 100 == 50:
                    publish(shop, "behaviour")
                answer = await client.get("/v1/users/u/recommendations")
                found.append((answer.status_code, answer.json()["policy"]))
                await asyncio.sleep(0.001)
        return found

    answers = asyncio.run(sent())
    assert {status for status, _ in answers} == {200}
    policies = [policy for _, policy in answers]
    assert len(made) > 1
    assert policies[0] == "blend-0"
    assert policies[-1] == f"blend-{len(made) - 1}"
    assert policies == sorted(policies)


@pytest.mark.parametrize("name", ["recommend", "intent", "churn", "next"])
def test_a_shop_without_models_says_what_to_do(shop: Path, name: str) -> None:
    pytest.importorskip("torch")
    models = Models(shop, (name,), 3600)
    models.look()
    assert "cartpath" in models.current.missing[name]
    assert models.not_ready() == f"not loaded: {name}"
