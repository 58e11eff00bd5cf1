"""The models' figures side by side, with intervals and denominators, and their calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cartpath import figures
from cartpath.web import markup as m

Row = dict[str, Any]

_TITLES = {
    "intent": "Purchase intent",
    "next_event": "Next event",
    "next_item": "Next item: recommendations",
}
_WORDS = {
    "intent": "The probability that this session ends in a purchase, asked while it is still going on.",
    "next_event": "What a shopper does next, before any fine-tuning.",
    "next_item": "The items a shopper turns to next, beside those that are simply popular.",
}
#: The metric drawn for a task, the first that was measured.
_DRAWN = ("auc", "roc_auc", "recall@20", "recall_at_20", "log_loss")


def models_section(metrics: Sequence[Row], calibration: Sequence[Row]) -> str:
    """Return the section on models.

    Parameters
    ----------
    metrics, calibration : sequence of dict
        As ``cartpath.training.metrics`` and ``cartpath.training.calibration`` give them.
    """
    if not metrics:
        words = "No model has been evaluated yet: cartpath pretrain, cartpath finetune, cartpath evaluate."
        return m.section("models", "Models", m.paragraph(words, "quiet"))
    tasks = list(dict.fromkeys(row["task"] for row in metrics))
    parts = [_task(task, [row for row in metrics if row["task"] == task]) for task in tasks]
    return m.section("models", "Models", *parts, _calibration(calibration))


def _task(task: str, rows: list[Row]) -> str:
    models = list(dict.fromkeys(row["model"] for row in rows))
    names = list(dict.fromkeys(row["metric"] for row in rows))
    of = {(row["model"], row["metric"]): row for row in rows}
    better = {row["metric"]: row["better"] for row in rows}
    headers = ("Model", *(f"{name} ({better[name]} is better)" for name in names))
    body = [(model, *(_cell(of.get((model, name))) for name in names)) for model in models]
    return (
        f"<h3>{m.text(_TITLES.get(task, task))}</h3>"
        + m.paragraph(f"{_WORDS.get(task, '')} {_base(rows)}".strip(), "quiet")
        + m.table(headers, body, numeric=tuple(range(1, len(headers))))
        + _drawn(task, rows)
    )


def _cell(row: Row | None) -> str:
    if row is None:
        return "–"
    value = m.number(row["value"])
    if row.get("low") is None or row.get("high") is None:
        return value
    return f"{value} ({m.number(row['low'])} – {m.number(row['high'])})"


def _base(rows: list[Row]) -> str:
    """Say what the figures are of: slice, denominators, generation, seed."""
    words = []
    for part in dict.fromkeys(str(row["slice"]) for row in rows):
        of_part = [row for row in rows if str(row["slice"]) == part]
        counts = sorted({(row["n"], row.get("positives")) for row in of_part}, key=str)
        sizes = "; ".join(f"{n:,}" + (f", {yes:,} of them positive" if yes is not None else "") for n, yes in counts)
        words.append(f"Measured on the {part} slice, later in time than training: n = {sizes}.")
    last = rows[-1]
    words.append(f"Generation {last['generation']}, seed {last['seed']}. In brackets the 95% interval.")
    return " ".join(words)


def _drawn(task: str, rows: list[Row]) -> str:
    import pandas as pd

    measured = {row["metric"].lower(): row["metric"] for row in rows}
    metric = next((measured[name] for name in _DRAWN if name in measured), None)
    if metric is None:
        return ""
    frame = pd.DataFrame([row for row in rows if row["metric"] == metric])
    return m.figure(figures.metric_figure(frame, metric), f"metric-{_slug(task)}", f"{metric} of each model")


def _slug(name: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in name)


def _calibration(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    import pandas as pd

    words = (
        "Predicted probabilities beside what happened, in bins of equal size. On the dotted line a prediction of 10% "
        "comes true in 10% of cases; bars are 95% intervals of the observed frequency."
    )
    plot = figures.calibration_figure(pd.DataFrame(list(rows)))
    return (
        "<h3>Can the probabilities be believed?</h3>"
        + m.paragraph(words, "quiet")
        + m.figure(plot, "calibration", "Predicted probability and observed frequency of each model")
    )
