"""``[cleaning]``: rules that change or drop values. All are off until they are asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, time
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cartpath.config.checks import one_of, table
from cartpath.schema import MICROSECONDS, CartpathError, Columns, microseconds_of, seconds

FILLS = ("leave", "mean", "median", "random")
METHODS = ("zscore", "robust_z", "iqr")
ACTIONS = ("flag", "clip", "blank", "quarantine")
SCALES = ("log", "linear")
BY = ("item", "all")
#: Column of no table: seconds to the next event of the session.
DWELL = "dwell"
#: How far out a value may lie, where ``limit`` is not given.
LIMITS: Mapping[str, float] = {"zscore": 4.0, "robust_z": 4.0, "iqr": 3.0}


@dataclass(frozen=True)
class MissingSettings:
    """``[cleaning.missing]``: what is put where a value is missing, on the events that should have it.

    Attributes
    ----------
    price, quantity : str
        ``leave``, ``mean``, ``median``, ``random`` (drawn from the observed), a number, or ``constant:NUMBER``.
    by : {"item", "all"}
        Whether an item's own observed values are used where it has enough of them.
    """

    price: str = "leave"
    quantity: str = "leave"
    by: str = "item"

    def __post_init__(self) -> None:
        for name in (Columns.price, Columns.quantity):
            value = getattr(self, name)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                object.__setattr__(self, name, f"constant:{float(value)!r}")
            self._check(name)
        one_of("[cleaning.missing] by", self.by, BY)

    def _check(self, name: str) -> None:
        value = getattr(self, name)
        if isinstance(value, str) and value.startswith("constant:"):
            try:
                number = float(value.removeprefix("constant:"))
            except ValueError:
                number = float("nan")
            if not isfinite(number) or number < 0:
                raise CartpathError(f"[cleaning.missing] {name} = {value!r}: a constant is a number from 0 on")
            if name == Columns.quantity and (number != int(number) or number >= 2**31):
                raise CartpathError(f"[cleaning.missing] {name} = {value!r}: a quantity is a whole number")
            return
        one_of(f"[cleaning.missing] {name}", value, (*FILLS, "constant:NUMBER"))

    def constant(self, name: str) -> float | None:
        """Return the constant put into a column, None if it is not one."""
        value = str(getattr(self, name))
        return float(value.removeprefix("constant:")) if value.startswith("constant:") else None


@dataclass(frozen=True)
class OutlierSettings:
    """``[cleaning.outliers.COLUMN]``: which values of a column are too far out, and what becomes of them.

    Attributes
    ----------
    method : {"robust_z", "zscore", "iqr"}
        Median and MAD times 1.4826; mean and standard deviation; Tukey's fences.
    limit : float, optional
        In units of the spread; ``LIMITS`` has the defaults.
    action : {"flag", "clip", "blank", "quarantine"}
        Mark only; move to the bound; make unknown; take the event out of the path table.
    scale : {"log", "linear"}
        What is judged: the logarithm of the size (0 is then never an outlier), or the value.
    by : {"item", "all"}
        Whether a value is compared with those of its own item, where that has enough of them.
    """

    method: str = "robust_z"
    limit: float | None = None
    action: str = "flag"
    scale: str = "log"
    by: str = "item"

    def __post_init__(self) -> None:
        for name, allowed in (("method", METHODS), ("action", ACTIONS), ("scale", SCALES), ("by", BY)):
            one_of(f"[cleaning.outliers] {name}", getattr(self, name), allowed)
        if self.limit is None:
            return
        number = isinstance(self.limit, (int, float)) and not isinstance(self.limit, bool)
        if not number or not isfinite(self.limit) or self.limit <= 0:
            raise CartpathError(f"[cleaning.outliers] limit must be a number above 0, not {self.limit!r}")
        object.__setattr__(self, "limit", float(self.limit))

    @property
    def bound(self) -> float:
        """The limit, or the default of the method."""
        return LIMITS[self.method] if self.limit is None else self.limit


@dataclass(frozen=True)
class OutliersSettings:
    """``[cleaning.outliers]``: a table for each column that is judged; a column without one is not."""

    price: OutlierSettings | None = None
    quantity: OutlierSettings | None = None
    dwell: OutlierSettings | None = None

    def __post_init__(self) -> None:
        for name in (Columns.price, Columns.quantity, DWELL):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, table(f"cleaning.outliers.{name}", OutlierSettings, value))

    def of(self, name: str) -> OutlierSettings | None:
        """Return the rule of one column, None where it is off."""
        rule: OutlierSettings | None = getattr(self, name)
        return rule


@dataclass(frozen=True)
class CleaningSettings:
    """``[cleaning]``: see ``docs/cleaning.md``.

    Attributes
    ----------
    missing : MissingSettings
    outliers : OutliersSettings
    time_zones : mapping of str to str
        Pattern of file names -> IANA zone of their times without an offset. It acts while files are read.
    near_duplicates : {"leave", "drop"}
    near_window : str
        How soon after the event before an equal one is a near duplicate.
    robots : {"leave", "flag", "drop"}
    clock_skew : str
        How far a session's clock may be off before it is set right; empty: it is left.
    until : str
        Statistics are fitted on events before this moment; empty: on all there are.
    seed : int
        Of random draws.

    Examples
    --------
    >>> CleaningSettings().active
    False
    >>> CleaningSettings(missing={"price": "median"}).missing.price
    'median'
    """

    missing: MissingSettings = field(default_factory=MissingSettings)
    outliers: OutliersSettings = field(default_factory=OutliersSettings)
    time_zones: Mapping[str, str] = field(default_factory=dict)
    near_duplicates: str = "leave"
    near_window: str = "1s"
    robots: str = "leave"
    clock_skew: str = ""
    until: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        for name, cls in (("missing", MissingSettings), ("outliers", OutliersSettings)):
            object.__setattr__(self, name, table(f"cleaning.{name}", cls, getattr(self, name)))
        one_of("[cleaning] near_duplicates", self.near_duplicates, ("leave", "drop"))
        one_of("[cleaning] robots", self.robots, ("leave", "flag", "drop"))
        seconds(self.near_window)
        if self.clock_skew != "":
            seconds(self.clock_skew)
        object.__setattr__(self, "until", _moment(self.until))
        if type(self.seed) is not int or not 0 <= self.seed < 2**63:
            raise CartpathError("[cleaning] seed must be a whole number from 0 on")
        _check_zones(self.time_zones)

    @property
    def active(self) -> bool:
        """Whether any rule would change the path table; ``time_zones`` act before that."""
        still = CleaningSettings(near_window=self.near_window, until=self.until, seed=self.seed)
        same_by = replace(self.missing, by=still.missing.by)
        return replace(self, time_zones={}, missing=same_by) != still

    @property
    def until_ts(self) -> int | None:
        """``until`` in microseconds since 1970 UTC."""
        return microseconds_of(self.until) if self.until else None

    @property
    def near_window_us(self) -> int:
        """``near_window`` in microseconds."""
        return seconds(self.near_window) * MICROSECONDS

    @property
    def clock_skew_us(self) -> int | None:
        """``clock_skew`` in microseconds, None where it is off."""
        return seconds(self.clock_skew) * MICROSECONDS if self.clock_skew else None

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON has them; ``CleaningSettings(**found)`` reads them back."""
        return asdict(self)


