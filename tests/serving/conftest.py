"""A workspace without events, keys for it, and the parts of a service in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx")

from fastapi import FastAPI

from cartpath.serving.app import create_app
from cartpath.serving.parts import Parts
from tests.serving.fakes import fake_parts, make_keys, make_shop


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_shop(tmp_path / "shop")


@pytest.fixture
def keys(shop: Path) -> dict[str, str]:
    return make_keys(shop)


@pytest.fixture
def parts(shop: Path, keys: dict[str, str]) -> Parts:
    return fake_parts(shop)


@pytest.fixture
def app(shop: Path, parts: Parts) -> FastAPI:
    return create_app(shop, parts=parts)
