"""How much one request may ask for, and how long the service waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of requests that nobody has to set.

    Attributes
    ----------
    events : int
        Of one body.
    items : int
        ``k`` at most.
    drivers : int
        Drivers of a score at most.
    id_length : int
        Characters of an id in a path.
    head_seconds, body_seconds : float
        For the head of a request, and for its body: a client that is slower is let go.
    answer_seconds : float
        For an answer of the models.
    stop_seconds : int
        For requests to end when the service stops.
    reload_seconds : float
        Between two looks for new versions of models.
    linger_seconds : float
        For questions to come together, where one comes alone.
    """

    events: int = 1000
    items: int = 200
    drivers: int = 50
    id_length: int = 1000
    head_seconds: float = 10.0
    body_seconds: float = 10.0
    answer_seconds: float = 5.0
    stop_seconds: int = 20
    reload_seconds: float = 5.0
    linger_seconds: float = 0.0
