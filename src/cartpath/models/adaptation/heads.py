"""Heads of tasks: intent's, which every model has, and those that are added."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from cartpath.models.behaviour import BehaviourModel

INTENT = "intent"


def add_head(model: BehaviourModel, task: str, outputs: int = 1, seed: int = 0) -> nn.Linear:
    """Give a model the head of another task; it is saved and loaded with the model.

    A head that is there and as wide is left as it is.

    Parameters
    ----------
    model : BehaviourModel
    task : str
        A word; ``intent`` is always there.
    outputs : int
        Numbers it gives for each event.
    seed : int
        Of its weights.

    Raises
    ------
    CartpathError
        If the name cannot be that of a head, or a head of that name gives another number of outputs.
    """
    if task == INTENT or task in model.task_heads:
        return _as_wide(head_of(model, task), task, outputs)
    if not task.isidentifier() or hasattr(model.task_heads, task):
        raise CartpathError(f"a head cannot be called {task!r}", "give it a name of letters, such as churn")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = nn.Linear(model.config.hidden, outputs)
        model._init_weights(head)
    model.task_heads[task] = head.to(model.intent.weight.device)
    model.config.task_heads = {**model.config.task_heads, task: outputs}
    return head


def head_of(model: BehaviourModel, task: str) -> nn.Linear:
    """Return the head of a task: from what is known at an event (..., hidden) to its numbers (..., outputs).

    Raises
    ------
    CartpathError
        If the model has none.
    """
    if task == INTENT:
        return model.intent
    if task not in model.task_heads:
        known = ", ".join([INTENT, *model.task_heads])
        raise CartpathError(f"the model has no head for {task!r}, only for {known}", "add one with add_head")
    head = model.task_heads[task]
    assert isinstance(head, nn.Linear)
    return head


def _as_wide(head: nn.Linear, task: str, outputs: int) -> nn.Linear:
    if head.out_features != outputs:
        raise CartpathError(f"the head for {task!r} gives {head.out_features} numbers, not {outputs}")
    return head
