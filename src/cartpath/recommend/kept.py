"""The fitted parts of a workspace on disk, so that a service starts without fitting: a generation of the store each."""

from __future__ import annotations

from pathlib import Path

from cartpath.models import current_version, new_version, read_json, write_json
from cartpath.recommend.fit import NAME, Fitted, load_fitted
from cartpath.recommend.parts import Parts
from cartpath.schema import CartpathError

#: Name of the model in a workspace.
KEPT = "recommender-parts"
_ABOUT = "about.json"


def kept_parts(workspace: Path, generation: int) -> tuple[Fitted, Parts] | None:
    """Return the blend and its parts if they were fitted on this generation of the store; None where they were not."""
    try:
        folder = current_version(workspace, KEPT, "")
        blend = current_version(workspace, NAME, "")
        about = read_json(folder / _ABOUT)
        if about != {"generation": generation, "blend": blend.name}:
            return None
        fitted = load_fitted(workspace)
        if fitted.folder != blend:
            return None
        return fitted, Parts.load(folder, fitted.pretrained)
    except (CartpathError, OSError, KeyError, ValueError):
        # Not there, of another version, or damaged: they are fitted again.
        return None


def keep_parts(workspace: Path, generation: int, fitted: Fitted, parts: Parts) -> None:
    """Write parts, for whoever loads the blend of this generation next."""
    with new_version(workspace, KEPT) as folder:
        parts.save(folder)
        write_json(folder / _ABOUT, {"generation": generation, "blend": fitted.folder.name})
