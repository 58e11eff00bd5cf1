"""Reading back what was measured: every ``metrics.json`` of a workspace as rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cartpath.models import folder_of, read_json
from cartpath.models.artefact import MODELS, POINTER
from cartpath.training.card import read_card

METRICS = "metrics.json"
LOWER = frozenset({"log_loss", "brier", "calibration_error", "rmse", "mae"})


def metrics(workspace: Path | str) -> list[dict[str, Any]]:
    """Return every figure measured in a workspace, one row each; see ``cartpath.training``.

    Parameters
    ----------
    workspace : Path

    Returns
    -------
    list of dict
        Empty before anything was judged. Figures of models that have been trained again since are left out.
    """
    found: list[dict[str, Any]] = []
    for path in sorted((Path(workspace) / MODELS).glob(f"*/{METRICS}")):
        content = read_json(path) or {}
        stale = _stale(Path(workspace), content)
        found += [row for row in content.get("leaderboard", []) if not _belongs(row["task"], stale)]
    return found


def calibration(workspace: Path | str) -> list[dict[str, Any]]:
    """Return the reliability of the intent models, one row a bin: model, predicted, observed, low, high, n."""
    content = read_json(folder_of(Path(workspace), "intent") / METRICS) or {}
    return [] if _belongs("intent", _stale(Path(workspace), content)) else list(content.get("calibration", []))


def about_version(folder: Path) -> dict[str, str]:
    """Return which version of a model was judged: its folder's name, and when it was made."""
    return {"version": folder.name, "made": str(read_card(folder)["made"])}


def _stale(workspace: Path, content: dict[str, Any]) -> set[str]:
    """Return the judged models of which another version is current now."""
    now = {name: read_json(folder_of(workspace, name) / POINTER) or {} for name in content.get("judged", {})}
    return {name for name, was in content.get("judged", {}).items() if now[name].get("version") != was["version"]}


def _belongs(task: str, models: set[str]) -> bool:
    """Tell whether figures of a task are of one of some models: pretraining's task of that model, else of the rest."""
    return bool(models & {"behaviour"} if task == "next_event" else models - {"behaviour"})


def row(
    task: str,
    model: str,
    metric: str,
    figure: Any,
    about: dict[str, Any],
) -> dict[str, Any]:
    """Make one row of a leaderboard.

    Parameters
    ----------
    task, model, metric : str
    figure : evaluation.Interval
    about : dict
        ``n``, ``positives``, ``slice``, ``generation``, ``seed``.
    """
    better = "lower" if metric in LOWER else "higher"
    interval = {"value": figure.value, "low": figure.low, "high": figure.high}
    return {"task": task, "model": model, "metric": metric, **interval, "better": better, **about}
