"""The parts of a running service, opened together and closed together."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cartpath.config import ServeSettings
from cartpath.serving.limits import Limits
from cartpath.serving.metrics import Metrics
from cartpath.serving.models import Models
from cartpath.serving.ports import Clicks, Deeds, Keys, Live, Rates, Slates, Watches


@dataclass
class Parts:
    """What a service is made of; see ``serving.ports``.

    Attributes
    ----------
    state : Live
    keys : Keys
    rates : Rates
    audit : Deeds
    metrics : Metrics
    slates : Slates
    feedback : Clicks
    models : Models
    watch : Watches, optional
    """

    state: Live
    keys: Keys
    rates: Rates
    audit: Deeds
    metrics: Metrics
    slates: Slates
    feedback: Clicks
    models: Models
    watch: Watches | None = None

    def close(self) -> None:
        """Close what was opened, the last first; one that fails does not leave the others open."""
        with ExitStack() as stack:
            for part in (self.state, self.slates, self.feedback, self.watch, self.models):
                if part is not None:
                    stack.callback(part.close)


def open_parts(workspace: Path, settings: ServeSettings, limits: Limits) -> Parts:
    """Open the parts of a workspace's service.

    Raises
    ------
    CartpathError
        If this is no workspace, another service has its live paths, or a part of it is damaged.
    """
    from cartpath.access import Audit, Keyring, RateLimits
    from cartpath.config.serve import EMBEDDED
    from cartpath.recommend.slates import Feedback, SlateLog
    from cartpath.serving.drift import Watch
    from cartpath.serving.state import open_state

    with ExitStack() as opened:
        state = open_state(workspace, None if settings.state == EMBEDDED else settings.state)
        opened.callback(state.close)
        slates = SlateLog.open(workspace)
        opened.callback(slates.close)
        feedback = Feedback.open(workspace, slates)
        opened.callback(feedback.close)
        metrics = Metrics()
        parts = Parts(
            state=state,
            keys=Keyring.load(workspace),
            rates=RateLimits(settings.rate_limit),
            audit=Audit.open(workspace),
            metrics=metrics,
            slates=slates,
            feedback=feedback,
            models=Models(workspace, settings.scorers, limits.reload_seconds),
            watch=Watch(workspace, state.log, metrics),
        )
        opened.pop_all()
    return parts
