"""What was measured of intent models as figures in a folder, one HTML file each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cartpath.schema import CartpathError

#: Figures drawn by step, with the name that people know them by.
_BY_STEP = {"auc": "AUC", "ap": "average precision"}


def write_judged(result: Mapping[str, Any], folder: Path | str) -> list[str]:
    """Write the figures of an evaluation: models by step, reliability, and the profit where it was asked for.

    Parameters
    ----------
    result : mapping
        As ``cartpath.training.evaluate`` returns it.
    folder : Path
        Made where it is not there.

    Returns
    -------
    list of str
        The files.

    Raises
    ------
    CartpathError
        If the folder cannot be made.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CartpathError(f"no folder for figures at {folder}: {error.strerror}", "name another: --figures") from None
    written = []
    for name, figure in judged_figures(result).items():
        path = folder / f"{name}.html"
        path.write_text(figure.to_html(include_plotlyjs=True, config={"displayModeBar": False}), encoding="utf-8")
        written.append(str(path))
    return written


def judged_figures(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of an evaluation by name: ``auc_by_step``, ``ap_by_step``, ``reliability``, ``profit``."""
    import pandas as pd

    from cartpath import figures

    where = f"{result['slice']} slice; bars are 95% intervals over draws of users"
    found = {}
    for metric, name in _BY_STEP.items():
        frame = pd.DataFrame([_point(row, metric) for row in result["results"] if row.get(metric) is not None])
        found[f"{metric}_by_step"] = figures.models_by_step_figure(frame, name, where)
    note = (
        f"step {result['k']} of the session, {result['slice']} slice; bars are 95% intervals of the observed frequency"
    )
    found["reliability"] = figures.calibration_figure(pd.DataFrame(result["calibration"]), note)
    if profit := result.get("profit"):
        found["profit"] = figures.profit_figure(*_curves(profit), note=_assumed(profit))
    return found


def _point(row: Mapping[str, Any], metric: str) -> dict[str, Any]:
    low, high = row[f"{metric}_ci"]
    same = {name: row[name] for name in ("model", "k", "n", "positives")}
    return {**same, "value": row[metric], "low": low, "high": high}


def _curves(profit: Mapping[str, Any]) -> tuple[Any, Any]:
    import pandas as pd

    curves, marks = (
        pd.DataFrame([{"model": one["model"], **row} for one in profit["models"] for row in one[name]])
        for name in ("curve", "marks")
    )
    # JSON has no infinity: nobody is treated there.
    return tuple(f.assign(threshold=f["threshold"].astype(float).fillna(float("inf"))) for f in (curves, marks))


def _assumed(profit: Mapping[str, Any]) -> str:
    sums = f"a purchase brings {profit['value']:,.6g} x {profit['uplift']:.4g}, a coupon costs {profit['cost']:,.6g}"
    where = f"step {profit['k']}, {profit['slice']} slice, threshold from {profit['chosen_on']}"
    return f"{where}; {sums}. The share is assumed"
