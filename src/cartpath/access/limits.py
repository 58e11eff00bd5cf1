"""How often a key may ask: a bucket of tokens each.

The token bucket is that of Turner, "New directions in communications" (1986), as gateways of ATM and HTTP use it: a
bucket of ``burst`` tokens fills at ``rate`` tokens a second, and a request takes what it costs. So in any ``t`` seconds
at most ``burst + rate * t`` get through. The headers are those of the IETF draft "RateLimit header fields for HTTP",
versions 03 to 06, and RFC 9110's ``Retry-After``.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from cartpath.schema import CartpathError

#: Requests a second of a key unless it has its own.
DEFAULT_RATE = 1000.0
_MANY = 10_000


@dataclass(frozen=True)
class Allowed:
    """Whether a request gets through, and what its answer says.

    Attributes
    ----------
    ok : bool
    limit : int
        Tokens of a full bucket.
    remaining : int
        Tokens left.
    reset_seconds : float
        Until the bucket is full again.
    retry_seconds : float
        Until the same request would get through; 0 where it did.
    """

    ok: bool
    limit: int
    remaining: int
    reset_seconds: float
    retry_seconds: float = 0.0

    def headers(self) -> dict[str, str]:
        """Return the headers of the answer; seconds are whole and rounded up, as the standards have them.

        Examples
        --------
        >>> Allowed(False, 10, 0, 9.2, 0.3).headers()
        {'RateLimit-Limit': '10', 'RateLimit-Remaining': '0', 'RateLimit-Reset': '10', 'Retry-After': '1'}
        """
        found = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(math.ceil(self.reset_seconds)),
        }
        return found if self.ok else found | {"Retry-After": str(max(1, math.ceil(self.retry_seconds)))}


class RateLimits:
    """Buckets of keys, in this process alone: of four workers each lets the rate through. Threads may share it.

    Parameters
    ----------
    rate : float
        Tokens a second.
    burst : float, optional
        Tokens of a full bucket; by default those of one second, at least 1.
    clock : callable
        Seconds that never go back.

    Examples
    --------
    >>> now = 0.0
    >>> limits = RateLimits(rate=2, clock=lambda: now)
    >>> [limits.take("a").ok for _ in range(3)], limits.take("b").ok
    ([True, True, False], True)
    >>> now = 0.5
    >>> limits.take("a")
    Allowed(ok=True, limit=2, remaining=0, reset_seconds=1.0, retry_seconds=0.0)
    """

    def __init__(
        self, rate: float = DEFAULT_RATE, burst: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not (math.isfinite(rate) and rate > 0) or (burst is not None and not (math.isfinite(burst) and burst >= 1)):
            raise CartpathError("a limit lets at least something through", "give a rate above 0, and a burst from 1 on")
        self._rate = float(rate)
        self._burst = None if burst is None else float(burst)
        self._clock = clock
        self._lock = threading.Lock()
        #: Key to the moment at which its bucket will be full; a bucket that is full need not be kept.
        self._full_at: dict[str, float] = {}
        self._sweep_beyond = _MANY

    def take(self, key_id: str, n: int = 1, *, rate: float | None = None) -> Allowed:
        """Take tokens of a key.

        Parameters
        ----------
        key_id : str
        n : int
            What the request costs. More than a full bucket gets through when the bucket is full, and is waited for
            after it: the rate holds in the long run, and no request is too large for ever.
        rate : float, optional
            Of this key, ``KeyInfo.rate``.

        Returns
        -------
        Allowed
        """
        rate = self._rate if rate is None else rate
        burst = max(1.0, rate) if self._burst is None else self._burst
        with self._lock:
            now = self._clock()
            missing = max(0.0, self._full_at.get(key_id, now) - now) * rate
            short = min(n, burst) - (burst - missing)
            ok = short <= 1e-9 * burst
            if ok:
                missing += n
                self._full_at[key_id] = now + missing / rate
                self._sweep(now)
        left = math.floor(max(0.0, burst - missing) + 1e-9 * burst)
        return Allowed(ok, math.floor(burst), left, missing / rate, 0.0 if ok else short / rate)

    def _sweep(self, now: float) -> None:
        if len(self._full_at) > self._sweep_beyond:
            self._full_at = {key: full for key, full in self._full_at.items() if full > now}
            self._sweep_beyond = max(_MANY, 2 * len(self._full_at))
