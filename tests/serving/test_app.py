"""What each endpoint answers, asked of an application in this process whose parts are in memory."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from cartpath.access import Audit
from cartpath.config import ServeSettings
from cartpath.serving.app import create_app
from cartpath.serving.limits import Limits
from cartpath.serving.parts import Parts
from tests.serving.fakes import FakeRanker, fake_loaders, fake_parts
from tests.serving.running import ask, started

VIEW = {"user_id": "anna", "event": "view", "item_id": "a"}


def problem(response: httpx.Response, status: int, name: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = response.json()
    assert (found["status"], found["type"]) == (status, f"urn:cartpath:problem:{name}")
    assert found["title"]
    assert found["detail"]
    return found


def test_events_are_counted_and_seen_by_the_very_next_read(app: FastAPI, keys: dict[str, str]) -> None:
    one, two, three = ask(
        app,
        keys["all"],
        ("POST", "/v1/events", {**VIEW, "event_id": "1"}),
        ("POST", "/v1/events", [{**VIEW, "event_id": "1"}, {"event": "view"}, {**VIEW, "event_id": "2"}, 7]),
        ("GET", "/v1/users/anna/recommendations?k=2", None),
    )
    assert (one.status_code, one.json()) == (202, {"accepted": 1, "duplicates": 0, "rejected": []})
    told = two.json()
    assert (two.status_code, told["accepted"], told["duplicates"]) == (202, 1, 1)
    assert [(row["index"], row["reason"]) for row in told["rejected"]] == [(1, "missing_user"), (3, "missing_user")]
    assert [item["item_id"] for item in three.json()["items"]] == ["20", "21"]


def test_an_empty_array_is_no_events(app: FastAPI, keys: dict[str, str]) -> None:
    (done,) = ask(app, keys["all"], ("POST", "/v1/events", []))
    assert (done.status_code, done.json()) == (202, {"accepted": 0, "duplicates": 0, "rejected": []})


def test_recommendations_have_the_fields_of_the_contract_and_are_written_down(
    app: FastAPI, parts: Parts, keys: dict[str, str]
) -> None:
    _, known, unknown = ask(
        app,
        keys["all"],
        ("POST", "/v1/events", VIEW),
        ("GET", "/v1/users/anna/recommendations", None),
        ("GET", "/v1/users/nobody/recommendations?k=1", None),
    )
    told = known.json()
    assert set(told) == {"request_id", "policy", "model", "fallback", "items"}
    assert (told["policy"], told["model"], told["fallback"]) == ("blend-1", "v-1", False)
    assert set(told["items"][0]) == {"item_id", "score", "why"}
    assert known.headers["x-request-id"] == told["request_id"]
    assert (unknown.status_code, unknown.json()["fallback"], len(unknown.json()["items"])) == (200, True, 1)
    rows = parts.slates.rows  # type: ignore[attr-defined]
    assert [(row[0], row[1], row[3], row[4]) for row in rows] == [
        (told["request_id"], "anna", "blend-1", "v-1"),
        (unknown.json()["request_id"], "nobody", "blend-1", "v-1"),
    ]


def test_a_path_in_the_body_needs_no_user_and_leaves_nothing(app: FastAPI, parts: Parts, keys: dict[str, str]) -> None:
    events = [{"event": "view", "item_id": "a", "ts": 1_700_000_000 + n} for n in range(3)]
    done, bare, wrong, odd = ask(
        app,
        keys["all"],
        ("POST", "/v1/recommendations", {"events": events, "k": 2}),
        ("POST", "/v1/recommendations", {}),
        ("POST", "/v1/recommendations", {"events": [{"event": "view"}, {"item_id": "a"}]}),
        ("POST", "/v1/recommendations", {"events": "all of them"}),
    )
    assert [item["item_id"] for item in done.json()["items"]] == ["30", "31"]
    assert not done.json()["fallback"]
    assert bare.json()["fallback"]
    assert [row["index"] for row in problem(wrong, 422, "wrong-event")["rejected"]] == [1]
    problem(odd, 422, "wrong-value")
    assert parts.state.paths == {}  # type: ignore[attr-defined]
    assert {row[1] for row in parts.slates.rows} == {""}  # type: ignore[attr-defined]


def test_scores_have_the_fields_of_the_contract(app: FastAPI, keys: dict[str, str]) -> None:
    _, intent, bare, churn, following, nobody = ask(
        app,
        keys["all"],
        ("POST", "/v1/events", [VIEW, VIEW]),
        ("GET", "/v1/users/anna/intent", None),
        ("GET", "/v1/users/anna/intent?drivers=0", None),
        ("GET", "/v1/users/anna/churn", None),
        ("GET", "/v1/users/anna/next", None),
        ("GET", "/v1/users/nobody/intent", None),
    )
    assert intent.json() == {
        "probability": 0.2,
        "model": "trees",
        "fallback": False,
        "drivers": [{"kind": "feature", "name": "events", "contribution": 0.5, "value": 2.0}],
    }
    assert bare.json()["drivers"] == []
    assert (churn.json()["model"], churn.json()["probability"]) == ("rfm", 0.2)
    assert set(following.json()) == {"probability", "model", "fallback", "drivers", "items", "events"}
    assert nobody.json() == {"probability": 0.25, "model": "trees", "fallback": True, "drivers": []}


def test_where_nothing_is_trained_it_says_so(shop: Path, keys: dict[str, str]) -> None:
    app = create_app(shop, parts=fake_parts(shop, load={}))
    paths = ["recommendations", "intent", "churn", "next"]
    ready, *answers = ask(
        app, keys["all"], ("GET", "/readyz", None), *(("GET", f"/v1/users/u/{p}", None) for p in paths)
    )
    assert ready.status_code == 200
    for answer in answers:
        problem(answer, 503, "no-model")
        assert answer.headers["retry-after"]


def test_similar_items(app: FastAPI, keys: dict[str, str]) -> None:
    found, slashed, unknown = ask(
        app,
        keys["all"],
        ("GET", "/v1/items/a/similar", None),
        ("GET", "/v1/items/a%2Fb%20c/similar?k=3", None),
        ("GET", "/v1/items/nothing/similar", None),
    )
    assert [item["item_id"] for item in found.json()["items"]] == ["like-a"]
    assert [item["item_id"] for item in slashed.json()["items"]] == ["like-a/b c"]
    problem(unknown, 404, "unknown-item")


def test_feedback_is_joined_by_request_id(app: FastAPI, keys: dict[str, str]) -> None:
    async def sent() -> list[httpx.Response]:
        async with started(app, keys["all"]) as client:
            shown = (await client.get("/v1/users/nobody/recommendations")).json()
            given = {"request_id": shown["request_id"], "item_id": shown["items"][0]["item_id"], "kind": "click"}
            one = await client.post("/v1/feedback", json=given)
            two = await client.post("/v1/feedback", json=[{**given, "item_id": "z"}, {**given, "request_id": "no"}])
            wrong = await client.post("/v1/feedback", json={**given, "kind": "stare"})
            return [one, two, wrong]

    one, two, wrong = asyncio.run(sent())
    assert (one.status_code, one.json()) == (202, {"joined": 1, "outcomes": ["joined"]})
    assert two.json() == {"joined": 0, "outcomes": ["unknown_item", "unknown_request"]}
    problem(wrong, 422, "wrong-value")


def test_erasure_gives_evidence_and_is_in_the_audit_log(shop: Path, app: FastAPI, keys: dict[str, str]) -> None:
    _, gone, after = ask(
        app,
        keys["all"],
        ("POST", "/v1/events", {**VIEW, "user_id": "a/b"}),
        ("DELETE", "/v1/users/a%2Fb", None),
        ("GET", "/v1/users/a%2Fb/recommendations", None),
    )
    told = gone.json()
    assert (gone.status_code, told["seen"], told["live_events"]) == (200, True, 1)
    assert Path(told["evidence"]).exists()
    assert after.json()["fallback"]
    deeds = list(Audit.open(shop).read(target="a/b"))
    assert [(deed.act, deed.outcome) for deed in deeds] == [("user.erase", "done")]


def test_health_models_and_metrics(app: FastAPI, parts: Parts, keys: dict[str, str]) -> None:
    live, ready, models, metrics = ask(
        app,
        keys["all"],
        ("GET", "/livez", None),
        ("GET", "/readyz", None),
        ("GET", "/v1/models", None),
        ("GET", "/metrics", None),
    )
    assert (live.json(), ready.json()) == ({"status": "ok"}, {"status": "ready"})
    rows = {row["task"]: row for row in models.json()["models"]}
    assert set(rows) == {"recommend", "intent", "churn", "next"}
    assert (rows["recommend"]["policy"], rows["intent"]["version"]) == ("blend-1", "v-2")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'cartpath_http_requests_total{method="GET",route="/v1/models",status="200"} 1.0' in metrics.text


def test_it_is_not_ready_before_what_is_configured_is_loaded_or_without_state(shop: Path, keys: dict[str, str]) -> None:
    lacking = {"intent": fake_loaders()["intent"]}
    wanting = fake_parts(shop, load=lacking)
    wanting.models.wanted = ("intent", "churn")
    (not_ready,) = ask(create_app(shop, parts=wanting), "", ("GET", "/readyz", None))
    assert problem(not_ready, 503, "not-ready")["detail"] == "not loaded: churn"
    broken = fake_parts(shop)
    broken.state.broken = True  # type: ignore[attr-defined]
    (not_ready,) = ask(create_app(shop, parts=broken), "", ("GET", "/readyz", None))
    assert "live paths" in problem(not_ready, 503, "not-ready")["detail"]


def test_every_error_is_a_problem(app: FastAPI, keys: dict[str, str]) -> None:
    answers = ask(
        app,
        keys["all"],
        ("GET", "/no/such/path", None),
        ("PUT", "/livez", None),
        ("GET", "/v1/users/u/recommendations?k=0", None),
        ("GET", "/v1/users/u/recommendations?k=ten", None),
        ("GET", f"/v1/users/{'u' * 2000}/intent", None),
        ("POST", "/v1/events", [VIEW] * 1001),
    )
    names = ["no-such-path", "wrong-method", "wrong-value", "wrong-value", "wrong-value", "too-many-events"]
    for answer, status, name in zip(answers, (404, 405, 422, 422, 422, 413), names, strict=True):
        problem(answer, status, name)
        assert answer.headers["x-request-id"]
    assert answers[1].headers["allow"] == "GET"


def test_a_fault_is_a_problem_and_says_nothing_of_itself(app: FastAPI, parts: Parts, keys: dict[str, str]) -> None:
    def broken(events: list[Any]) -> Any:
        raise RuntimeError("planted-secret")

    parts.state.append = broken  # type: ignore[method-assign]
    (answer,) = ask(app, keys["all"], ("POST", "/v1/events", VIEW))
    problem(answer, 500, "fault")
    assert "planted-secret" not in answer.text


def test_a_disk_that_refuses_is_said_to_be_for_now(app: FastAPI, parts: Parts, keys: dict[str, str]) -> None:
    def full(events: list[Any]) -> Any:
        raise OSError(28, "no space left on device")

    parts.state.append = full  # type: ignore[method-assign]
    (answer,) = ask(app, keys["all"], ("POST", "/v1/events", VIEW))
    problem(answer, 503, "not-written")
    assert answer.headers["retry-after"]


def test_a_model_that_fails_falls_back_and_says_so(app: FastAPI, parts: Parts, keys: dict[str, str]) -> None:
    _, slate, _, score, metrics = ask(
        app,
        keys["all"],
        ("POST", "/v1/events", {**VIEW, "event": "boom"}),
        ("GET", "/v1/users/anna/recommendations", None),
        ("POST", "/v1/events", [VIEW] * 6),
        ("GET", "/v1/users/anna/intent", None),
        ("GET", "/metrics", None),
    )
    told = slate.json()
    assert (slate.status_code, told["policy"], told["model"], told["fallback"]) == (200, "popular", None, True)
    assert {item["why"] for item in told["items"]} == {"popular in this shop: the ranking failed"}
    assert (score.status_code, score.json()["probability"], score.json()["fallback"]) == (200, 0.25, True)
    assert 'cartpath_scorer_failures_total{scorer="recommend"} 1.0' in metrics.text
    assert parts.slates.rows[0][3] == "popular"  # type: ignore[attr-defined]


def test_one_path_that_fails_does_not_cost_others_theirs(shop: Path, keys: dict[str, str]) -> None:
    ranker = FakeRanker()
    app = create_app(shop, parts=fake_parts(shop, load={**fake_loaders(), "recommend": lambda shop: ranker}))

    async def sent() -> list[dict[str, Any]]:
        async with started(app, keys["all"]) as client:
            await client.post("/v1/events", json=[VIEW, {"user_id": "bad", "event": "boom"}])
            ranker.gate.clear()
            paths = ["anna", "anna", "bad", "anna"]
            asked = [asyncio.create_task(client.get(f"/v1/users/{u}/recommendations")) for u in paths]
            await asyncio.sleep(0.1)
            ranker.gate.set()
            return [answer.json() for answer in await asyncio.gather(*asked)]

    answers = asyncio.run(sent())
    assert [answer["policy"] for answer in answers] == ["blend-1", "blend-1", "popular", "blend-1"]
    assert max(ranker.sizes) > 1


def test_while_the_models_are_busy_health_answers_and_a_full_queue_says_when_to_come_back(
    shop: Path, keys: dict[str, str]
) -> None:
    ranker = FakeRanker()
    parts = fake_parts(shop, load={**fake_loaders(), "recommend": lambda shop: ranker})
    app = create_app(shop, ServeSettings(queue=2), parts=parts)

    async def sent() -> tuple[list[httpx.Response], list[httpx.Response], list[httpx.Response]]:
        async with started(app, keys["all"]) as client:
            ranker.gate.clear()
            waiting = [asyncio.create_task(client.get("/v1/users/u/recommendations"))]
            await asyncio.sleep(0.05)
            waiting += [asyncio.create_task(client.get("/v1/users/u/recommendations")) for _ in range(2)]
            await asyncio.sleep(0.05)
            refused = [await client.get("/v1/users/u/recommendations")]
            health = [await client.get(path) for path in ("/livez", "/readyz", "/metrics")]
            events = await client.post("/v1/events", json=VIEW)
            ranker.gate.set()
            return refused, [*health, events], list(await asyncio.gather(*waiting))

    refused, healthy, waited = asyncio.run(sent())
    problem(refused[0], 503, "busy")
    assert refused[0].headers["retry-after"] == "1"
    assert [answer.status_code for answer in healthy] == [200, 200, 200, 202]
    assert [answer.status_code for answer in waited] == [200, 200, 200]


def test_an_answer_that_takes_too_long_is_not_waited_for(shop: Path, keys: dict[str, str]) -> None:
    ranker = FakeRanker()
    parts = fake_parts(shop, load={"recommend": lambda shop: ranker})
    app = create_app(shop, limits=replace(Limits(), answer_seconds=0.05), parts=parts)

    async def sent() -> httpx.Response:
        async with started(app, keys["all"]) as client:
            ranker.gate.clear()
            answer = await client.get("/v1/users/u/recommendations")
            ranker.gate.set()
            return answer

    problem(asyncio.run(sent()), 503, "busy")


def test_parts_are_closed_with_the_application(app: FastAPI, parts: Parts) -> None:
    ask(app, "")
    assert parts.state.closed  # type: ignore[attr-defined]
    assert parts.slates.closed  # type: ignore[attr-defined]


@pytest.mark.parametrize("folder", ["", "nothing"])
def test_a_folder_that_is_no_workspace_is_refused(tmp_path: Path, folder: str) -> None:
    from cartpath.schema import CartpathError

    with pytest.raises(CartpathError, match="not a Cartpath workspace"):
        create_app(tmp_path / folder)
