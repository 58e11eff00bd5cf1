"""A model's folder: versions beside each other, and a pointer that is swapped when one is complete."""

from __future__ import annotations

import json
import math
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cartpath import store
from cartpath.schema import CartpathError

MODELS = "models"
POINTER = "current.json"
CARD = "card.json"
#: What a fitted model says of itself: its kind, and what its kind needs.
SCORER = "scorer.json"
#: What an adaptation says of itself, its base among it.
ADAPTATION = "adaptation.json"
#: Versions of a model that are kept, the current one among them: those before can be gone back to.
KEPT = 3


def folder_of(workspace: Path, name: str) -> Path:
    """Return where a model's versions, metrics and checkpoints lie."""
    return Path(workspace) / MODELS / name


def write_json(path: Path, content: Any) -> None:
    """Write JSON under a temporary name, then rename; what is not a finite number becomes null.

    Parameters
    ----------
    path : Path
        Its folder is made.
    content : Any
        What ``json`` can hold.
    """
    store.write_json(path, finite(content))


def finite(content: Any) -> Any:
    """Return content with null for what is not a finite number.

    Examples
    --------
    >>> finite({"a": [1.0, float("nan")]})
    {'a': [1.0, None]}
    """
    if isinstance(content, dict):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [finite(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content


def read_json(path: Path) -> Any:
    """Read JSON; None if the file is not there."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CartpathError(f"{path} is damaged: {error}", "train the model again") from None


@contextmanager
def new_version(workspace: Path, name: str) -> Iterator[Path]:
    """Give a folder to write a version into, and make it the current one if that succeeds.

    A crash at any point leaves the version before. The newest ``KEPT`` versions are kept, and in any case the one that
    was current, for whoever is still reading it, and those that adaptations (such as LoRA's) of other models are put
    onto; others are removed, leftovers of a crash included.
    """
    home = folder_of(workspace, name)
    version = home / f"v-{uuid.uuid4().hex[:12]}"
    version.mkdir(parents=True)
    try:
        yield version
    except BaseException:
        shutil.rmtree(version, ignore_errors=True)
        raise
    previous, listed = pointed_at(home)
    needed = {previous, *_bases(Path(workspace))}
    kept = [place for n, place in enumerate([version.name, *listed]) if n < KEPT or place in needed]
    write_json(home / POINTER, {"version": version.name, "versions": kept})
    if previous is None:
        return
    # Not by name alone: a newer folder may be one that another process is writing.
    for other in home.glob("v-*"):
        over = other.name in listed or _changed(other) < _changed(home / previous)
        if over and other.name not in kept:
            shutil.rmtree(other, ignore_errors=True)


def _bases(workspace: Path) -> set[str]:
    """Return the versions that adaptations are put onto; see ``adaptation.save_adaptation``."""
    found = set()
    for path in (workspace / MODELS).glob(f"*/v-*/{ADAPTATION}"):
        # A damaged one cannot be put onto anything.
        with suppress(CartpathError, AttributeError):
            found.add(str((read_json(path) or {}).get("base_name")))
    return found


def pointed_at(home: Path) -> tuple[str | None, list[str]]:
    """Return the current version of a model's folder, and all that are kept, the newest first.

    None and no version where there is no pointer, or it is damaged.
    """
    try:
        found = read_json(home / POINTER) or {}
        current = str(found["version"])
        return current, [str(version) for version in found.get("versions", [current])]
    except (CartpathError, KeyError, TypeError, AttributeError):
        return None, []


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def current_version(workspace: Path, name: str, made_by: str) -> Path:
    """Return the folder of a model's current version.

    Parameters
    ----------
    workspace : Path
    name : str
    made_by : str
        The command that makes it, for the message.

    Raises
    ------
    CartpathError
        If there is none.
    """
    pointer = read_json(folder_of(workspace, name) / POINTER)
    folder = folder_of(workspace, name) / str((pointer or {}).get("version", ""))
    if pointer is None or not folder.is_dir():
        raise CartpathError(f"there is no model {name!r} in {workspace} yet", f"make it: {made_by} {workspace}")
    return folder


def has_version(workspace: Path, name: str) -> bool:
    """Tell whether a model has a current version."""
    return (folder_of(workspace, name) / POINTER).exists()


def read_scorer(folder: Path) -> dict[str, Any]:
    """Read what a fitted model wrote about itself.

    Raises
    ------
    CartpathError
        If there is none.
    """
    raw: dict[str, Any] | None = read_json(folder / SCORER)
    if raw is None:
        raise CartpathError(f"{folder} holds no model (no {SCORER})", "make it: cartpath finetune SHOP")
    return raw
