"""The card beside every model: what it was trained on, with what, and when its slices begin."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cartpath.features import Log
from cartpath.models import read_json, write_json
from cartpath.models.artefact import CARD
from cartpath.schema import CartpathError
from cartpath.store import PathView
from cartpath.tasks import Dates, TimeSplit, time_split

_LIBRARIES = ("cartpath", "torch", "transformers", "accelerate", "lightgbm", "numpy")


def versions() -> dict[str, str]:
    """Return the versions that a result may depend on."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def write_card(folder: Path, log: Log, split: TimeSplit, seed: int, **further: Any) -> dict[str, Any]:
    """Write a model's card and return it.

    Parameters
    ----------
    folder : Path
        The model's version.
    log : Log
        What it was trained on.
    split : TimeSplit
    seed : int
    **further
        What else to say.
    """
    about = {"generation": log.generation, "events": log.view.n_events, "share_of_store": log.share}
    card = made_now(split, seed, **about, **further)
    write_json(folder / CARD, card)
    return card


def made_now(split: TimeSplit, seed: int, **about: Any) -> dict[str, Any]:
    """Return a model's card: its slices of time, the versions it was made with, and when."""
    return {
        **about,
        "cuts": list(split.cuts),
        "split": split.to_dict(),
        "seed": seed,
        "versions": versions(),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def read_card(folder: Path) -> Mapping[str, Any]:
    """Read a model's card."""
    card: Mapping[str, Any] | None = read_json(folder / CARD)
    if card is None:
        raise CartpathError(f"{folder} has no {CARD}", "train the model again")
    return card


def split_of(card: Mapping[str, Any]) -> TimeSplit:
    """Return the split a model was trained with: what follows it keeps to the same cuts."""
    first, second, third = (int(cut) for cut in card["cuts"])
    return TimeSplit((first, second, third))


def split_for(view: PathView, card: Mapping[str, Any], dates: Dates) -> TimeSplit:
    """Return an experiment's slices: the pretrained model's, or others that begin after its training ended.

    Parameters
    ----------
    view : PathView
    card : mapping
        The pretrained model's.
    dates : Dates
        As far as somebody gave them.
    """
    if dates == Dates(zone=dates.zone):
        return split_of(card)
    if dates.train is None:
        dates = replace(dates, train=split_of(card).train_until)
    return time_split(view, dates)


def trained_until(card: Mapping[str, Any]) -> int:
    """Return where a pretrained model's training ended, microseconds since 1970 UTC: it saw nothing from there on."""
    return int(card.get("trained_until", split_of(card).train_until))
