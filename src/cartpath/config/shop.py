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
            return zone_named(self.time_zone)
        except CartpathError as error:
            raise CartpathError(f"[shop] time_zone: {error.message}", error.hint) from None

    def to_toml(self) -> str:
        """Return the settings as a table of ``cartpath.toml``."""
        return f'[shop]\ntime_zone = "{self.time_zone}"  # an IANA name; of dates, days and hours\n'


def zone_named(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name.

    Raises
    ------
    CartpathError
        If there is none.

    Examples
    --------
    >>> zone_named("Europe/Berlin").key
    'Europe/Berlin'
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, AttributeError, OSError):
        raise CartpathError(f"no time zone {name!r}", "use an IANA name, such as Europe/Berlin") from None
