"""What the service tells Prometheus: counters, histograms and gauges by its naming conventions.

Base units (seconds), ``_total`` on counters, moments as Unix times rather than ages
(https://prometheus.io/docs/practices/naming/). Every label has few values: routes are templates, and a value
beyond the first ``MANY`` of its label is ``other``, so that no client can make the page grow. No label is an id.

With several workers each process has its own counts, and a scrape meets any of them. Set
``PROMETHEUS_MULTIPROC_DIR`` to an empty folder before ``prometheus_client`` is imported: the page then adds all up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from cartpath import __version__

#: Content type of the page.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: Values of a label that are told apart.
MANY = 100
OTHER = "other"
_SHARED = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_INFERENCE_SECONDS = (0.0005, *_SECONDS[:-2])
_BATCH = (1, 2, 4, 8, 16, 32, 64, 128)


class _Few:
    """Lets the first values of a label through, and calls the rest ``other``."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, value: str) -> str:
        if value not in self._seen:
            if len(self._seen) >= MANY:
                return OTHER
            self._seen.add(value)
        return value


class Metrics:
    """The collectors of a service, in a registry of their own. Threads may share it.

    Parameters
    ----------
    clock : callable
        Unix time in seconds, against which times that lie ahead are cut.

    Examples
    --------
    >>> metrics = Metrics()
    >>> metrics.request("/v1/events", "POST", 202, 0.004)
    >>> metrics.events(accepted=2, duplicates=1, rejected=0)
    >>> page = metrics.text().decode()
    >>> 'cartpath_http_requests_total{method="POST",route="/v1/events",status="202"} 1.0' in page
    True
    >>> 'cartpath_events_total{outcome="accepted"} 2.0' in page
    True
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.registry = CollectorRegistry()
        self._clock = clock
        self._route, self._policy, self._model, self._drift = _Few(), _Few(), _Few(), _Few()
        self._newest = 0.0
        self._of_requests()
        self._of_shoppers()
        self._of_models()
        self._of_state()
        if _SHARED not in os.environ:
            ProcessCollector(registry=self.registry)

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(f"cartpath_{name}", help_, labels, registry=self.registry)

    def _gauge(self, name: str, help_: str, *labels: str, of_workers: Any = "max") -> Gauge:
        return Gauge(f"cartpath_{name}", help_, labels, registry=self.registry, multiprocess_mode=of_workers)

    def _histogram(self, name: str, help_: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"cartpath_{name}", help_, labels, registry=self.registry, buckets=buckets)

    def _of_requests(self) -> None:
        self._requests = self._counter(
            "http_requests_total", "Answered requests, by route template.", "route", "method", "status"
        )
        self._durations = self._histogram(
            "http_request_duration_seconds", "From head to last byte of the answer.", _SECONDS, "route", "method"
        )
        self._denied = self._counter("http_requests_denied_total", "Turned away for their key.", "reason")
        self._limited = self._counter("http_requests_rate_limited_total", "Turned away for their number.")

    def _of_shoppers(self) -> None:
        self._events = self._counter("events_total", "Events that were sent, by what became of them.", "outcome")
        self._newest_event = self._gauge("newest_event_timestamp_seconds", "Time of the newest accepted event.")
        self._slates = self._counter("slates_total", "Slates that were shown.", "policy", "fallback")
        self._feedback = self._counter("feedback_total", "Clicks and purchases joined to a slate.", "policy", "kind")
        self._unjoined = self._counter("feedback_unjoined_total", "Feedback that fits no slate.", "reason")
        for outcome in ("accepted", "duplicate", "rejected"):
            self._events.labels(outcome)  # from 0, so that the first rejected one is an increase

    def _of_models(self) -> None:
        self._inference = self._histogram("inference_seconds", "Of one batch of a scorer.", _INFERENCE_SECONDS)
        self._batch = self._histogram("inference_batch_size", "Questions of one batch.", _BATCH)
        self._failures = self._counter("scorer_failures_total", "Answers that a scorer failed to give.", "scorer")
        self._trained = self._gauge("model_trained_timestamp_seconds", "When the running model was trained.", "model")
        self._reloads = self._counter("model_reloads_total", "Models exchanged while running.", "outcome")
        self._psi = self._gauge(
            "drift_psi", "Population stability index of what is served.", "kind", "name", of_workers="livemax"
        )

    def _of_state(self) -> None:
        self._depth = self._gauge("queue_depth", "Questions that wait for a scorer.", of_workers="livesum")
        self._capacity = self._gauge("queue_capacity", "Questions that may wait.", of_workers="livesum")
        self._full = self._counter("queue_full_total", "Questions refused because the queue was full.")
        self._state_up = self._gauge("state_up", "Whether live paths can be read and written.", of_workers="livemin")
        self._ready = self._gauge("ready", "Whether the configured scorers are loaded.", of_workers="livemin")
        build = self._gauge("build_info", "The running version.", "version", of_workers="livemax")
        build.labels(__version__).set(1)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request; ``route`` is a template such as ``/v1/users/{id}/intent``, never a path."""
        route = self._route(route)
        self._requests.labels(route, method, str(status)).inc()
        self._durations.labels(route, method).observe(seconds)

    def denied(self, reason: str) -> None:
        """Count a request whose key did not open it, by ``AccessError.reason``."""
        self._denied.labels(reason).inc()

    def rate_limited(self) -> None:
        """Count a request of a key that asks too often."""
        self._limited.inc()

    def events(self, accepted: int = 0, duplicates: int = 0, rejected: int = 0, newest: float | None = None) -> None:
        """Count the events of a request.

        Parameters
        ----------
        accepted, duplicates, rejected : int
        newest : float, optional
            Unix time of the latest accepted one; a sender's clock that goes ahead counts as now.
        """
        for outcome, n in (("accepted", accepted), ("duplicate", duplicates), ("rejected", rejected)):
            if n:
                self._events.labels(outcome).inc(n)
        if newest is not None and min(newest, self._clock()) > self._newest:
            self._newest = min(newest, self._clock())
            self._newest_event.set(self._newest)

    def slate(self, policy: str, fallback: bool) -> None:
        """Count a slate that was shown."""
        self._slates.labels(self._policy(policy), "true" if fallback else "false").inc()

    def feedback(self, policy: str, kind: str) -> None:
        """Count a click or a purchase that was joined to a slate."""
        self._feedback.labels(self._policy(policy), kind).inc()

    def feedback_unjoined(self, reason: str) -> None:
        """Count feedback that fits no slate: ``unknown_request``, ``unknown_item`` or ``duplicate``."""
        self._unjoined.labels(reason).inc()

    def inference(self, seconds: float, size: int) -> None:
        """Count a batch of a scorer."""
        self._inference.observe(seconds)
        self._batch.observe(size)

    def scorer_failed(self, scorer: str) -> None:
        """Count an answer that a scorer failed to give, so that another was given in its place."""
        self._failures.labels(self._model(scorer)).inc()

    def model(self, name: str, trained_at: float) -> None:
        """Say when the running model of a task (``behaviour``, ``intent``) was trained, as Unix time."""
        self._trained.labels(self._model(name)).set(trained_at)

    def reloaded(self, ok: bool) -> None:
        """Count an exchange of models."""
        self._reloads.labels("done" if ok else "failed").inc()

    def drift(self, kind: str, name: str, psi: float) -> None:
        """Set how far what is served has moved; ``kind`` is ``feature`` or ``score``."""
        self._psi.labels(kind, self._drift(name)).set(psi)

    def queue(self, depth: int, capacity: int | None = None) -> None:
        """Set how many questions wait, and how many may."""
        self._depth.set(depth)
        if capacity is not None:
            self._capacity.set(capacity)

    def queue_full(self) -> None:
        """Count a question that was refused because the queue was full."""
        self._full.inc()

    def state_up(self, up: bool) -> None:
        """Say whether live paths can be read and written."""
        self._state_up.set(up)

    def ready(self, ready: bool) -> None:
        """Say whether the configured scorers are loaded."""
        self._ready.set(ready)

    def text(self) -> bytes:
        """Return the page: of this process, or of all workers where they share a folder."""
        if _SHARED not in os.environ:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)

    @property
    def names(self) -> set[str]:
        """Every name of a sample that the page can have, for what is checked against it."""
        found = set()
        for family in self.registry.collect():
            found.add(family.name)
            endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ())
            found.update(family.name + ending for ending in endings)
        return found
