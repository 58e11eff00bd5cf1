"""Questions answered several at a time by one thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from cartpath.serving.batcher import Batcher, Full


def doubled(questions: Sequence[int]) -> list[int | Exception]:
    return [ValueError("odd") if question == 13 else 2 * question for question in questions]


def test_each_question_gets_its_own_answer() -> None:
    batcher = Batcher(doubled)

    async def asked() -> list[object]:
        return await asyncio.gather(*(batcher.ask(n, 5) for n in range(20)), return_exceptions=True)

    answers = asyncio.run(asked())
    batcher.close()
    assert [answer for n, answer in enumerate(answers) if n != 13] == [2 * n for n in range(20) if n != 13]
    assert isinstance(answers[13], ValueError)


def test_what_waits_while_one_lot_is_worked_on_is_the_next_lot() -> None:
    gate, lots = threading.Event(), list[int]()

    def slow(questions: Sequence[int]) -> list[int | Exception]:
        lots.append(len(questions))
        gate.wait(5)
        return list(questions)

    batcher = Batcher(slow, most=4)

    async def asked() -> None:
        first = asyncio.create_task(batcher.ask(0, 5))
        while not lots:
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(batcher.ask(n, 5)) for n in range(6)]
        await asyncio.sleep(0.01)
        gate.set()
        await asyncio.gather(first, *others)

    asyncio.run(asked())
    batcher.close()
    assert lots == [1, 4, 2]


def test_one_that_is_too_many_is_refused_at_once() -> None:
    gate = threading.Event()

    def stuck(questions: Sequence[int]) -> list[int | Exception]:
        gate.wait(5)
        return list(questions)

    batcher = Batcher(stuck, depth=2, most=1)

    async def asked() -> None:
        waiting = [asyncio.create_task(batcher.ask(0, 5))]
        await asyncio.sleep(0.05)
        waiting += [asyncio.create_task(batcher.ask(n, 5)) for n in (1, 2)]
        await asyncio.sleep(0.01)
        began = time.monotonic()
        with pytest.raises(Full):
            await batcher.ask(3, 5)
        assert time.monotonic() - began < 1
        gate.set()
        assert await asyncio.gather(*waiting) == [0, 1, 2]

    asyncio.run(asked())
    batcher.close()


def test_nobody_works_for_whoever_gave_up() -> None:
    gate, seen = threading.Event(), list[int]()

    def slow(questions: Sequence[int]) -> list[int | Exception]:
        seen.extend(questions)
        gate.wait(5)
        return list(questions)

    batcher = Batcher(slow, most=1)

    async def asked() -> None:
        first = asyncio.create_task(batcher.ask(1, 5))
        await asyncio.sleep(0.05)
        with pytest.raises(TimeoutError):
            await batcher.ask(2, 0.02)
        gate.set()
        assert await first == 1
        assert await batcher.ask(3, 5) == 3

    asyncio.run(asked())
    batcher.close()
    assert seen == [1, 3]


def test_a_lot_that_fails_fails_for_all_of_it_and_the_thread_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def broken(questions: Sequence[int]) -> list[int | Exception]:
        if 1 in questions:
            raise RuntimeError("user anna")
        return list(questions)

    told: list[int] = []
    batcher = Batcher(broken, told=lambda size, seconds: told.append(size))

    async def asked() -> None:
        with pytest.raises(RuntimeError):
            await batcher.ask(1, 5)
        assert await batcher.ask(2, 5) == 2

    asyncio.run(asked())
    batcher.close()
    assert told == [1, 1]
    assert "anna" not in caplog.text


def test_what_waits_when_it_closes_is_answered() -> None:
    def slow(questions: Sequence[int]) -> list[int | Exception]:
        time.sleep(0.02)
        return list(questions)

    batcher = Batcher(slow, most=1)

    async def asked() -> list[int]:
        waiting = [asyncio.create_task(batcher.ask(n, 5)) for n in range(5)]
        await asyncio.sleep(0.01)
        await asyncio.to_thread(batcher.close)
        return await asyncio.gather(*waiting)

    assert asyncio.run(asked()) == [0, 1, 2, 3, 4]
