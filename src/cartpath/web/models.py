"""The models' figures side by side, with intervals and denominators, and their calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cartpath import figures
from cartpath.web import markup as m

Row = dict[str, Any]

_TITLES = {
    "intent": "Purchase intent",
    "churn": "Who stays away",
    "spend": "Who spends how much",
    "repeat": "What is bought again",
    "next_event": "Next event",
    "next_item": "Recommendations",
    "next_item_known": "Recommendations, users with a history",
}
_WORDS = {
    "intent": "The probability that this session ends in a purchase, asked while it is still going on.",
    "churn": "The probability that a user who was active stays away for the whole horizon.",
    "spend": "What users spend within the horizon: rmse and r2 on log(1 + amount), mae in currency.",
    "repeat": "The probability that a user buys within the horizon what the user has bought before.",
    "next_event": "What a shopper does next, before any fine-tuning.",
    "next_item": "The items a shopper turns to next, beside those that are simply popular.",
}
#: The metric drawn for a task, the first that was measured.
_DRAWN = ("auc", "roc_auc", "recall@20", "recall_at_20", "log_loss", "rmse")


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
    head = "".join(f'<th class="n">{m.text(_name(name))}<br>{better[name]} is better</th>' for name in names)
    body = "".join(
        f"<tr><td>{m.text(_name(model))}</td>{''.join(_cell(of.get((model, name))) for name in names)}</tr>"
        for model in models
    )
    return (
        f"<h3>{m.text(_TITLES.get(task, task))}</h3>"
        + m.paragraph(f"{_WORDS.get(task, '')} {_base(rows)}".strip(), "quiet")
        + f'<div class="scroll figures"><table><thead><tr><th>Model</th>{head}</tr></thead>'
        + f"<tbody>{body}</tbody></table></div>"
        + _drawn(task, rows)
    )


def _name(name: str) -> str:
    return name.replace("_at_", "@").replace("_", " ")


def _cell(row: Row | None) -> str:
    """Return a figure with its interval below it."""
    if row is None:
        return '<td class="n">–</td>'
    low, high = row.get("low"), row.get("high")
    below = "" if low is None or high is None else f"<small>{m.number(low)} – {m.number(high)}</small>"
    return f'<td class="n">{m.number(row["value"])}{below}</td>'


def _base(rows: list[Row]) -> str:
    """Say what the figures are of: slice, denominators, generation, seed."""
    words = []
    for part in dict.fromkeys(str(row["slice"]) for row in rows):
        of_part = [row for row in rows if str(row["slice"]) == part]
        counts = sorted({(row["n"], row.get("positives")) for row in of_part}, key=str)
        sizes = "; ".join(f"{n:,}" + (f", {yes:,} of them positive" if yes is not None else "") for n, yes in counts)
        words.append(f"Measured on the {part} slice, later in time than training: n = {sizes}.")
    last = rows[-1]
    words.append(f"Generation {last['generation']}, seed {last['seed']}. Below each figure its 95% interval.")
    return " ".join(words)


def _drawn(task: str, rows: list[Row]) -> str:
    import pandas as pd

    measured = {row["metric"].lower(): row["metric"] for row in rows}
    metric = next((measured[name] for name in _DRAWN if name in measured), None)
    if metric is None:
        return ""
    frame = pd.DataFrame([row for row in rows if row["metric"] == metric])
    plot = figures.metric_figure(frame.assign(model=frame["model"].map(_name)), _name(metric))
    return m.figure(plot, f"metric-{_slug(task)}", f"{_name(metric)} of each model")


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
    plot = figures.calibration_figure(pd.DataFrame([{**row, "model": _name(row["model"])} for row in rows]))
    return (
        "<h3>Can the probabilities be believed?</h3>"
        + m.paragraph(words, "quiet")
        + m.figure(plot, "calibration", "Predicted probability and observed frequency of each model")
    )
