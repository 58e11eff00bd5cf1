"""A running service: its parts, the thread of the models, and the threads that write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cartpath import config, store
from cartpath.features import Log
from cartpath.privacy import forget
from cartpath.schema import CartpathError
from cartpath.serving.answers import Answers, Question
from cartpath.serving.batcher import Batcher, Full
from cartpath.serving.given_path import Paths
from cartpath.serving.limits import Limits
from cartpath.serving.logs import log_fault
from cartpath.serving.models import RECOMMEND
from cartpath.serving.parts import Parts
from cartpath.serving.problems import Problem, busy

T = TypeVar("T")
#: Writes that wait for the disk together: those that come while one is on its way share the next.
_WRITERS = 16


class Service:
    """What routes call.

    Parameters
    ----------
    workspace : Path
    settings : ServeSettings
    limits : Limits
    parts : Parts
    """

    def __init__(self, workspace: Path, settings: config.ServeSettings, limits: Limits, parts: Parts) -> None:
        self.workspace, self.settings, self.limits, self.parts = workspace, settings, limits, parts
        answers = Answers(parts.state, lambda: parts.models.current, parts.metrics.scorer_failed, parts.watch)
        self.inference: Batcher[Question, Any] = Batcher(
            answers, depth=settings.queue, linger=limits.linger_seconds, told=self._answered
        )
        self._paths = Paths(parts.state, config.load(workspace).sessions.gap_seconds)
        self._pool = ThreadPoolExecutor(_WRITERS, "writes")
        self._writing = 0
        parts.models.warm, parts.models.told = self._warm, self._loaded
        parts.models.start()
        if parts.watch is not None:
            parts.watch.start()

    def _answered(self, size: int, seconds: float) -> None:
        self.parts.metrics.inference(seconds, size)

    async def ask(self, question: Question) -> Any:
        """Return the models' answer to a question.

        Raises
        ------
        Problem
            503 if too many wait already, or there is no answer in time.
        """
        try:
            return await self.inference.ask(question, self.limits.answer_seconds)
        except Full:
            self.parts.metrics.queue_full()
            raise busy("too many requests wait for the models") from None
        except TimeoutError:
            raise busy("the models did not answer in time", 2) from None

    async def write(self, act: Callable[..., T], *args: Any) -> T:
        """Do what waits for the disk without the event loop waiting.

        Raises
        ------
        Problem
            503 if too much waits already, or it cannot be written now.
        """
        if self._writing >= self.settings.queue:
            raise busy("too many requests wait for the disk")
        self._writing += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, act, *args)
        except (CartpathError, OSError) as error:
            log_fault("not written", error)
            raise Problem(503, "not-written", "this cannot be written now: try again", {"Retry-After": "5"}) from None
        finally:
            self._writing -= 1

    def append(self, events: list[Any]) -> Any:
        """Take events, and tell whoever counts them."""
        done = self.parts.state.append(events)
        self.parts.metrics.events(done.accepted, done.duplicates, len(done.rejected))
        if done.accepted and self.parts.watch is not None:
            self.parts.watch.took(events)
        return done

    def path_of(self, events: list[Any]) -> Log:
        """Return the path of events that came with a request; nothing of them is kept.

        Raises
        ------
        Problem
            422 if one of them would be rejected as an event.
        """
        return self._paths.log(events)

    def erase(self, user: str) -> dict[str, Any]:
        """Remove a person from live paths and from the store, and return the evidence."""
        # The store first: from then on the user is refused, and nothing new comes between.
        evidence = forget(self.workspace, user)
        live = self.parts.state.forget(user)
        return {**evidence, "live_events": live.events, "seen": evidence["seen"] or live.events > 0}

    async def not_ready(self) -> str | None:
        """Return why requests should go elsewhere, in words; None if they need not."""
        return self.parts.models.not_ready() or ("live paths cannot be written" if not await self._state_ok() else None)

    async def _state_ok(self) -> bool:
        """Tell whether live paths can be written; no longer waited for than a second."""
        try:
            health = await asyncio.wait_for(asyncio.to_thread(self.parts.state.health), 1.0)
        except (CartpathError, OSError, TimeoutError):
            return False
        return bool(health.ok)

    async def measure(self) -> None:
        """Tell the metrics how the service is now."""
        metrics, ok = self.parts.metrics, await self._state_ok()
        metrics.queue(self.inference.depth, self.settings.queue)
        metrics.ready(ok and self.parts.models.not_ready() is None)
        metrics.state_up(ok)

    def _warm(self, name: str, one: Any) -> None:
        """Ask what was loaded once before a shopper does: the first question compiles kernels and builds tables."""
        log = self.parts.state.log([*self._somebody(), ""])
        now, n = self.parts.state.latest(), log.view.n_users
        if name == RECOMMEND:
            one.slates(log, np.arange(n), log.view.offsets[1:], 20, time=np.full(n, now))
        else:
            one.score(log, now, 0)

    def _somebody(self) -> list[str]:
        """Return a user of the store, if it has one."""
        with store.open_snapshot(self.workspace) as snapshot:
            for bucket in range(snapshot.n_buckets):
                if snapshot.bucket(bucket).n_users:
                    return [str(snapshot.bucket(bucket).user_id[0].as_py())]
        return []

    def _loaded(self, name: str, one: Any) -> None:
        self.parts.metrics.reloaded(one is not None)
        made = getattr(one, "made", None)
        if made:
            self.parts.metrics.model(name, datetime.fromisoformat(made).timestamp())

    def close(self) -> None:
        """Finish what was taken on, and close the parts."""
        self.inference.close()
        self._pool.shutdown()
        self.parts.close()
