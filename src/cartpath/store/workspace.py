"""Making and opening workspaces."""

from __future__ import annotations

import shlex
from pathlib import Path

from cartpath import config
from cartpath.schema import CartpathError
from cartpath.store import manifest as manifests
from cartpath.store.files import atomic
from cartpath.store.snapshot import Snapshot


def init(workspace: Path | str, settings: config.Settings | None = None) -> None:
    """Make a workspace: ``cartpath.toml``, ``store/``, ``models/``, ``reports/``, ``quarantine/``.

    Parameters
    ----------
    workspace : Path
        A folder that does not exist or is empty, or holds a ``cartpath.toml`` to start from.
    settings : Settings, optional
        By default those of the ``cartpath.toml`` that is there, else the defaults.

    Raises
    ------
    CartpathError
        If the folder is a workspace already or holds other files.
    """
    path = Path(workspace)
    if (path / manifests.STORE / "manifest.json").exists():
        raise CartpathError(
            f"{path} is a Cartpath workspace already", f"add to it: cartpath ingest {shlex.quote(str(path))} ..."
        )
    if path.exists() and (not path.is_dir() or any(p.name not in _OURS for p in path.iterdir())):
        raise CartpathError(f"{path} exists and is not an empty folder", "choose a new folder")
    for name in ("store", "models", "reports", "quarantine"):
        (path / name).mkdir(parents=True, exist_ok=True)
    toml = path / config.FILE_NAME
    if settings is not None or not toml.exists():
        settings = settings or config.Settings()
        with atomic(toml) as temporary:
            temporary.write_text(settings.to_toml(), encoding="utf-8")
    settings = config.load(path)
    manifests.swap(path, manifests.Manifest.empty(settings.store.buckets, settings.sessions.gap_seconds))


_OURS = {config.FILE_NAME, "store", "models", "reports", "quarantine"}


def open_snapshot(workspace: Path | str) -> Snapshot:
    """Pin and return the current generation of a workspace.

    Raises
    ------
    CartpathError
        If the folder is not a workspace.
    """
    return Snapshot(Path(workspace))
