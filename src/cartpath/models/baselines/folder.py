"""The folder of a classic model: its items, its settings as JSON, its arrays as npz."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.models.artefact import read_json, write_json
from cartpath.models.next_item import ItemIndex
from cartpath.schema import CartpathError

_MODEL = "model.json"
_ARRAYS = "arrays.npz"


def write_model(
    folder: Path, kind: str, items: ItemIndex, settings: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]
) -> None:
    """Write a model into an existing folder."""
    items.save(folder)
    named: dict[str, Any] = dict(arrays)
    np.savez(folder / _ARRAYS, **named)
    write_json(folder / _MODEL, {"kind": kind, "settings": dict(settings)})


def kind_of(folder: Path) -> str | None:
    """Return which kind of model a folder holds, if any."""
    raw = read_json(folder / _MODEL)
    return None if raw is None else str(raw["kind"])


def read_model(folder: Path, kind: str) -> tuple[ItemIndex, dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Return the items, settings and arrays that ``write_model`` wrote.

    Raises
    ------
    CartpathError
        If the folder holds no model of this kind.
    """
    raw = read_json(folder / _MODEL)
    if raw is None or raw["kind"] != kind:
        raise CartpathError(f"{folder} holds no {kind} model", "fit and save one there")
    with np.load(folder / _ARRAYS) as held:
        return ItemIndex.load(folder), raw["settings"], {name: held[name] for name in held.files}
