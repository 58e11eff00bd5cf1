"""The questions for Cartpath: a shop's own methods, which open the newest generation each time and map it from disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["CARTPATH_CACHE"] = "off"

import cartpath

STEPS = ["view", "add_to_cart", "purchase"]


def ask(question: str, folder: Path, how: str, cores: int) -> Callable[[], Any]:
    shop = cartpath.open(folder / "shop")

    def funnel() -> list[int]:
        return [step["n"] for step in shop.funnel(STEPS, within="7d").to_dict()["steps"]]

    def reach() -> list[int]:
        return [step["n"] for step in shop.funnel(STEPS).to_dict()["steps"]]

    def flow() -> list[list[Any]]:
        edges = shop.flow().to_dict()["edges"]
        return [
            [edge[name] for name in ("source", "target", "n", "sessions", "users")] + [_micros(edge)] for edge in edges
        ]

    def variants() -> list[list[Any]]:
        found = shop.variants(collapse=True, top=20).to_dict()["variants"]
        return [[row["path"], row["n"], row["conversions"]] for row in found]

    def steps() -> list[list[Any]]:
        # The session's first step is step 0.
        columns = shop.step_view(steps=4, top=50).to_dict()["columns"]
        return [[column["step"] + 1, value["event"], value["n"]] for column in columns for value in column["values"]]

    return {"funnel": funnel, "reach": reach, "flow": flow, "variants": variants, "steps": steps}[question]


def _micros(edge: dict[str, Any]) -> float | None:
    gap = edge.get("median_gap_seconds")
    return None if gap is None else gap * 1e6
