"""``[identity]`` of ``cartpath.toml``: how anonymous ids become known users."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from cartpath.schema import CartpathError, microseconds_of


@dataclass(frozen=True)
class IdentitySettings:
    """``[identity]``: how anonymous ids become known users, where links between them were given."""

    stitch: bool = True
    until: str | date | None = None
    max_ids: int = 50
    untimed_known: bool = False

    def __post_init__(self) -> None:
        if type(self.stitch) is not bool:
            raise CartpathError("[identity] stitch must be true or false")
        if type(self.untimed_known) is not bool:
            raise CartpathError("[identity] untimed_known must be true or false")
        if type(self.max_ids) is not int or self.max_ids < 1:
            raise CartpathError("[identity] max_ids must be a whole number from 1")
        if not isinstance(self.until, str | date | None):
            raise CartpathError("[identity] until must be a date, such as 2024-01-31")
        _ = self.until_us

    @property
    def until_us(self) -> int | None:
        """Links first seen from this time on (microseconds since 1970 UTC) do not count; None: all do."""
        if self.until is None:
            return None
        until = self.until
        return microseconds_of(until if isinstance(until, str | datetime) else until.isoformat())

    def to_toml(self) -> str:
        """Return the settings as a table of ``cartpath.toml``."""
        until = "" if self.until is None else f'until = "{self.until}"  # links first seen from then on do not count\n'
        return (
            f"[identity]\nstitch = {str(self.stitch).lower()}  # move events of an anonymous id to its user's path\n"
            f"{until}max_ids = {self.max_ids}  # a user with more linked ids is left as it is\n"
            f"untimed_known = {str(self.untimed_known).lower()}  # whether experiments may use links without a time\n"
        )
