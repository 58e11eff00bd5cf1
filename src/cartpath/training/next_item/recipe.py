"""How a next-item model comes to be: the options of a fit, what it gives back, and choosing on validation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from cartpath.models.next_item import NextItemModel
from cartpath.tasks import NextItemSplit
from cartpath.training.data import Progress
from cartpath.training.next_item.judge import ndcg_10

#: Size of a network where none is asked for.
DEFAULT_PRESET = "base"
#: A setting, and the model it gives.
Candidate = tuple[dict[str, Any], NextItemModel]


@dataclass(frozen=True)
class FitOptions:
    """How to fit a model.

    Attributes
    ----------
    seed : int
        Of all that is random.
    budget_seconds : float, optional
        Wall time after which training stops and the best so far is taken; each model's own rule by default.
    preset : str
        Size of a network.
    settings : mapping
        Settings that are given and not chosen.
    folder : Path, optional
        Where checkpoints may lie.
    judged : callable, optional
        Given a network each time it was validated, as it was judged.
    refit : bool
        Learn from validation too once everything is chosen; a part of the budget is kept for it.
    """

    seed: int = 0
    budget_seconds: float | None = None
    preset: str = DEFAULT_PRESET
    settings: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    judged: Callable[[NextItemModel], None] | None = None
    refit: bool = False


@dataclass(frozen=True)
class Fitted:
    """A fitted model and how it came to be.

    Attributes
    ----------
    model : NextItemModel
    epochs : int, optional
        Passes over the training data, where there are such.
    chosen : dict
        The settings, those chosen on validation included, as JSON can hold them.
    curve : list of dict
        ``seconds``, ``epoch`` and validation ``NDCG@10`` as training went on.
    valid : float, optional
        NDCG@10 on the validation questions before those were learned from.
    again : callable, optional
        Gives the same model, nothing of it chosen anew, with what was held out for validation learned from.
    """

    model: NextItemModel
    epochs: int | None = None
    chosen: dict[str, Any] = field(default_factory=dict)
    curve: list[dict[str, float]] = field(default_factory=list)
    valid: float | None = None
    again: Callable[[], NextItemModel] | None = field(default=None, repr=False, compare=False)


Fit = Callable[[NextItemSplit, FitOptions, Progress], Fitted]


@dataclass(frozen=True)
class Recipe:
    """A model's name and the function that fits it.

    Attributes
    ----------
    name : str
        On the command line.
    fit_at : str
        ``module:function`` of a ``Fit``; imported when it is used, since networks need PyTorch.
    about : str
        One line.
    uses_time : bool
        Whether scores depend on ``time``.
    is_network : bool
        Whether it is trained in epochs: whether preset and budget say anything to it.
    """

    name: str
    fit_at: str
    about: str
    uses_time: bool = False
    is_network: bool = False

    def fit(self, split: NextItemSplit, options: FitOptions, progress: Progress) -> Fitted:
        """Fit the model."""
        module, _, function = self.fit_at.partition(":")
        fit: Fit = getattr(import_module(module), function)
        fitted = fit(split, options, progress)
        if not options.refit or fitted.again is None:
            return fitted
        valid = ndcg_10(fitted.model, split)
        progress("learning from the validation events too", 0.9)
        return replace(fitted, model=fitted.again(), valid=valid, again=None)


def best_of(split: NextItemSplit, candidates: Iterable[Candidate], progress: Progress) -> Fitted:
    """Take the candidate with the highest NDCG@10 on the validation questions; of equals the first.

    Parameters
    ----------
    split : NextItemSplit
    candidates : iterable of (settings, model)
        Made one at a time, so that only two are in memory.
    progress : callable
    """
    best: Candidate | None = None
    score, tried = -1.0, []
    for settings, model in candidates:
        found = ndcg_10(model, split)
        tried.append({**settings, "valid_NDCG@10": found})
        progress(f"{', '.join(f'{k} {v}' for k, v in settings.items())}: validation NDCG@10 {found:.4f}", 0.5)
        if found > score:
            best, score = (settings, model), found
    if best is None:
        raise ValueError("no candidate")
    return Fitted(best[1], chosen={**best[0], "valid_NDCG@10": score, "tried": tried})
