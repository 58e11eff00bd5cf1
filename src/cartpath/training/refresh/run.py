"""``refresh``: train on with what came since, judge on what came last, and promote what is not worse."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cartpath import store
from cartpath.features import Snapshot, read_log
from cartpath.models import Pretrained, current_version, folder_of, need, write_json
from cartpath.schema import CartpathError, iso
from cartpath.tasks import TimeSplit, check_unshaped, time_split_of
from cartpath.training.card import read_card, trained_until
from cartpath.training.corpus import all_times
from cartpath.training.data import Progress, dates_in, silent
from cartpath.training.plan import Plan
from cartpath.training.pretrain import NAME, Data, Job, auto_epochs, publish
from cartpath.training.refresh.judge import MARGIN, compare
from cartpath.training.refresh.start import ContinueFrom

REFRESH = "refresh.json"
#: A quarter of what a training from nothing takes, at a quarter of its rate: most is known.
_LESS, _RATE = 4, 5e-4


def refresh(
    workspace: Path | str,
    *,
    train_until: str | int | None = None,
    margin: float = MARGIN,
    epochs: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Go on from the current behaviour model with the events that came since, and promote it if it is not worse.

    Both models are asked for the items of the newest slice, which begins where the new one stopped learning, so that
    neither has seen it. The new one becomes the current version if the lower end of the 95% interval of the difference
    in NDCG@20 is above minus ``margin``. Interrupted, the same call goes on from its last checkpoint.

    Parameters
    ----------
    workspace : Path
    train_until : str or int, optional
        Nothing at or after this moment is learned from; by default as ``pretrain`` chooses it, the last fifth of days.
    margin : float
        NDCG@20 that the new model may be worse by at most.
    epochs : int, optional
        Passes over all events before ``train_until``; chosen by their number by default, one to three.
    minutes : float, optional
        Longest time to train.
    seed : int
    progress : callable, optional

    Returns
    -------
    dict
        ``outcome`` (``promoted``, ``kept`` or ``nothing_new``), ``why``, ``running`` and ``version`` (before and
        after), ``new_events`` (since the running model stopped learning) and ``learned`` (those of them before
        ``train_until``), ``since`` and ``newest_slice``, ``test``, ``card``. Also written to
        ``models/behaviour/refresh.json``.

    Raises
    ------
    CartpathError
        If nothing is pretrained, the margin is below 0, or what came later shaped the paths to learn from.
    """
    for module in ("torch", "transformers", "accelerate"):
        need(module)
    if margin < 0:
        raise CartpathError(f"margin must be 0 or more, not {margin}")
    told, workspace = progress or silent, Path(workspace)
    told("reading paths", 0.0)
    home = current_version(workspace, NAME, "cartpath pretrain")
    dates = dates_in(workspace, train_until)
    with store.open_snapshot(workspace) as snapshot:
        split = time_split_of(lambda: all_times(snapshot), dates)
        task = _Task(workspace, home, snapshot, split, trained_until(read_card(home)), margin, seed, told)
        result = task.run(epochs, minutes)
    write_json(folder_of(workspace, NAME) / REFRESH, result)
    told("refreshed", 1.0)
    return result


@dataclass
class _Task:
    workspace: Path
    home: Path
    snapshot: Snapshot
    split: TimeSplit
    since: int
    margin: float
    seed: int
    told: Progress

    def run(self, epochs: int | None, minutes: float | None) -> dict[str, Any]:
        until = self.split.train_until
        new, learned = self._new_events()
        about = {
            "running": self.home.name,
            "version": self.home.name,
            "generation": self.snapshot.generation,
            "new_events": new,
            "learned": learned,
            "since": iso(self.since),
            "newest_slice": iso(until),
        }
        if not learned:
            return {"outcome": "nothing_new", "why": self._nothing(new), **about}
        check_unshaped(self.snapshot.shaped_until, self.split)
        running = Pretrained.load(self.home)
        job = self._job(running, epochs, minutes)
        candidate, card = job.trained()
        self.told("comparing with the running model", 0.9)
        verdict = compare(running, candidate, read_log(self.snapshot), until, self.margin, self.seed)
        found = {**about, "test": verdict.to_dict(), "card": card}
        if verdict.promotes:
            folder = publish(self.workspace, candidate, {**card, "refresh": verdict.to_dict()})
            found |= {"version": folder.name}
        job.forget()
        return {"outcome": "promoted" if verdict.promotes else "kept", "why": verdict.why, **found}

    def _new_events(self) -> tuple[int, int]:
        """Count the events since the running model stopped learning, and those that the new one learns from."""
        new = learned = 0
        for ts in all_times(self.snapshot):
            new += int((ts >= self.since).sum())
            learned += int(((ts >= self.since) & (ts < self.split.train_until)).sum())
        return new, learned

    def _nothing(self, new: int) -> str:
        where = f"the newest slice, held back to judge on, begins at {iso(self.split.train_until)}"
        return (
            f"the running model learned until {iso(self.since)}; {new:,} events came since, none to learn from: {where}"
        )

    def _job(self, running: Pretrained, epochs: int | None, minutes: float | None) -> Job:
        data = Data.of(self.snapshot, self.split)
        chosen = epochs or max(1, auto_epochs(data.train.n_events) // _LESS)
        plan = Plan(epochs=chosen, minutes=minutes, rate=_RATE, seed=self.seed)
        start = ContinueFrom(running, self.home.name)

        def told(message: str, share: float) -> None:
            self.told(message, 0.85 * share)

        return Job(self.workspace, data, plan, self._size, {}, None, None, 0.5, "none", told, start)

    @property
    def _size(self) -> str | None:
        found: str | None = read_card(self.home).get("size")
        return found
