"""The models of a shop, as a notebook and the command line use them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from cartpath.schema import CartpathError

Progress = Callable[..., Any]

#: Task -> the room and the function that judge it, and whether it is judged before anybody asked about it.
_JUDGES = {
    "intent": ("training", "evaluate", True),
    "churn": ("training", "evaluate", False),
    "spend": ("training", "evaluate", False),
    "repeat": ("training", "evaluate", False),
    "next_item": ("recommend", "evaluate_recommender", True),
}


class ShopModels:
    """What is trained, judged and asked; each method takes the options of the room that does it."""

    path: Path

    def pretrain(self, **options: Any) -> Any:
        """Pretrain the behaviour model; ``options`` are those of ``cartpath.training.pretrain``."""
        return _room("training").pretrain(self.path, **options)

    def finetune(self, task: str = "intent", **options: Any) -> Any:
        """Fine-tune the behaviour model for a task; ``options`` are those of ``cartpath.training.finetune``."""
        return _room("training").finetune(self.path, task=task, **options)

    def search(self, task: str = "intent", **options: Any) -> dict[str, Any]:
        """Search a model's settings on validation; ``options`` are those of ``cartpath.training.search``."""
        return dict(_room("training").search(self.path, task=task, **options))

    def evaluate(
        self,
        task: str = "all",
        slice: str | None = None,
        seed: int = 0,
        progress: Progress | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Judge the models on a later slice of time than they learnt from.

        Parameters
        ----------
        task : str
            ``"intent"``, ``"churn"``, ``"spend"``, ``"repeat"``, ``"next_item"`` (recommendations), or ``"all"``:
            intent, recommendations, and what models were fine-tuned for besides.
        slice : str, optional
            ``"test"`` or ``"calibration"``; by default test where the log has events in it.
        seed : int
            Of the bootstrap.
        progress : callable, optional
            Called with a message and the share done.
        **options
            Of the task, such as ``models``, ``at_k`` and ``refit`` of intent; see ``cartpath.training.evaluate``.

        Returns
        -------
        dict
            For each task what was measured.

        Raises
        ------
        CartpathError
            If the task is unknown, or there is no model to judge.
        """
        if task not in ("all", *_JUDGES):
            raise CartpathError(f"there is no task {task!r}", f"known: all, {', '.join(_JUDGES)}")
        found = {}
        for name, (room, function, always) in _JUDGES.items():
            if task == name or (task == "all" and (always or (self.path / "models" / name / "task.json").exists())):
                judge = getattr(_room(room), function)
                more = {} if room == "recommend" else {"task": name}
                if name in (task, "intent"):
                    more |= options if room == "training" else {}
                found[name] = judge(self.path, slice=slice, seed=seed, progress=progress, **more)
        return found

    def predict(
        self,
        out: str | os.PathLike[str],
        task: str = "intent",
        *,
        users: str | os.PathLike[str] = "all",
        on: Sequence[str | os.PathLike[str]] = (),
        drivers: int = 0,
        model: str | None = None,
        progress: Progress | None = None,
        at: str | int | None = None,
        adapter: str = "generic",
        mapping: Mapping[str, str] | None = None,
        options: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """Write what a task predicts: of users, or of intent at each event of new files.

        Parameters
        ----------
        out : path
            ``.parquet`` or ``.csv``.
        task : str
            ``"intent"``, ``"churn"``, ``"spend"`` or ``"repeat"``.
        users : path or str
            A file of ids, or ``"all"``.
        on : sequence of str or path
            Files to score and not to store; ``users`` does not count then.
        drivers : int
            Drivers of each score in a last column ``drivers``, as JSON.
        model : str, optional
            By default the best.
        progress : callable, optional
            Called with a message and the share done.
        at : str or int, optional
            As of when users are scored; intent is always as of their latest event.
        adapter, mapping, options
            How to read ``on``, as ``ingest`` takes them.
        **more
            ``every_event`` and ``items``; see ``cartpath.training.predict_on``.

        Returns
        -------
        dict
            What was written; see ``cartpath.training.predict`` and ``predict_on``.
        """
        room = _room("training")
        asked: dict[str, Any] = {"task": task, "model": model, "progress": progress}
        asked |= {"drivers": drivers} if drivers else {}
        if not on:
            return dict(room.predict(self.path, Path(out), users=users, at=at, **asked))
        reading = room.Reading([str(source) for source in on], adapter, mapping, options)
        return dict(room.predict_on(self.path, reading, Path(out), **asked, **more))

    def explain(
        self, user_id: str, task: str = "intent", *, model: str | None = None, at: str | None = None, top: int = 10
    ) -> dict[str, Any]:
        """Return a user's probability that a purchase follows with its drivers; see ``cartpath.training.explain_user``.

        Parameters
        ----------
        user_id : str
        task : str
            ``"intent"``.
        model : str, optional
            By default the best.
        at : str, optional
            As of the latest event before this moment; of all by default.
        top : int
            Drivers told.
        """
        return dict(_room("training").explain_user(self.path, user_id, task=task, model=model, at=at, top=top))

    def metrics(self) -> list[dict[str, Any]]:
        """Return every figure of every model that was judged, one record each; none before the first evaluation."""
        rows: list[dict[str, Any]] = _room("training").metrics(self.path)
        return rows

    def calibration(self) -> list[dict[str, Any]]:
        """Return how predicted probabilities compare with what happened, one record a bin."""
        rows: list[dict[str, Any]] = _room("training").calibration(self.path)
        return rows

    def recommend(self, user_id: str, k: int = 10) -> list[dict[str, Any]]:
        """Recommend items to a user; popular ones where the user is unknown.

        Parameters
        ----------
        user_id : str
        k : int
            How many.

        Returns
        -------
        list of dict
            ``item_id``, ``title``, ``score`` and ``why``, the best first.
        """
        items: list[dict[str, Any]] = _room("recommend").recommend(self.path, user_id, k=k)
        return items

    def recommend_all(
        self,
        out: str | os.PathLike[str],
        *,
        users: str | os.PathLike[str] = "all",
        k: int = 20,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Write recommendations for all users, or those of a file.

        Parameters
        ----------
        out : path
            ``.csv``, ``.parquet`` or ``.jsonl``.
        users : path or str
            A file of ids, or ``"all"``.
        k : int
            Items of each user.
        progress : callable, optional
            Called with a message and the share done.

        Returns
        -------
        dict
            What was written; see ``cartpath.recommend.recommend_all``.
        """
        return dict(_room("recommend").recommend_all(self.path, Path(out), users=users, k=k, progress=progress))

    def feedback(self) -> dict[str, Any]:
        """Count what was recommended and what came of it; see ``recommend.slates.count_feedback``."""
        return dict(_room("recommend.slates").count_feedback(self.path).to_dict())

    def take_feedback(self, source: str | os.PathLike[str]) -> dict[str, int]:
        """Take clicks and purchases from JSON lines; see ``recommend.slates.take_feedback``."""
        return dict(_room("recommend.slates").take_feedback(self.path, source))

    def refresh(self, **options: Any) -> dict[str, Any]:
        """Train the behaviour model on with new events, promote it if not worse; see ``cartpath.recommend.refresh``."""
        return dict(_room("recommend").refresh(self.path, **options))

    def versions(self, artefact: str | None = None) -> list[dict[str, Any]]:
        """Return the versions of one model, or of all, the newest of each first; see ``models.versions_of``."""
        return [version.to_dict() for version in _room("models").versions_of(self.path, artefact)]

    def rollback(self, artefact: str, to: str | None = None) -> dict[str, Any]:
        """Make an earlier version of a model the current one.

        Parameters
        ----------
        artefact : str
            Such as ``"behaviour"``; ``versions`` names them.
        to : str, optional
            The version; by default the one made before the current one.

        Returns
        -------
        dict
            ``artefact``, ``before`` and ``current`` versions, and ``out_of_date``: models that are made from another
            version of the behaviour model than the current one.
        """
        models = _room("models")
        before, current = models.go_back(self.path, artefact, to)
        stale = [name for name, fresh in models.built_on(self.path) if not fresh]
        found = {"artefact": artefact, "before": before.version, "current": current.version, "made": current.made}
        return {**found, "out_of_date": stale}


def _room(name: str) -> Any:
    """Import a room that needs PyTorch only when it is asked for."""
    try:
        return import_module(f"cartpath.{name}")
    except ModuleNotFoundError as error:
        raise CartpathError(f"{name} cannot be loaded: {error}", "pip install 'cartpath[models]'") from error
