"""Segments of a shop, and comparisons of two, as a notebook and the command line use them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cartpath.shop.on_engine import on_engine
from cartpath.shop.results import Analysis
from cartpath.shop.rules import rule_in

if TYPE_CHECKING:
    from cartpath.config import Settings
    from cartpath.paths import ComparisonResult, SegmentsResult
    from cartpath.store import Snapshot


class SegmentViews:
    """Who is in segments, and what two of them differ in."""

    if TYPE_CHECKING:
        settings: Settings

        def _pinned(self, snap: Snapshot | None) -> AbstractContextManager[Snapshot]: ...

    @on_engine
    def segments(self, names: Sequence[str] | None = None, *, snap: Snapshot | None = None) -> Analysis[SegmentsResult]:
        """Count the users of segments and of every two together.

        Parameters
        ----------
        names : sequence of str, optional
            Names or expressions; by default all of ``[segments]`` in ``cartpath.toml``.
        snap : Snapshot, optional

        Returns
        -------
        Analysis
        """
        from cartpath import figures, paths

        with self._pinned(snap) as pinned:
            result = paths.segments(pinned, names, time_zone=self.settings.shop.time_zone)
        return Analysis(result, lambda r: figures.segments_figure(r.frame, r.overlaps), "Who is in which segment?")

    @on_engine
    def write_segment(self, name: str, file: str | os.PathLike[str], *, snap: Snapshot | None = None) -> int:
        """Write the ids of a segment's users as CSV, whole or not at all.

        Parameters
        ----------
        name : str
            A segment's name, or an expression.
        file : path
        snap : Snapshot, optional

        Returns
        -------
        int
            How many users.
        """
        from cartpath.paths.segments import compile_segment, write_members

        with self._pinned(snap) as pinned:
            return write_members(
                pinned, compile_segment(pinned, name, time_zone=self.settings.shop.time_zone), Path(file)
            )

    @on_engine
    def compare(
        self,
        view: str,
        a: str,
        b: str,
        *,
        correction: str = "auto",
        alpha: float = 0.05,
        min_users: int = 10,
        snap: Snapshot | None = None,
        **options: Any,
    ) -> Analysis[ComparisonResult]:
        """Compare two segments on a view.

        Parameters
        ----------
        view : str
            ``"status"``, ``"funnel"``, ``"flow"``, ``"step-view"``, ``"variants"``, ``"attribution"``,
            ``"retention"``, ``"lifecycle"``, ``"repurchase"``, ``"time-to-purchase"``, ``"drivers"``.
        a, b : str
            Segments: names or expressions.
        correction : str
            For many looks: ``"auto"``, ``"holm"``, ``"bh"`` or ``"none"``.
        alpha : float
        min_users : int
            Of views with many measures, those with fewer users behind them are not tested.
        snap : Snapshot, optional
        **options
            Of the counting rule and of the view.

        Returns
        -------
        Analysis
        """
        from cartpath import figures, paths
        from cartpath.paths.counting import CountingOptions
        from cartpath.shop.views import default_steps

        names = CountingOptions.__annotations__
        rule = {name: value for name, value in options.items() if name in names and value is not None}
        wanted: dict[str, Any] = {name: value for name, value in options.items() if name not in names}
        with self._pinned(snap) as pinned:
            if view == "funnel" and not wanted.get("steps"):
                wanted["steps"] = default_steps(pinned.totals.events_by_type)
            judged: dict[str, Any] = {"correction": correction, "alpha": alpha, "min_users": min_users}
            result = paths.compare(pinned, view, a, b, rule_in(self.settings, rule), **judged, **wanted)
        return Analysis(
            result,
            lambda r: figures.comparison_figure(r.frame, r.pair.a.called, r.pair.b.called, r.sentence),
            f"How do {result.pair.a.called} and {result.pair.b.called} differ in {view}?",
        )
