"""One Spark for the tests of a process, ended with them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package")
def spark() -> Iterator[str]:
    """The name of an engine on Spark, and the end of it."""
    from cartpath.engine import session
    from tests.engine.same import SPARK

    yield SPARK
    session.stop()


@pytest.fixture(autouse=True)
def _no_kept_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both engines count: what one has kept is no answer of the other."""
    monkeypatch.setenv("CARTPATH_CACHE", "off")
