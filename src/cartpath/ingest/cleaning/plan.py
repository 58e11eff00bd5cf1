"""What cleaning will do: the rules and the statistics they were fitted with, fixed and fit for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cartpath.config import CleaningSettings
from cartpath.ingest.cleaning.bounds import Bounds
from cartpath.ingest.cleaning.fill import Fill
from cartpath.schema import Columns, iso

#: Columns with values that can be missing or too far out.
VALUES = (Columns.price, Columns.quantity)


@dataclass(frozen=True)
class Plan:
    """Fitted once, then applied to every run in the same way.

    Attributes
    ----------
    settings : CleaningSettings
    fitted_on : int
        Events whose values the statistics are of.
    until : int or None
        They are all before this moment, microseconds since 1970 UTC.
    fills : mapping of column to Fill
        For missing values; a column whose rule is off, or of which nothing was observed, is absent.
    bounds : mapping of column to Bounds
        For outliers, ``config.cleaning.DWELL`` among the columns.
    delay : int or None
        Typical microseconds from an event to its receipt; None where no event says when it was received.

    Examples
    --------
    >>> plan = Plan(CleaningSettings(robots="drop"), 0, None, {}, {}, None)
    >>> Plan.from_dict(plan.to_dict()) == plan
    True
    """

    settings: CleaningSettings
    fitted_on: int
    until: int | None
    fills: dict[str, Fill]
    bounds: dict[str, Bounds]
    delay: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON has it."""
        return {
            "settings": self.settings.to_dict(),
            "fitted_on": self.fitted_on,
            "until": self.until,
            "fills": {name: fill.to_dict() for name, fill in self.fills.items()},
            "bounds": {name: bounds.to_dict() for name, bounds in self.bounds.items()},
            "delay": self.delay,
        }

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Plan:
        """Read back what ``to_dict`` gave."""
        return cls(
            settings=CleaningSettings(**found["settings"]),
            fitted_on=found["fitted_on"],
            until=found["until"],
            fills={name: Fill.from_dict(fill) for name, fill in found["fills"].items()},
            bounds={name: Bounds.from_dict(bounds) for name, bounds in found["bounds"].items()},
            delay=found["delay"],
        )

    def __str__(self) -> str:
        when = "" if self.until is None else f" before {iso(self.until)}"
        return f"cleaning fitted on {self.fitted_on:,} events{when}"
