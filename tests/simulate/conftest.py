from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from cartpath.simulate import Dirt, SimulationSummary, simulate

USERS, DAYS, SEED = 6000, 40, 11


@dataclass(frozen=True)
class Simulated:
    folder: Path
    summary: SimulationSummary
    truth: dict[str, Any]
    events: pd.DataFrame


def load(folder: Path, summary: SimulationSummary) -> Simulated:
    truth = json.loads((folder / "truth.json").read_text())
    return Simulated(folder, summary, truth, pq.read_table(folder / "events.parquet").to_pandas())


@pytest.fixture(scope="session")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """A log with five times the usual dirt, so that every kind occurs."""
    folder = tmp_path_factory.mktemp("dirty")
    return load(folder, simulate(folder, USERS, DAYS, SEED, dirt=Dirt().scaled(5)))


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    folder = tmp_path_factory.mktemp("clean")
    return load(folder, simulate(folder, USERS, DAYS, SEED, dirt=Dirt.none()))
