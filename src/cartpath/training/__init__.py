"""Training and judging of models: one call each, on a workspace.

``pretrain(workspace, *, size=None, train_until=None, epochs=None, minutes=None, seed=0, resume=True, ...) -> dict``
    Learns the behaviour model on the events before the first cut; writes ``models/behaviour`` and returns its card.
``finetune(workspace, *, task="intent", method="full", horizon=None, train_until=None, ...) -> dict``
    Fine-tunes it for intent, churn, spend or repeat by a method; writes ``models/TASK-behaviour-METHOD``. A pretrained
    model that saw anything at or after ``train_until`` is refused.
``search(workspace, *, task="intent", model="behaviour-full", sampler="tpe", trials=20, minutes=None, ...) -> dict``
    Searches a model's settings by its loss on validation; the best are those of later fits of the model.
``evaluate(workspace, *, task="intent", models=None, slice=None, ...) -> dict``
    Judges models on a later slice, fitting those that are missing; writes ``models/TASK/metrics.json``.
``predict(workspace, out, *, task="intent", users="all", model=None, progress=None) -> dict``
    Scores users as of their latest event, or of ``at``, into a file. ``predict_on(workspace, Reading(sources, adapter),
    out, *, every_event=False, ...)`` scores the events of new files without storing them.
``explain_user(workspace, user_id, *, task="intent", model=None, at=None, top=10) -> dict``
    Tells a user's score with its drivers.
``metrics(workspace) -> list[dict]``
    Every figure of every ``metrics.json``, one row each: ``task`` (``intent``, ``next_event``, ``next_item`` …),
    ``model``, ``metric``, ``value``, ``low``, ``high`` (95% interval, or None), ``n``, ``positives`` (or None),
    ``slice``, ``better`` (``lower`` or ``higher``), ``generation``, ``seed``. Empty before anything was judged.
``calibration(workspace) -> list[dict]``
    Reliability of the intent models, one row a bin: ``model``, ``predicted``, ``observed``, ``low``, ``high``, ``n``.

``progress`` is called as ``progress(message, share_done)`` with a share from 0 to 1. After an interruption at any
point, by Ctrl-C or a kill, the next call with the same settings goes on from the last checkpoint (``resume=False``
starts afresh).
"""

from cartpath.training.by_task import evaluate, finetune, predict
from cartpath.training.intent.explain import explain_user
from cartpath.training.intent.on_source import Reading
from cartpath.training.intent.predict_on import predict_on
from cartpath.training.intent.search import search
from cartpath.training.pretrain import pretrain
from cartpath.training.results import calibration, metrics

__all__ = [
    "Reading",
    "calibration",
    "evaluate",
    "explain_user",
    "finetune",
    "metrics",
    "predict",
    "predict_on",
    "pretrain",
    "search",
]
