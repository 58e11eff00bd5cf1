"""Every endpoint without a key, with a wrong one, with one that is too weak, and with one that asks too often."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI

from cartpath.access import list_keys, revoke_key
from cartpath.serving.app import create_app
from tests.serving.fakes import SCOPES, fake_parts
from tests.serving.running import ask
from tests.serving.test_app import VIEW, problem

NEEDS = {
    ("POST", "/v1/events"): "events:write",
    ("POST", "/v1/feedback"): "events:write",
    ("GET", "/v1/users/u/recommendations"): "recommend:read",
    ("POST", "/v1/recommendations"): "recommend:read",
    ("GET", "/v1/users/u/intent"): "recommend:read",
    ("GET", "/v1/users/u/churn"): "recommend:read",
    ("GET", "/v1/users/u/next"): "recommend:read",
    ("GET", "/v1/items/i/similar"): "recommend:read",
    ("GET", "/v1/models"): "recommend:read",
    ("DELETE", "/v1/users/u"): "admin",
}
OPEN = ("/livez", "/readyz", "/metrics")
BODY = {"request_id": "r", "item_id": "i", "kind": "click", **VIEW}


def test_no_endpoint_is_forgotten_here(app: FastAPI) -> None:
    routes = {
        (method, path.replace("/users/{id}", "/users/u").replace("/items/{id}", "/items/i"))
        for path, methods in app.openapi()["paths"].items()
        for method in map(str.upper, methods)
    }
    assert routes == set(NEEDS) | {("GET", path) for path in OPEN}


@pytest.mark.parametrize(("asked", "scope"), NEEDS.items())
def test_what_opens_an_endpoint_and_what_does_not(
    app: FastAPI, keys: dict[str, str], asked: tuple[str, str], scope: str
) -> None:
    method, path = asked
    forged = keys["all"][:-1] + ("a" if keys["all"][-1] != "a" else "b")
    wrong = ("guess", "cpk_000000000000_guess", forged)
    others = [other for other in SCOPES if other != scope]
    sent = [(method, path, BODY, key) for key in (*wrong, *(keys[other] for other in others), keys[scope])]
    bare, *answers, good = ask(app, "", (method, path, BODY), *sent)
    problem(bare, 401, "no-key")
    assert bare.headers["www-authenticate"].startswith("ApiKey")
    for answer in answers[:3]:
        problem(answer, 401, "wrong-key")
    for answer in answers[3:]:
        problem(answer, 403, "too-weak")
    assert good.status_code in (200, 202), good.text
    assert {"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"} <= set(good.headers)


@pytest.mark.parametrize("path", OPEN)
def test_health_needs_no_key(app: FastAPI, path: str) -> None:
    assert ask(app, "", ("GET", path, None))[0].status_code == 200


def test_a_body_is_not_read_before_the_key_is_known_to_be_good(app: FastAPI) -> None:
    (answer,) = ask(app, "", ("POST", "/v1/events", "x" * 2_000_000))
    problem(answer, 401, "no-key")


def test_a_key_that_is_revoked_opens_nothing(shop: Path, keys: dict[str, str]) -> None:
    weak = next(key for key in list_keys(shop) if key.scopes == ("recommend:read",))
    revoke_key(shop, weak.id)
    (answer,) = ask(create_app(shop, parts=fake_parts(shop)), keys["recommend:read"], ("GET", "/v1/models", None))
    problem(answer, 401, "wrong-key")


def test_a_key_that_asks_too_often_is_told_when_to_come_back(shop: Path, keys: dict[str, str]) -> None:
    app = create_app(shop, parts=fake_parts(shop, rate=2))
    *good, refused, metrics = ask(app, keys["all"], *[("GET", "/v1/models", None)] * 3, ("GET", "/metrics", None))
    assert [answer.status_code for answer in good] == [200, 200]
    assert [answer.headers["ratelimit-remaining"] for answer in good] == ["1", "0"]
    problem(refused, 429, "too-many-requests")
    assert refused.headers["retry-after"] == "1"
    assert "cartpath_http_requests_rate_limited_total 1.0" in metrics.text
