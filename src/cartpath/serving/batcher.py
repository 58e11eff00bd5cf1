"""Questions of many requests, answered several at a time by one thread: the event loop never waits for models."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from cartpath.serving.logs import log_fault

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Full(Exception):
    """So many questions wait already that one more is not taken."""


@dataclass(eq=False)
class _Asked(Generic[Question, Answer]):
    question: Question
    future: asyncio.Future[Answer]
    loop: asyncio.AbstractEventLoop


class Batcher(Generic[Question, Answer]):
    """A thread that answers questions in the order they come, as many at once as wait.

    While one lot is worked on the next gathers: where little is asked nobody waits for company, and where much is, lots
    grow and the cost of each question falls.

    Parameters
    ----------
    answers : callable
        Questions to their answers, in the same order; an exception among them is raised where its question was asked.
        If it raises itself, every question of the lot gets that.
    depth : int
        Questions that may wait.
    most : int
        Questions of a lot at most.
    linger : float
        Seconds to wait for company where a question comes alone.
    told : callable
        Told the size of each lot and the seconds that it took.
    """

    def __init__(
        self,
        answers: Callable[[Sequence[Question]], Sequence[Answer | Exception]],
        *,
        depth: int = 256,
        most: int = 32,
        linger: float = 0.0,
        told: Callable[[int, float], None] = lambda size, seconds: None,
    ) -> None:
        self._answers, self._most, self._linger, self._told = answers, most, linger, told
        self._queue: queue.Queue[_Asked[Question, Answer] | None] = queue.Queue(depth)
        self._thread = threading.Thread(target=self._work, name="inference", daemon=True)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Questions that wait now."""
        return self._queue.qsize()

    async def ask(self, question: Question, seconds: float) -> Answer:
        """Return the answer of a question.

        Raises
        ------
        Full
            If too many wait already.
        TimeoutError
            If there is no answer after so many seconds; a question that nobody waits for is not worked on.
        """
        loop = asyncio.get_running_loop()
        asked: _Asked[Question, Answer] = _Asked(question, loop.create_future(), loop)
        try:
            self._queue.put_nowait(asked)
        except queue.Full:
            raise Full from None
        async with asyncio.timeout(seconds):
            return await asked.future

    def close(self) -> None:
        """Answer what waits, then end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while True:
            lot, last = self._gather()
            waited_for = [asked for asked in lot if not asked.future.cancelled()]
            if waited_for:
                self._answer(waited_for)
            if last:
                return

    def _gather(self) -> tuple[list[_Asked[Question, Answer]], bool]:
        """Wait for a question, and take those that wait behind it; tell whether the end was among them."""
        first = self._queue.get()
        if first is None:
            return [], True
        lot, until = [first], time.monotonic() + self._linger
        while len(lot) < self._most:
            left = until - time.monotonic()
            try:
                more = self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait()
            except queue.Empty:
                break
            if more is None:
                return lot, True
            lot.append(more)
        return lot, False

    def _answer(self, lot: list[_Asked[Question, Answer]]) -> None:
        began = time.perf_counter()
        try:
            answers = self._answers([asked.question for asked in lot])
        except Exception as error:
            log_fault("questions were not answered", error, questions=len(lot))
            answers = [error] * len(lot)
        self._told(len(lot), time.perf_counter() - began)
        for loop in {asked.loop for asked in lot}:
            mine = [(one.future, answer) for one, answer in zip(lot, answers, strict=True) if one.loop is loop]
            if not loop.is_closed():
                loop.call_soon_threadsafe(_deliver, mine)


def _deliver(answers: list[tuple[asyncio.Future[Answer], Answer | Exception]]) -> None:
    for future, answer in answers:
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
