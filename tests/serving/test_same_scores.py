"""Days of events through HTTP give the scores that the same events give offline: one scorer, one path."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("lightgbm")
pytest.importorskip("fastapi")

from cartpath import training
from cartpath.access import create_key
from cartpath.models import folder_of, write_json
from cartpath.recommend import Ranker
from cartpath.serving.app import create_app
from cartpath.serving.scorers.next_step import NextScores
from tests.serving.running import started
from tests.serving.trained import as_json, log_of, tables, trained_shop, with_all

CLOSE = 1e-5


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = trained_shop(tmp_path_factory.mktemp("same") / "shop")
    Ranker.load(folder)
    return folder


@pytest.fixture(scope="module")
def whole(shop: Path) -> Path:
    return with_all(shop, shop.parent / "whole")


def promote(shop: Path, model: str) -> None:
    write_json(folder_of(shop, "intent") / "best.json", {"model": model})


def replayed(shop: Path, at_once: int, paths: list[str]) -> list[dict[str, Any]]:
    """Send the last days to a service of a copy of a shop, and return what it then answers."""
    copy = shop.parent / f"copy-{at_once}"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(shop, copy)
    key = create_key(copy, ["events:write", "recommend:read"])
    events = as_json(tables()[1])

    async def sent() -> list[dict[str, Any]]:
        async with started(create_app(copy), key) as client:
            for first in range(0, len(events), at_once):
                answer = await client.post("/v1/events", json=events[first : first + at_once])
                assert answer.status_code == 202
                assert answer.json()["rejected"] == []
            return [(await client.get(path)).json() for path in paths]

    return asyncio.run(sent())


def offline(whole: Path, **asked: Any) -> dict[str, float]:
    training.predict(whole, whole.parent / "offline.parquet", **asked)
    rows = pq.read_table(whole.parent / "offline.parquet")
    return dict(zip(rows["user_id"].to_pylist(), rows["score"].to_pylist(), strict=True))


@pytest.mark.parametrize("model", ["lightgbm", "behaviour-head"])
def test_intent(shop: Path, whole: Path, model: str) -> None:
    promote(shop, model)
    wanted = offline(whole, model=model)
    users = sorted(wanted)
    answers = replayed(shop, 100, [f"/v1/users/{user}/intent?drivers=0" for user in users])
    assert {answer["model"] for answer in answers} == {model}
    assert not any(answer["fallback"] for answer in answers)
    found = np.array([answer["probability"] for answer in answers])
    assert np.abs(found - np.array([wanted[user] for user in users])).max() < CLOSE
    assert len(np.unique(found.round(6))) > 10


def test_churn(shop: Path, whole: Path) -> None:
    wanted = offline(whole, task="churn")
    users = sorted(set(tables()[0]["user_id"].to_pylist()))
    answers = replayed(shop, 500, [f"/v1/users/{user}/churn" for user in users])
    asked = {user: answer for user, answer in zip(users, answers, strict=True) if not answer["fallback"]}
    # Who is not asked about offline gets the base rate.
    assert set(asked) == set(wanted) & set(users)
    assert max(abs(asked[user]["probability"] - wanted[user]) for user in asked) < CLOSE
    assert len({round(answer["probability"], 6) for answer in asked.values()}) > 2


def test_recommendations_and_what_comes_next(shop: Path, whole: Path) -> None:
    log, ranker, following = log_of(whole), Ranker.load(shop), NextScores.load(shop)
    users = log.view.user_id.to_pylist()[:40]
    rows = np.arange(len(users))
    now = np.full(len(users), log.view.ts.max())
    slates = ranker.slates(log, rows, log.view.offsets[1 : len(users) + 1], 10, time=now)
    paths = [f"/v1/users/{user}/{what}" for user in users for what in ("recommendations?k=10", "next")]
    answers = replayed(shop, 250, paths)
    for slate, answer in zip(slates, answers[::2], strict=True):
        assert answer["policy"] == ranker.policy
        assert [item["item_id"] for item in answer["items"]] == [item.item_id for item in slate.items]
        assert np.abs([a["score"] - b.score for a, b in zip(answer["items"], slate.items, strict=True)]).max() < CLOSE
        assert [item["why"] for item in answer["items"]] == [item.why for item in slate.items]
    items, _ = following.distributions(log, log.view.offsets[1 : len(users) + 1])
    for row, answer in zip(items, answers[1::2], strict=True):
        assert abs(answer["probability"] - row.max()) < CLOSE
        assert answer["items"][0]["probability"] == answer["probability"]


def test_a_path_in_the_body_is_as_good_as_a_stored_one(shop: Path) -> None:
    table = tables()[1]
    user = table["user_id"][0].as_py()
    known = set(tables()[0]["user_id"].to_pylist())
    own = table.filter(pa.compute.equal(table["user_id"], user))
    copy = shop.parent / "copy-body"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(shop, copy)
    key = create_key(copy, ["events:write", "recommend:read"])
    renamed = [{**event, "user_id": "somebody-new"} for event in as_json(own)]
    assert "somebody-new" not in known

    async def sent() -> tuple[dict[str, Any], dict[str, Any]]:
        async with started(create_app(copy), key) as client:
            given = (await client.post("/v1/recommendations", json={"events": renamed, "k": 8})).json()
            await client.post("/v1/events", json=renamed)
            return given, (await client.get("/v1/users/somebody-new/recommendations?k=8")).json()

    given, stored = asyncio.run(sent())
    assert given["items"] == stored["items"]
    assert not given["fallback"]
