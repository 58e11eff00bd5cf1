"""Everything that the report shows, of one generation, so that its numbers agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cartpath
from cartpath.schema import CartpathError
from cartpath.shop.results import Analysis

if TYPE_CHECKING:
    from cartpath.paths import DailyResult, FlowResult, FunnelResult, StatusResult
    from cartpath.shop.shop import Shop

#: Libraries whose version may explain a number.
_LIBRARIES = ("numpy", "numba", "pyarrow", "plotly", "torch", "transformers", "lightgbm")


@dataclass(frozen=True)
class ReportContent:
    """What the report shows.

    Attributes
    ----------
    shop : str
        Name of the workspace's folder.
    folder : Path
        The workspace.
    written : str
        When, ISO 8601 in UTC.
    generation : int
        The store's generation all numbers are of.
    status, daily, funnel, flow
        Results of ``cartpath.paths``.
    users_bought : tuple of int
        Users with a purchase, and all users.
    metrics, calibration : list of dict
        Of the models that were judged, as ``Shop.metrics`` and ``Shop.calibration`` give them.
    doctor : dict
        What ``cartpath doctor`` says; with the key ``error`` where it could not be asked.
    versions : dict of str to str
    """

    shop: str
    folder: Path
    written: str
    generation: int
    status: StatusResult
    daily: Analysis[DailyResult]
    funnel: Analysis[FunnelResult]
    flow: Analysis[FlowResult]
    users_bought: tuple[int, int]
    metrics: list[dict[str, Any]]
    calibration: list[dict[str, Any]]
    doctor: dict[str, Any]
    versions: dict[str, str]


def gather(shop: Shop, steps: Sequence[str] | str | None = None, within: str | None = None) -> ReportContent:
    """Gather what the report shows.

    Parameters
    ----------
    shop : Shop
    steps, within : optional
        Of the funnel, as ``Shop.funnel`` takes them.

    Returns
    -------
    ReportContent
    """
    from cartpath import figures, paths
    from cartpath.schema import Event

    with shop.snapshot() as snap:
        bought = paths.funnel(snap, [Event.purchase])
        return ReportContent(
            shop=shop.name,
            folder=shop.path,
            written=datetime.now(UTC).isoformat(timespec="seconds"),
            generation=snap.generation,
            status=paths.status(snap),
            daily=Analysis(
                paths.daily(snap, shop.settings.shop.time_zone),
                lambda result: figures.daily_figure(result.frame),
                "What happened on each day?",
            ),
            funnel=shop.funnel(steps, within, snap=snap),
            flow=shop.flow(snap=snap),
            users_bought=(bought.counts[0], bought.units),
            metrics=_judged(shop, shop.metrics),
            calibration=_judged(shop, shop.calibration),
            doctor=_doctor(shop),
            versions=versions(),
        )


def versions() -> dict[str, str]:
    """Return the versions of Cartpath and of the libraries that its numbers come from."""
    found = {"cartpath": cartpath.__version__}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _judged(shop: Shop, ask: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    # Without a model there is nothing to ask, and PyTorch need not be there.
    return ask() if any((shop.path / "models").glob("*/metrics.json")) else []


def _doctor(shop: Shop) -> dict[str, Any]:
    try:
        told: dict[str, Any] = shop.doctor().to_dict()
    except CartpathError as error:
        return {"error": str(error)}
    return told
