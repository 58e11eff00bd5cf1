"""Trackers of a training's figures. All write into the workspace: nothing is sent anywhere."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cartpath.schema import CartpathError, MissingExtraError

#: Name of a tracker to the module it needs.
TRACKERS = {"none": "", "tensorboard": "tensorboard", "mlflow": "mlflow", "wandb": "wandb"}
#: Folder of a model that they write into.
RUNS = "runs"


def check_tracker(name: str) -> None:
    """Refuse a tracker that there is not.

    Raises
    ------
    CartpathError
        If its name is unknown.
    MissingExtraError
        If it is not installed.

    Examples
    --------
    >>> check_tracker("none")
    >>> check_tracker("notebook")
    Traceback (most recent call last):
        ...
    cartpath.schema.errors.CartpathError: there is no tracker 'notebook'
      known: none, tensorboard, mlflow, wandb
    """
    if name not in TRACKERS:
        raise CartpathError(f"there is no tracker {name!r}", f"known: {', '.join(TRACKERS)}")
    if TRACKERS[name] and importlib.util.find_spec(TRACKERS[name]) is None:
        raise MissingExtraError(f"the tracker {name}", "track")


@contextmanager
def tracking(name: str, home: Path) -> Iterator[list[str]]:
    """Yield what the ``Trainer`` reports to, pointed at the workspace unless the environment says otherwise.

    Parameters
    ----------
    name : str
        One of ``TRACKERS``.
    home : Path
        The model's folder.
    """
    runs = (home / RUNS).resolve()
    wanted = {
        "tensorboard": {"TENSORBOARD_LOGGING_DIR": str(runs / "tensorboard")},
        "mlflow": {
            "MLFLOW_TRACKING_URI": (runs / "mlflow").as_uri(),
            # Files need no database driver, which mlflow-skinny does not bring.
            "MLFLOW_ALLOW_FILE_STORE": "true",
            "MLFLOW_EXPERIMENT_NAME": "cartpath",
            "HF_MLFLOW_LOG_ARTIFACTS": "FALSE",
        },
        "wandb": {
            "WANDB_MODE": "offline",
            "WANDB_DIR": str(runs),
            "WANDB_PROJECT": "cartpath",
            "WANDB_LOG_MODEL": "false",
            "WANDB_SILENT": "true",
        },
    }.get(name, {})
    if wanted:
        runs.mkdir(parents=True, exist_ok=True)
    fresh = {variable: value for variable, value in wanted.items() if variable not in os.environ}
    os.environ.update(fresh)
    try:
        yield [] if name == "none" else [name]
    finally:
        for variable in fresh:
            os.environ.pop(variable, None)
