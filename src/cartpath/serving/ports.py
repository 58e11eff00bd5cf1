"""What the service needs of its parts; ``serving.parts`` opens the real ones, tests may give others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cartpath.features import Log

Index = npt.NDArray[np.int64]


class Live(Protocol):
    """Live paths; see ``serving.state``."""

    def append(self, events: list[dict[str, Any]]) -> Any:
        """Take events; durable when it returns, and visible to the next ``log``."""

    def log(self, users: Sequence[str]) -> Log:
        """Return the paths of some users, in the order asked."""

    def latest(self) -> int:
        """Return the moment of the shop's latest event, microseconds since 1970 UTC."""

    def forget(self, user: str) -> Any:
        """Take a user out."""

    def health(self) -> Any:
        """Tell how it is."""

    def close(self) -> None:
        """Write what is left, and close."""


class Ranks(Protocol):
    """A recommender; see ``recommend.Ranker``."""

    policy: str
    model: str

    def slates(self, log: Log, user: Index, ends: Index, k: int, *, time: Index | None = None) -> list[Any]:
        """Return a slate for each path."""

    def popular(self, k: int) -> Any:
        """Return what is popular."""

    def similar(self, item_id: str, k: int) -> Any:
        """Return what goes with an item; ``CartpathError`` where it is unknown."""


class Keys(Protocol):
    """Keys and their scopes; see ``access.Keyring``."""

    def check(self, key: str | None, scope: str) -> Any:
        """Return what is known of a key, or raise why it may not."""


class Rates(Protocol):
    """Rate limits; see ``access.RateLimits``."""

    def take(self, key_id: str, n: int = 1, *, rate: float | None = None) -> Any:
        """Count a request of a key, and tell whether it may go on."""


class Deeds(Protocol):
    """The record of what administrators did; see ``access.Audit``."""

    def write(
        self, actor: str, act: str, target: str | None = None, outcome: str = "done", *, about: str | None = None
    ) -> None:
        """Write a deed down."""


class Slates(Protocol):
    """The log of slates; see ``recommend.slates``."""

    def record(self, request_id: str, user_id: str, ts: int, policy: str, model: str, slate: Any) -> None:
        """Write down what was shown."""

    def close(self) -> None:
        """Write what is left, and close."""


class Clicks(Protocol):
    """Feedback by request id; see ``recommend.slates``."""

    def record(self, request_id: str, item_id: str, kind: str, ts: int) -> str:
        """Join a click or a purchase with its slate, and tell how that went."""

    def policy_of(self, request_id: str) -> str | None:
        """Return the policy that chose the slate of a request; None where it is unknown."""

    def close(self) -> None:
        """Close the log."""


class Watches(Protocol):
    """What looks for drift; see ``serving.drift.Watch``."""

    def start(self) -> None:
        """Begin to look."""

    def took(self, events: Iterable[Any]) -> None:
        """Note events that were taken."""

    def scored(self, name: str, version: str, values: npt.ArrayLike) -> None:
        """Count scores that a version of a model gave."""

    def close(self) -> None:
        """End."""