def to_toml(settings: CleaningSettings) -> str:
    """Return the settings that are not the defaults as text of ``cartpath.toml``, empty if there are none.

    Examples
    --------
    >>> print(to_toml(CleaningSettings(robots="drop", outliers={"price": {"limit": 5}})), end="")
    [cleaning]
    robots = "drop"
    [cleaning.outliers.price]
    limit = 5.0
    """
    return "".join(_written("cleaning", settings.to_dict(), CleaningSettings().to_dict()))


def _written(name: str, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    lines = [
        f"{json.dumps(key) if name.endswith('time_zones') else key} = {json.dumps(value, ensure_ascii=False)}\n"
        for key, value in plain.items()
        if value != defaults.get(key)
    ]
    rule = asdict(OutlierSettings())
    tables = [
        text
        for key, value in values.items()
        if isinstance(value, Mapping)
        for text in _written(f"{name}.{key}", value, rule if name.endswith("outliers") else defaults.get(key) or {})
    ]
    is_rule = ".outliers." in name  # an empty table is a rule with the defaults
    return ([f"[{name}]\n", *lines] if lines or is_rule else []) + tables


def _moment(value: Any) -> str:
    """Accept a date as TOML writes it, with quotes or without."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if isinstance(value, datetime):
        return value.isoformat()
    if not isinstance(value, str):
        raise CartpathError(f"[cleaning] until must be a date, not {value!r}", 'write until = "2016-09-01"')
    if value:
        microseconds_of(value)
    return value


def _check_zones(zones: Any) -> None:
    if not isinstance(zones, Mapping):
        raise CartpathError("[cleaning.time_zones] must be a table", 'write "eu/*.csv" = "Europe/Berlin"')
    for pattern, zone in zones.items():
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, TypeError):
            raise CartpathError(
                f"[cleaning.time_zones] {pattern!r}: no time zone {zone!r}", "use an IANA name, such as Europe/Berlin"
            ) from None
