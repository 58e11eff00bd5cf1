"""Checkpoints: all that a training needs to go on as if it had never stopped, in a folder that is whole or absent."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cartpath import store
from cartpath.store.files import sync
from cartpath.training.plan import State

#: Folder of the checkpoints of a model.
CHECKPOINTS = "checkpoints"
#: Where one is written before it gets its name.
PARTIAL = "partial"
_PREFIX, _CONTENTS, _STATE = "checkpoint-", "contents.json", "state.json"


def key_of(**depends_on: Any) -> str:
    """Return a hash of what a training depends on.

    Examples
    --------
    >>> key_of(seed=0) == key_of(seed=0), key_of(seed=0) == key_of(seed=1)
    (True, False)
    """
    text = json.dumps(depends_on, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def publish(partial: Path, home: Path, key: str, state: State) -> None:
    """Give a written checkpoint its name, and remove those before it.

    Parameters
    ----------
    partial : Path
        Folder ``checkpoint-STEP`` that holds the files.
    home : Path
        Where checkpoints lie.
    key : str
    state : State
    """
    final = home / partial.name
    if final.exists():
        shutil.rmtree(partial)
        return
    store.write_json(partial / _STATE, asdict(state))
    write_contents(partial, key)
    os.rename(partial, final)
    sync(home)
    for other in home.glob(f"{_PREFIX}*"):
        if other != final:
            remove(other)


def write_contents(folder: Path, key: str) -> None:
    """Write which files a checkpoint has, and what they depend on."""
    files = {path.name: [path.stat().st_size, _checksum(path)] for path in sorted(folder.iterdir())}
    store.write_json(folder / _CONTENTS, {"key": key, "files": files})


def remove(folder: Path) -> None:
    """Remove a checkpoint."""
    shutil.rmtree(folder, ignore_errors=True)


def latest(home: Path, key: str) -> tuple[Path | None, list[str]]:
    """Find the checkpoint to go on from.

    Parameters
    ----------
    home : Path
    key : str
        What the training depends on; a checkpoint of another key is not gone on from.

    Returns
    -------
    tuple of Path or None, and list of str
        The folder, and what was wrong with those that were passed over.
    """
    told: list[str] = []
    for folder in sorted(home.glob(f"{_PREFIX}*"), key=_step, reverse=True):
        wrong = _wrong_with(folder, key)
        if wrong is None:
            return folder, told
        told.append(f"{folder.name}: {wrong}, so it is ignored")
    return None, told


def read_state(folder: Path) -> State:
    """Return where the training of a checkpoint was."""
    content = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    return State(**{**content, "resumed": True})


def _wrong_with(folder: Path, key: str) -> str | None:
    try:
        contents = json.loads((folder / _CONTENTS).read_text(encoding="utf-8"))
        if contents["key"] != key:
            return "it is of other data or settings"
        for name, (size, checksum) in contents["files"].items():
            if (folder / name).stat().st_size != size or _checksum(folder / name) != checksum:
                return f"{name} is damaged"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "it is damaged"
    return None


def _checksum(path: Path) -> int:
    found = 0
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            found = zlib.crc32(part, found)
    return found


def _step(folder: Path) -> int:
    number = folder.name.removeprefix(_PREFIX)
    return int(number) if number.isdigit() else -1
