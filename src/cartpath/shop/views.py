"""The path views of a shop, as a notebook and the command line use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Unpack

from cartpath.schema import CartpathError, Event
from cartpath.shop.drawing import draw_funnel, funnel_question, step_view_question
from cartpath.shop.on_engine import on_engine
from cartpath.shop.results import Analysis
from cartpath.shop.returning import ReturningViews
from cartpath.shop.rules import rule_in
from cartpath.shop.segments import SegmentViews

if TYPE_CHECKING:
    from cartpath.paths import (
        AttributionResult,
        DailyResult,
        DriversResult,
        FlowResult,
        FunnelResult,
        StatusResult,
        StepViewResult,
        VariantsResult,
    )
    from cartpath.paths.counting import CountingOptions, Moment
    from cartpath.store import Snapshot

#: The usual way to an order, as far as the shop has these events.
_USUAL = (Event.view, Event.add_to_cart, Event.checkout, Event.purchase)


class PathViews(ReturningViews, SegmentViews):
    """A method a view; each takes the options of the counting rule (``cartpath.paths.counting.CountingOptions``).

    These are ``count``, ``since``, ``until``, ``where``, ``segment`` and ``time_zone``, and ``snap``, a generation
    that the caller has pinned, for several questions to the same state; by default the newest.
    """

    if TYPE_CHECKING:

        def snapshot(self) -> AbstractContextManager[Snapshot]:
            """Pin the newest generation."""

    def _pinned(self, snap: Snapshot | None) -> AbstractContextManager[Snapshot]:
        return self.snapshot() if snap is None else nullcontext(snap)

    @on_engine
    def status(self) -> StatusResult:
        """Count what the store holds."""
        from cartpath import paths

        with self.snapshot() as snap:
            return paths.status(snap)

    @on_engine
    def daily(self) -> Analysis[DailyResult]:
        """Count volumes per day."""
        from cartpath import figures, paths

        with self.snapshot() as snap:
            return Analysis(
                paths.daily(snap, self.settings.shop.time_zone),
                lambda result: figures.daily_figure(result.frame),
                "What happened on each day?",
            )

    @on_engine
    def funnel(
        self,
        steps: Sequence[str] | str | None = None,
        within: str | None = None,
        count: str = "users",
        since: Moment = None,
        until: Moment = None,
        snap: Snapshot | None = None,
        *,
        where: str | Sequence[str] | None = None,
        segment: str | None = None,
        order: str = "loose",
        exclude: Sequence[str] | str | None = None,
        hold: str | None = None,
        by: str | None = None,
        trend: str | None = None,
        top: int = 10,
        show: str | None = None,
        time_zone: str | None = None,
    ) -> Analysis[FunnelResult]:
        """Count how many get through steps.

        Parameters
        ----------
        steps : sequence of str, or str
            Steps in order, or one text with commas, such as ``"view[price>50],checkout|purchase"``; by default the
            usual way to an order.
        within : str, optional
            Longest time from the first step to the last, such as ``"7d"``, or ``"session"``.
        count : str
            ``"users"``, ``"sessions"`` or ``"entries"``.
        since, until : str, date or datetime, optional
            The period, half open, in the shop's time zone.
        snap : Snapshot, optional
            A generation pinned by the caller; by default the newest.
        where, segment : optional
            Which events and users count.
        order, exclude, hold, by, trend, top, show : optional
            As ``cartpath.paths.funnel`` takes them.
        time_zone : str, optional
            By default ``[shop] time_zone``.

        Returns
        -------
        Analysis
            With ``.frame``, ``.figure`` and ``.to_dict()``.

        Raises
        ------
        CartpathError
            If something cannot be read or is unknown.
        """
        from cartpath import paths
        from cartpath.paths.conditions import Pattern

        asked = {"count": count, "since": since, "until": until, "where": where, "segment": segment}
        counting = rule_in(self.settings, {**asked, "time_zone": time_zone})
        with self._pinned(snap) as pinned:
            if steps is None:
                steps = [str(Pattern(name)) for name in default_steps(pinned.totals.events_by_type)]
            result = paths.funnel(
                pinned,
                steps,
                within,
                counting,
                order=order,
                exclude=exclude,
                hold=hold,
                by=by,
                trend=trend,
                top=top,
                show=show,
            )
        return Analysis(result, draw_funnel, funnel_question(result))

    @on_engine
    def flow(
        self,
        *,
        across_sessions: bool = False,
        node: str = "event",
        most_nodes: int = 100,
        min_share: float = 0.0,
        top_edges: int | None = None,
        snap: Snapshot | None = None,
        **counting: Unpack[CountingOptions],
    ) -> Analysis[FlowResult]:
        """Count the flow graph: which step directly follows which.

        Parameters
        ----------
        across_sessions : bool
            Follow users through all their sessions; by default paths end with the session.
        node : str
            What a node is: ``"event"`` or another property, such as ``"page"``.
        most_nodes : int
            Values that become nodes at most; the less visited are gathered in ``(other)``.
        min_share : float
            Show edges that carry at least this share of all transitions.
        top_edges : int, optional
            Show so many edges at most.
        snap : Snapshot, optional
            A generation pinned by the caller; by default the newest.
        **counting
            The counting rule: ``since``, ``until``, ``where``, ``segment``.

        Returns
        -------
        Analysis
            With ``.frame`` (edges), ``.figure`` and ``.to_dict()``.
        """
        from cartpath import figures, paths

        with self._pinned(snap) as pinned:
            result = paths.flow(
                pinned,
                rule_in(self.settings, counting),
                across_sessions=across_sessions,
                node=node,
                most_nodes=most_nodes,
                min_share=min_share,
                top_edges=top_edges,
            )
        return Analysis(result, lambda r: figures.flow_figure(r.frame, r.node_frame), "What follows what?")

    @on_engine
    def step_view(
        self,
        *,
        start: str | None = None,
        end: str | None = None,
        steps: int = 5,
        top: int = 8,
        collapse: bool = False,
        across_sessions: bool = False,
        node: str = "event",
        chart: str = "sankey",
        snap: Snapshot | None = None,
        **counting: Unpack[CountingOptions],
    ) -> Analysis[StepViewResult]:
        """Count where paths are after an event, or where they were before one, step by step.

        Parameters
        ----------
        start : str, optional
            The event to look forwards from, with conditions as in ``view[price>50]``; by default the first step.
        end : str, optional
            The event to look backwards from, instead.
        steps, top : int
            How many steps, and how many values of each are shown; the rest is ``(other)``.
        collapse : bool
            Steps at the same value, one directly after the other, are one.
        across_sessions : bool
            Follow users through all their sessions; by default paths end with the session.
        node : str
            What is shown: ``"event"`` or another property, such as ``"page"``.
        chart : str
            ``"sankey"`` or ``"matrix"``, a heat map.
        snap : Snapshot, optional
            A generation pinned by the caller; by default the newest.
        **counting
            The counting rule: ``since``, ``until``, ``where``, ``segment``.

        Returns
        -------
        Analysis
            With ``.frame`` (a row a step and value), ``.figure`` and ``.to_dict()``; ``.result.link_frame`` has the
            links between steps.
        """
        from cartpath import figures, paths

        if chart not in ("sankey", "matrix"):
            raise CartpathError(f"no chart {chart!r}", "sankey or matrix")
        with self._pinned(snap) as pinned:
            result = paths.step_view(
                pinned,
                rule_in(self.settings, counting),
                start=start,
                end=end,
                steps=steps,
                top=top,
                collapse=collapse,
                across_sessions=across_sessions,
                node=node,
            )
        back, question = end is not None, step_view_question(start, end)
        if chart == "matrix":
            return Analysis(result, lambda r: figures.step_matrix_figure(r.frame, back, r.note), question)
        return Analysis(result, lambda r: figures.step_view_figure(r.frame, r.link_frame, back, r.note), question)

    @on_engine
    def variants(
        self,
        collapse: bool = False,
        top: int = 20,
        unit: str = "step",
        max_length: int | None = None,
        node: str = "event",
        goal: str = Event.purchase,
        across_sessions: bool = False,
        snap: Snapshot | None = None,
        **counting: Unpack[CountingOptions],
    ) -> Analysis[VariantsResult]:
        """Count the most frequent paths of sessions, with conversion, revenue and time.

        Parameters
        ----------
        collapse : bool
            Take what follows itself for one.
        top : int
            How many variants are shown; the others are one row.
        unit : str
            ``"step"`` or ``"event"``: what an element of a path is.
        max_length : int, optional
            Cut paths after so many elements.
        node : str
            The property that names an element, such as ``"page"``.
        goal : str
            What converts, such as ``"checkout|purchase"``.
        across_sessions : bool
            Paths of users over all their sessions.
        snap : Snapshot, optional
            A generation pinned by the caller; by default the newest.
        **counting
            Of the counting rule; ``count`` does not matter here.

        Returns
        -------
        Analysis
            With ``.frame``, ``.figure`` and ``.to_dict()``.
        """
        from cartpath import figures, paths

        rule = rule_in(self.settings, counting)
        with self._pinned(snap) as pinned:
            result = paths.variants(
                pinned, rule, unit=unit, collapse=collapse, top=top, max_length=max_length, node=node, goal=goal,
                across_sessions=across_sessions,
            )  # fmt: skip
        return Analysis(
            result,
            lambda r: figures.variants_figure(r.rows, r.header["count"], r.note),
            "Which paths are the most frequent?",
        )

    @on_engine
    def drivers(
        self,
        goal: str,
        *,
        within: str = "10 steps",
        follow: str | None = None,
        of: Sequence[str] | str | None = None,
        exclude: Sequence[str] | str | None = None,
        min_support: int = 50,
        min_conversions: int = 10,
        snap: Snapshot | None = None,
        **counting: Unpack[CountingOptions],
    ) -> Analysis[DriversResult]:
        """Compare those who converted with those who did not: correlation, not cause.

        Parameters
        ----------
        goal : str
            The conversion, such as ``"purchase"`` or ``"purchase[order_value>50]"``.
        within : str
            Whose behaviour counts: the first ``"10 steps"`` or ``"1h"`` of each unit, conversion after that; or
            ``"path"``, everything before the conversion.
        follow : str, optional
            How long after the window conversion counts, such as ``"7d"``; who cannot be followed for so long is left
            out. By default for ever.
        of : sequence of str, or str with commas, optional
            Properties whose values are compared; by default events, categories, the context of the session (of a
            user's first), and the columns of the user table. ``page``, ``item_id`` and ``props.NAME`` on request.
        exclude : sequence of str, or str with commas, optional
            Events that are not compared, such as the steps on the way to the goal.
        min_support, min_conversions : int
            Least units with a value, and without; least that convert, and that do not.
        snap : Snapshot, optional
            A generation pinned by the caller; by default the newest.
        **counting
            Options of the counting rule; ``count`` is ``"users"`` or ``"sessions"``.

        Returns
        -------
        Analysis
            With ``.frame``, ``.figure`` and ``.to_dict()``.

        Raises
        ------
        CartpathError
            If the goal, the window or a property cannot be read.
        """
        from cartpath import figures, paths

        rule = rule_in(self.settings, counting, units=("users", "sessions"))
        with self._pinned(snap) as pinned:
            result = paths.drivers(
                pinned,
                goal,
                rule,
                within=within,
                follow=follow,
                of=_names(of) or None,
                exclude=_names(exclude),
                min_support=min_support,
                min_conversions=min_conversions,
            )
        return Analysis(
            result,
            lambda r: figures.drivers_figure(r.frame, r.goal, words=r.note, why_empty=" ".join(r.warnings[-1:])),
            f"What goes along with {result.goal}?",
        )

    @on_engine
    def attribution(
        self,
        of: str = "channel",
        *,
        goal: str = Event.purchase,
        lookback: str | None = "30d",
        half_life: str = "7d",
        reset: bool = True,
        top: int = 12,
        models: Sequence[str] | str | None = None,
        game: str = "conversions",
        value: str = "conversions",
        snap: Snapshot | None = None,
        **counting: Unpack[CountingOptions],
    ) -> Analysis[AttributionResult]:
        """Divide orders and revenue among the channels or events before them; shares are not causal effects.

        Parameters
        ----------
        of : str
            What is credited: a property of sessions or events.
        goal : str
            The event that is a conversion.
        lookback, half_life : str
            How long before a conversion a touch counts (None is without end), and the half-life of time decay.
        reset : bool
            Whether a conversion spends the touches before it.
        top : int
            Values told apart; the others are ``(other)``.
        models : sequence of str, or str, optional
            Such as ``"last,markov_1"``; all by default.
        game : str
            What a set of channels is worth to the Shapley value: ``"conversions"`` or ``"rate"``.
        value : str
            What the figure shows: ``"conversions"`` or ``"revenue"``.

        Returns
        -------
        Analysis
            With ``.frame`` (a row a model and channel), ``.figure`` and ``.to_dict()``.

        Raises
        ------
        CartpathError
            If a model, a property, a condition or a duration cannot be read.
        """
        from cartpath import figures, paths

        with self._pinned(snap) as pinned:
            result = paths.attribution(
                pinned,
                rule_in(self.settings, counting),
                of=of,
                goal=goal,
                lookback=lookback,
                half_life=half_life,
                reset=reset,
                top=top,
                models=models,
                game=game,
            )
        return Analysis(
            result,
            lambda r: figures.attribution_figure(r.frame, r.note, r.caution, value),
            f"Which {of} gets how much of the credit for {'revenue' if value == 'revenue' else goal}?",
        )


def _names(names: Sequence[str] | str | None) -> list[str]:
    found = names.split(",") if isinstance(names, str) else names or []
    return [name.strip() for name in found if name.strip()]


def default_steps(events_by_type: Mapping[str, int]) -> list[str]:
    """Return the usual way to an order, as far as a shop has these events; else its most frequent events.

    Parameters
    ----------
    events_by_type : mapping of str to int
        How often each event was seen.

    Examples
    --------
    >>> default_steps({"view": 9, "purchase": 2, "login": 4})
    ['view', 'purchase']
    >>> default_steps({"login": 4, "play": 9, "pause": 5, "stop": 1})
    ['play', 'pause', 'login']
    """
    usual = [name for name in _USUAL if events_by_type.get(name)]
    if len(usual) < 2:
        usual = sorted(events_by_type, key=lambda name: (-events_by_type[name], name))[:3]
    return usual or [Event.view, Event.purchase]
