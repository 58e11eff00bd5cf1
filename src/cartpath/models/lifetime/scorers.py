"""Churn and spend of buyers, told by BG/NBD and gamma-gamma from how often, how lately and for how much they bought."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from cartpath.features import Log
from cartpath.features.profile.past import DAY
from cartpath.models.artefact import SCORER, read_scorer, write_json
from cartpath.models.lifetime.bg_nbd import BgNbd, fit_bg_nbd
from cartpath.models.lifetime.gamma_gamma import GammaGamma, fit_gamma_gamma
from cartpath.models.lifetime.rfm import Rfm, rfm_at
from cartpath.schema import MICROSECONDS, CartpathError, Event, iso, seconds
from cartpath.tasks import ChurnRows, ChurnTask, CutoffRows, SpendRows, SpendTask

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LifetimeChurn:
    """Whether buyers stay away.

    Attributes
    ----------
    buying : BgNbd
    horizon : float
        Days.
    zone : str
        IANA name of the time zone of days.
    """

    buying: BgNbd
    horizon: float
    zone: str = "UTC"

    def predicted(self, log: Log, rows: CutoffRows) -> Floats:
        """Return the log odds of no purchase within the horizon (n,); see ``CutoffModel``."""
        return self.buying.log_odds_of_none(buyers_of(log, rows, self.zone), self.horizon)

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        write_json(folder / SCORER, {"kind": "lifetime-churn", **asdict(self)})

    @classmethod
    def load(cls, folder: Path) -> LifetimeChurn:
        """Read what ``save`` wrote."""
        raw = read_scorer(folder)
        return cls(_read(BgNbd, raw, "buying"), float(raw["horizon"]), str(raw["zone"]))


@dataclass(frozen=True)
class LifetimeSpend:
    """What buyers spend.

    Attributes
    ----------
    buying : BgNbd
    paying : GammaGamma
    horizon : float
        Days.
    zone : str
        IANA name of the time zone of days.
    """

    buying: BgNbd
    paying: GammaGamma
    horizon: float
    zone: str = "UTC"

    def predicted(self, log: Log, rows: CutoffRows) -> Floats:
        """Return the mean spend on ``LogScale`` (n,); see ``CutoffModel``.

        ``P(buys) · log(1 + E[spend | buys])``: most spend nothing, so the logarithm of the mean amount would lie far
        above the mean of logarithms, which is what the scale asks for.
        """
        buyers = buyers_of(log, rows, self.zone)
        amount = self.buying.purchases_of_some(buyers, self.horizon) * self.paying.amount(buyers)
        found: Floats = expit(-self.buying.log_odds_of_none(buyers, self.horizon)) * np.log1p(amount)
        return found

    def amounts(self, log: Log, rows: CutoffRows) -> Floats:
        """Return the mean amount spent within the horizon (n,), in currency: purchases by their mean amount."""
        buyers = buyers_of(log, rows, self.zone)
        return self.buying.purchases(buyers, self.horizon) * self.paying.amount(buyers)

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        write_json(folder / SCORER, {"kind": "lifetime-spend", **asdict(self)})

    @classmethod
    def load(cls, folder: Path) -> LifetimeSpend:
        """Read what ``save`` wrote."""
        raw = read_scorer(folder)
        buying, paying = _read(BgNbd, raw, "buying"), _read(GammaGamma, raw, "paying")
        return cls(buying, paying, float(raw["horizon"]), str(raw["zone"]))


def fit_lifetime_churn(log: Log, rows: ChurnRows, task: ChurnTask, zone: str = "UTC") -> LifetimeChurn:
    """Fit BG/NBD to all purchases that the answers of training rows know: those before the last of them ends.

    The answers themselves are not learned from, nor is who was asked about.

    Parameters
    ----------
    log : Log
    rows : ChurnRows
        Of training.
    task : ChurnTask
    zone : str
        IANA name of the time zone of days.

    Raises
    ------
    CartpathError
        If churn is of anything but purchases, too few bought again, or the likelihood has no maximum.
    """
    if task.event != Event.purchase:
        raise CartpathError(
            f"BG/NBD tells who buys again, and churn is asked of {task.event or 'visits'}",
            f"ask for churn of purchases (--event {Event.purchase}), or use another model",
        )
    horizon = seconds(task.horizon)
    return LifetimeChurn(fit_bg_nbd(_known(log, rows, horizon, zone)), horizon * MICROSECONDS / DAY, zone)


def fit_lifetime_spend(log: Log, rows: SpendRows, task: SpendTask, zone: str = "UTC") -> LifetimeSpend:
    """Fit BG/NBD and gamma-gamma, as ``fit_lifetime_churn`` does.

    Raises
    ------
    CartpathError
        If it is asked of others than buyers, too few bought again or have amounts, or a likelihood has no maximum.
    """
    if task.among != Event.purchase:
        raise CartpathError(
            f"BG/NBD tells what buyers spend, and spend is asked of those with {task.among or 'any event'}",
            "ask about those who have bought, or use another model",
        )
    horizon = seconds(task.horizon)
    buyers = _known(log, rows, horizon, zone)
    return LifetimeSpend(fit_bg_nbd(buyers), fit_gamma_gamma(buyers), horizon * MICROSECONDS / DAY, zone)


def _known(log: Log, rows: CutoffRows, horizon: float, zone: str) -> Rfm:
    if not len(rows):
        raise CartpathError("there are no rows to learn from", "choose later dates: --train-until")
    return rfm_at(log, int(rows.cutoff.max() + horizon * MICROSECONDS), zone)


def buyers_of(log: Log, rows: CutoffRows, zone: str = "UTC") -> Rfm:
    """Summarise the purchases of each row's user before its cut-off (n,).

    Raises
    ------
    CartpathError
        If a row is of a user who had not bought.
    """
    found = Rfm(rows.user.copy(), *(np.empty(len(rows)) for _ in range(5)))
    for moment in np.unique(rows.cutoff):
        mine = np.flatnonzero(rows.cutoff == moment)
        buyers = rfm_at(log, int(moment), zone)
        place = np.searchsorted(buyers.user, rows.user[mine])
        new = int((np.append(buyers.user, -1)[place] != rows.user[mine]).sum())
        if new:
            raise CartpathError(
                f"BG/NBD knows nothing of who never bought: {new:,} of {len(mine):,} users before {iso(int(moment))}",
                "ask about buyers, or use another model",
            )
        for name, values in vars(buyers.take(place)).items():
            getattr(found, name)[mine] = values
    return found


def _read(kind: Any, raw: dict[str, Any], name: str) -> Any:
    return kind(**{of: float(value) for of, value in raw[name].items()})
