"""What the service says of itself, asked at random: no fault, and every answer as it is described."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

schemathesis = pytest.importorskip("schemathesis")

from fastapi.testclient import TestClient  # noqa: E402
from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from schemathesis import GenerationMode  # noqa: E402

from cartpath.serving.app import create_app  # noqa: E402
from tests.serving.fakes import fake_parts, make_keys, make_shop  # noqa: E402
from tests.serving.test_permits import NEEDS, OPEN  # noqa: E402

#: Of schemathesis' checks those that hold of any request.
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
OPERATIONS = sorted(
    (path.replace("/users/u", "/users/{id}").replace("/items/i", "/items/{id}"), method)
    for method, path in [*NEEDS, *(("GET", path) for path in OPEN)]
)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, TestClient]]:
    shop = make_shop(tmp_path_factory.mktemp("fuzz") / "shop")
    keys = make_keys(shop)
    app = create_app(shop, parts=fake_parts(shop))
    with TestClient(app, raise_server_exceptions=False, headers={"X-API-Key": keys["all"]}) as client:
        yield schemathesis.openapi.from_dict(app.openapi()), client


MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
#: What has no parameters cannot be asked wrongly.
ASKED = [(*of, mode) for of in OPERATIONS for mode in MODES if mode is MODES[0] or of[0] not in OPEN]


@pytest.mark.parametrize(("path", "method", "mode"), ASKED, ids=str)
def test_no_request_is_a_fault(asked: tuple[Any, TestClient], path: str, method: str, mode: GenerationMode) -> None:
    schema, client = asked
    operation = schema[path][method]
    schemathesis.checks.load_all_checks()
    checks = [schemathesis.checks.CHECKS.get_one(name) for name in CHECKS]

    @settings(
        max_examples=8 if method == "DELETE" else 25,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def sent(case: Any) -> None:
        told = case.as_transport_kwargs(base_url="http://shop")
        told.pop("cookies", None)
        if "data" in told:
            told["content"] = told.pop("data")
        case.validate_response(client.request(**told), checks=checks)

    sent()
