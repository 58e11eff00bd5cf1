"""Draw what pretraining is worth, from ``results/labels.json``: AUC by the share of labels, a panel a step.

    python benchmarks/tasks/labels_figure.py

Writes ``docs/images/intent-labels.png`` by Chromium. A point is the mean over the draws of visitors, its bar a standard
deviation.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.tasks.labels import MODELS, RESULTS
from cartpath.figures.style import SERIES, layout
from cartpath.tasks import STEPS
from docs.images.case_study import photograph

IMAGE = ROOT / "docs" / "images" / "intent-labels.png"


def figure(rows: list[dict[str, Any]]) -> go.Figure:
    """Return a panel for each step, a line for each model."""
    shares = sorted({row["share"] for row in rows})
    drawn = make_subplots(1, len(STEPS), subplot_titles=[f"step {step}" for step in STEPS], shared_yaxes=True)
    for column, step in enumerate(STEPS, 1):
        for number, (model, name) in enumerate(MODELS.items()):
            values = [
                [row[f"auc@{step}"] for row in rows if (row["model"], row["share"]) == (model, s)] for s in shares
            ]
            drawn.add_scatter(
                x=[place + 0.06 * (number - 1) for place, found in enumerate(values) if found],
                y=[mean(found) for found in values if found],
                error_y={"array": [stdev(found) if len(found) > 1 else 0.0 for found in values if found], "width": 3},
                name=name,
                legendgroup=model,
                showlegend=column == 1,
                mode="lines+markers",
                line={"color": SERIES[number]},
                row=1,
                col=column,
            )
    layout(drawn, 400)
    drawn.update_xaxes(tickvals=list(range(len(shares))), ticktext=[f"{share:.0%}" for share in shares])
    drawn.update_yaxes(title={"text": "AUC on test"}, row=1, col=1)
    legend = {"orientation": "h", "y": -0.14, "yanchor": "top", "x": 0}
    drawn.update_layout(showlegend=True, legend=legend, margin={"l": 60, "r": 20, "t": 40, "b": 60})
    return drawn


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "labels.html"
        figure(json.loads(RESULTS.read_text(encoding="utf-8"))["rows"]).write_html(page)
        photograph(page, IMAGE)
