"""The views of who comes back and who buys when: retention, lifecycle, stickiness, repurchase, time to purchase."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Unpack

from cartpath.schema import Event
from cartpath.shop.on_engine import on_engine
from cartpath.shop.results import Analysis
from cartpath.shop.rules import rule_in

if TYPE_CHECKING:
    from cartpath.config import Settings
    from cartpath.paths import (
        LifecycleResult,
        RepurchaseResult,
        RetentionResult,
        StickinessResult,
        TimeToPurchaseResult,
    )
    from cartpath.paths.counting import CountingOptions
    from cartpath.store import Snapshot


class ReturningViews:
    """Views in which days matter: they begin in the shop's time zone, ``[shop] time_zone``, unless told otherwise.

    Each takes the options of the counting rule, as ``PathViews`` has them.
    """

    if TYPE_CHECKING:
        settings: Settings

        def _pinned(self, snap: Snapshot | None) -> AbstractContextManager[Snapshot]: ...

    @on_engine
    def retention(
        self,
        start: str = "*",
        back: str = "*",
        cohort: str = "week",
        mode: str = "classic",
        periods: int | None = None,
        by: str | None = None,
        top: int = 5,
        snap: Snapshot | None = None,
        **counting: Unpack[CountingOptions],
    ) -> Analysis[RetentionResult]:
        """Count who comes back, by the day, week or month in which they started.

        Parameters
        ----------
        start, back : str
            What starts a user's time and what is a return, such as ``"purchase"``; by default any event.
        cohort : str
            ``"day"``, ``"week"`` or ``"month"``.
        mode : str
            ``"classic"``: back in that very period. ``"unbounded"``: in that period or later.
        periods : int, optional
            How many periods after the cohort's own.
        by : str, optional
            A property at the start event to part users by.
        top : int
            Groups kept by name; the rest are ``(other)``.
        snap, **counting
            As every view takes them.
        """
        from cartpath import figures, paths

        with self._pinned(snap) as pinned:
            result = paths.retention(
                pinned, rule_in(self.settings, counting), start=start, back=back, cohort=cohort, mode=mode,
                periods=periods, by=by, top=top,
            )  # fmt: skip
        return Analysis(
            result,
            lambda r: figures.retention_figure(r.frame, r.total_frame, cohort, r.what),
            f"How many come back, by the {cohort} of their start?",
        )

    @on_engine
    def lifecycle(
        self,
        event: str = "*",
        period: str = "week",
        snap: Snapshot | None = None,
        **counting: Unpack[CountingOptions],
    ) -> Analysis[LifecycleResult]:
        """Count new, retained, resurrected and dormant users of each period.

        Parameters
        ----------
        event : str
            What makes a user active; by default any event.
        period : str
            ``"day"``, ``"week"`` or ``"month"``.
        snap, **counting
            As every view takes them.
        """
        from cartpath import figures, paths

        with self._pinned(snap) as pinned:
            result = paths.lifecycle(pinned, rule_in(self.settings, counting), event=event, period=period)
        return Analysis(
            result,
            lambda r: figures.lifecycle_figure(r.frame, period),
            f"Who is new, stays, comes back or stays away, by {period}?",
        )

    @on_engine
    def stickiness(
        self,
        event: str = "*",
        period: str = "month",
        snap: Snapshot | None = None,
        **counting: Unpack[CountingOptions],
    ) -> Analysis[StickinessResult]:
        """Count on how many days users are active, and daily, weekly and monthly users.

        Parameters
        ----------
        event : str
            What makes a user active; by default any event.
        period : str
            ``"week"`` or ``"month"``.
        snap, **counting
            As every view takes them.
        """
        from cartpath import figures, paths

        with self._pinned(snap) as pinned:
            result = paths.stickiness(pinned, rule_in(self.settings, counting), event=event, period=period)
        return Analysis(
            result,
            lambda r: figures.stickiness_figure(r.frame, r.distribution_frame, period),
            f"On how many days of a {period} do people come?",
        )

    @on_engine
    def repurchase(
        self,
        same: str | None = None,
        snap: Snapshot | None = None,
        **counting: Unpack[CountingOptions],
    ) -> Analysis[RepurchaseResult]:
        """Count who orders again, and after how long.

        Parameters
        ----------
        same : str, optional
            A property of the lines of an order that must be the same, such as ``"item_id"``.
        snap, **counting
            As every view takes them.
        """
        from cartpath import figures, paths

        with self._pinned(snap) as pinned:
            result = paths.repurchase(pinned, rule_in(self.settings, counting), same=same)
        return Analysis(
            result,
            lambda r: figures.repurchase_figure(r.frame, r.curve_frame, r.unit),
            f"Who orders again{f', the same {same}' if same else ''}, and after how long?",
        )

    @on_engine
    def time_to_purchase(
        self,
        start: str = "*",
        goal: str = Event.purchase,
        by: str | None = None,
        top: int = 5,
        snap: Snapshot | None = None,
        **counting: Unpack[CountingOptions],
    ) -> Analysis[TimeToPurchaseResult]:
        """Estimate what share has purchased by when, as Kaplan-Meier curves; it needs the extra ``survival``.

        Parameters
        ----------
        start, goal : str
            What starts and what stops the clock.
        by : str, optional
            A property at the start event to compare groups by.
        top : int
            Groups kept by name; the rest are ``(other)``.
        snap, **counting
            As every view takes them.
        """
        from cartpath import figures, paths

        with self._pinned(snap) as pinned:
            rule = rule_in(self.settings, counting)
            result = paths.time_to_purchase(pinned, rule, start=start, goal=goal, by=by, top=top)
        return Analysis(
            result,
            lambda r: figures.survival_figure(r.drawn_frame, r.risk_frame, r.note, r.what),
            f"How long does it take until {goal}{f', by {by}' if by else ''}?",
        )
