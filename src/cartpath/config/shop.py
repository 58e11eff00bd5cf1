"""``[shop]`` of ``cartpath.toml``: what is true of the shop itself."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cartpath.schema import CartpathError


@dataclass(frozen=True)
class ShopSettings:
    """``[shop]``: the time zone of its dates, days and hours.

    Examples
    --------
    >>> ShopSettings("Europe/Berlin").zone.key
    'Europe/Berlin'
    """

    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        _ = self.zone

    @property
    def zone(self) -> ZoneInfo:
        """The zone."""
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, TypeError, AttributeError, OSError):
            raise CartpathError(
                f"[shop] time_zone: no time zone {self.time_zone!r}", "use an IANA name, such as Europe/Berlin"
            ) from None

    def to_toml(self) -> str:
        """Return the settings as a table of ``cartpath.toml``."""
        return f'[shop]\ntime_zone = "{self.time_zone}"  # an IANA name; of dates, days and hours\n'
