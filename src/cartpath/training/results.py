"""Reading back what was measured: every ``metrics.json`` of a workspace as rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cartpath.models import folder_of, read_json
from cartpath.models.artefact import MODELS

METRICS = "metrics.json"
LOWER = frozenset({"log_loss", "brier", "calibration_error"})


def metrics(workspace: Path | str) -> list[dict[str, Any]]:
    """Return every figure measured in a workspace, one row each; see ``cartpath.training``.

    Parameters
    ----------
    workspace : Path

    Returns
    -------
    list of dict
        Empty before anything was judged.
    """
    found = sorted((Path(workspace) / MODELS).glob(f"*/{METRICS}"))
    return [row for path in found for row in (read_json(path) or {}).get("leaderboard", [])]


def calibration(workspace: Path | str) -> list[dict[str, Any]]:
    """Return the reliability of the intent models, one row a bin: model, predicted, observed, low, high, n."""
    content = read_json(folder_of(Path(workspace), "intent") / METRICS) or {}
    return list(content.get("calibration", []))


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
