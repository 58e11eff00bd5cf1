"""What tests of several sources share."""

from __future__ import annotations

import pytest

from cartpath.ingest.database import job as database
from cartpath.ingest.database import query as database_query


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetches and chunks of a hundred rows, and no long pauses."""
    monkeypatch.setattr(database_query, "FETCH", 100)
    monkeypatch.setattr(database, "ROWS", 100)
    monkeypatch.setattr(database_query, "PAUSES", (0.05, 0.05, 0.05))
