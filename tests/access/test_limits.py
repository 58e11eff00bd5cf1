"""The bucket of tokens, by hand and against one that remembers every request."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.access import Allowed, RateLimits
from cartpath.schema import CartpathError


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_by_hand() -> None:
    clock = Clock()
    limits = RateLimits(rate=4, burst=8, clock=clock)
    assert limits.take("a", 8) == Allowed(True, 8, 0, 2.0)
    assert limits.take("a") == Allowed(False, 8, 0, 2.0, 0.25)
    clock.now = 0.25
    assert limits.take("a") == Allowed(True, 8, 0, 2.0)
    clock.now = 1.0
    assert limits.take("a", 2) == Allowed(True, 8, 1, 1.75)  # 3 had come back
    assert limits.take("a", 2) == Allowed(False, 8, 1, 1.75, 0.25)
    clock.now = 100.0
    assert limits.take("a") == Allowed(True, 8, 7, 0.25)


def test_more_than_a_bucket_gets_through_when_it_is_full_and_is_waited_for() -> None:
    clock = Clock()
    limits = RateLimits(rate=10, burst=10, clock=clock)
    assert limits.take("a", 30) == Allowed(True, 10, 0, 3.0)
    clock.now = 1.5
    assert limits.take("a") == Allowed(False, 10, 0, 1.5, 0.6)
    clock.now = 2.9
    assert not limits.take("a", 30).ok
    clock.now = 3.0
    assert limits.take("a", 30).ok


def test_keys_do_not_share_and_may_have_their_own_rate() -> None:
    limits = RateLimits(rate=1, clock=Clock())
    assert limits.take("a").ok
    assert not limits.take("a").ok
    assert [limits.take("b", rate=3).ok for _ in range(4)] == [True, True, True, False]
    assert limits.take("slow", rate=0.5) == Allowed(True, 1, 0, 2.0)


def test_a_thousand_a_second_unless_said() -> None:
    assert RateLimits(clock=Clock()).take("a") == Allowed(True, 1000, 999, 0.001)


def test_headers() -> None:
    assert Allowed(True, 8, 3, 0.0).headers() == {
        "RateLimit-Limit": "8",
        "RateLimit-Remaining": "3",
        "RateLimit-Reset": "0",
    }
    assert Allowed(False, 8, 0, 0.2, 0.001).headers()["Retry-After"] == "1"
    assert Allowed(False, 8, 0, 9.0, 2.5).headers()["Retry-After"] == "3"


@pytest.mark.parametrize(("rate", "burst"), [(0, None), (-1, None), (float("nan"), None), (1, 0.5), (1, float("inf"))])
def test_a_limit_that_lets_nothing_through_is_refused(rate: float, burst: float | None) -> None:
    with pytest.raises(CartpathError, match="lets at least something through"):
        RateLimits(rate, burst)


def test_full_buckets_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cartpath.access.limits._MANY", 10)
    clock = Clock()
    limits = RateLimits(rate=1, clock=clock)
    for n in range(1000):
        clock.now += 0.5  # so two buckets at a time are not full
        assert limits.take(str(n)).ok
    assert len(limits._full_at) <= 11


#: Quarters of a second and whole tokens are exact in binary.
asks = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 12)), max_size=60)


@given(asks, st.sampled_from([1, 2, 4, 8]), st.integers(1, 10))
def test_the_twin_that_fills_a_bucket_step_by_step_agrees(asks: list[tuple[int, int]], rate: int, burst: int) -> None:
    clock = Clock()
    limits = RateLimits(rate, burst, clock)
    tokens = Fraction(burst)
    for quarters, n in asks:
        clock.now += quarters / 4
        tokens = min(Fraction(burst), tokens + Fraction(quarters * rate, 4))
        ok = tokens >= min(n, burst)
        tokens -= n if ok else 0
        found = limits.take("a", n)
        assert found.ok == ok
        assert found.remaining == max(0, int(tokens)) if tokens >= 0 else found.remaining == 0
        assert found.reset_seconds == (burst - tokens) / rate
        assert found.retry_seconds == (0 if ok else (min(n, burst) - tokens) / rate)


@given(asks, st.sampled_from([0.3, 1.0, 7.7]), st.integers(1, 10))
def test_no_window_lets_more_through_than_a_bucket_and_the_rate(
    asks: list[tuple[int, int]], rate: float, burst: int
) -> None:
    clock = Clock()
    limits = RateLimits(rate, burst, clock)
    passed: list[tuple[float, int]] = []
    for quarters, n in asks:
        clock.now += quarters / 4
        if limits.take("a", n).ok:
            passed.append((clock.now, n))
    for first, (start, _) in enumerate(passed):
        total = 0
        for when, n in passed[first:]:
            total += min(n, burst)
            assert total <= burst + rate * (when - start) + 1e-6
            total += max(0, n - burst)


@given(asks, st.sampled_from([0.3, 1.0, 7.7]), st.integers(1, 10))
def test_who_waits_as_long_as_told_gets_through(asks: list[tuple[int, int]], rate: float, burst: int) -> None:
    clock = Clock()
    limits = RateLimits(rate, burst, clock)
    for quarters, n in asks:
        clock.now += quarters / 4
        found = limits.take("a", n)
        if not found.ok:
            clock.now += found.retry_seconds
            assert limits.take("a", n).ok
