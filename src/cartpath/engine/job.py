"""A job of Spark as it runs: how far it is, and its end when the user interrupts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Made = TypeVar("Made")
Progress = Callable[[int, int], None]

#: Seconds between looks at how far it is.
_PAUSE = 0.1


class Job:
    """One job.

    Parameters
    ----------
    context : pyspark.SparkContext
    name : str
        By which it is found again.
    n : int
        Tasks in all.
    """

    def __init__(self, context: Any, name: str, n: int) -> None:
        self._context, self._name, self._n = context, name, n
        self._made: list[Any] = []
        self._error: BaseException | None = None

    def result(self, work: Callable[[], Made], progress: Progress | None) -> Made:
        """Do the work, which starts the job, on a thread of its own; tell of progress and wait for the end."""
        from pyspark import InheritableThread

        thread = InheritableThread(target=self._do, args=(work,), daemon=True)
        thread.start()
        done = 0
        try:
            while thread.is_alive():
                thread.join(_PAUSE)
                if progress is not None and (now := self._done()) > done:
                    done = now
                    progress(done, self._n)
        except BaseException:
            self._context.cancelJobGroup(self._name)
            thread.join()
            raise
        if self._error is not None:
            raise self._error
        if progress is not None and done < self._n:
            progress(self._n, self._n)
        made: Made = self._made[0]
        return made

    def _do(self, work: Callable[[], Any]) -> None:
        try:
            self._context.setJobGroup(self._name, "Cartpath", interruptOnCancel=True)
            self._made.append(work())
        except BaseException as error:  # raised where the result is waited for
            self._error = error

    def _done(self) -> int:
        tracker = self._context.statusTracker()
        jobs = [tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup(self._name)]
        stages = [tracker.getStageInfo(stage) for job in jobs if job is not None for stage in job.stageIds]
        return sum(stage.numCompletedTasks for stage in stages if stage is not None)
