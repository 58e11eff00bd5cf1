"""Sizes of the behaviour model by name; docs/model.md shows their parameters and speed."""

from __future__ import annotations

from collections.abc import Mapping

PRESETS: Mapping[str, Mapping[str, int]] = {
    "tiny": {"hidden": 64, "layers": 2, "heads": 4, "window": 128},
    "small": {"hidden": 128, "layers": 2, "heads": 4, "window": 128},
    "base": {"hidden": 256, "layers": 2, "heads": 4, "window": 256},
    "large": {"hidden": 512, "layers": 4, "heads": 8, "window": 512},
}
