"""Opening a workspace for models of users at cut-offs: the paths, the question, its rows, the pretrained model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cartpath import config, store
from cartpath.features import Log, read_log
from cartpath.features.surroundings import in_snapshot, surrounded
from cartpath.models import current_version, need
from cartpath.tasks import (
    ChurnTask,
    Dates,
    SpendTask,
    TimeSplit,
    check_trained_before,
    churn_rows,
    repeat_rows,
    spend_rows,
)
from cartpath.training.card import read_card, split_for, trained_until
from cartpath.training.cutoff.job import AnsweredRows, CutoffJob, CutoffTask
from cartpath.training.cutoff.question import Asked, read_question
from cartpath.training.data import dates_in
from cartpath.training.intent.job import Options
from cartpath.training.pretrain import NAME


@contextmanager
def opened(
    workspace: Path, name: str, options: Options, asked: Asked | None = None, dates: Dates | None = None
) -> Iterator[CutoffJob]:
    """Find what is asked of a workspace's log, its generation pinned meanwhile.

    Parameters
    ----------
    workspace : Path
    name : str
        ``churn``, ``spend`` or ``repeat``.
    options : Options
    asked : Asked, optional
        The question that was asked last by default; with no last one the usual one.
    dates : Dates, optional
        The cuts of the question that was asked last by default; with no last one those of the pretrained model.

    Raises
    ------
    CartpathError
        If nothing is pretrained, the pretrained model saw too much, or there is nothing to learn; see
        ``cartpath.tasks.churn_rows``, ``spend_rows`` and ``repeat_rows``.
    """
    for module in ("torch", "transformers", "accelerate", "lightgbm"):
        need(module)
    base = current_version(workspace, NAME, "cartpath pretrain")
    card, last = read_card(base), read_question(workspace, name)
    zone = config.load(workspace).shop.time_zone
    with store.open_snapshot(workspace) as snapshot:
        log = surrounded(read_log(snapshot), in_snapshot(snapshot, zone))
        task = last[1] if last and asked is None else (asked or Asked()).task(name)
        split = last[0] if last and dates is None else split_for(log.view, card, dates or dates_in(workspace))
        check_trained_before(trained_until(card), split)
        yield CutoffJob(workspace, log, split, task, rows_of(log, split, task), base, card, options, zone)


def rows_of(log: Log, split: TimeSplit, task: CutoffTask) -> AnsweredRows:
    """Find the users, or pairs, of all slices, and the answers."""
    if isinstance(task, ChurnTask):
        return churn_rows(log, split, task)
    return spend_rows(log, split, task) if isinstance(task, SpendTask) else repeat_rows(log, split, task)
