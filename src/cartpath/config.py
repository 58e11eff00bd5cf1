"""``cartpath.toml`` as validated settings."""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

from cartpath.schema import CartpathError, microseconds_of, seconds

FILE_NAME = "cartpath.toml"


@dataclass(frozen=True)
class StoreSettings:
    """``[store]``: how the event store is laid out."""

    buckets: int = 64

    def __post_init__(self) -> None:
        if type(self.buckets) is not int or not 1 <= self.buckets <= 4096:
            raise CartpathError("[store] buckets must be a whole number from 1 to 4096")


@dataclass(frozen=True)
class SessionSettings:
    """``[sessions]``: how sessions are derived where the source has none."""

    gap: str = "30m"

    def __post_init__(self) -> None:
        seconds(self.gap)

    @property
    def gap_seconds(self) -> int:
        """The inactivity gap in seconds."""
        return seconds(self.gap)


@dataclass(frozen=True)
class IdentitySettings:
    """``[identity]``: how anonymous ids become known users, where links between them were given."""

    stitch: bool = True
    until: str | date | None = None
    max_ids: int = 50

    def __post_init__(self) -> None:
        if type(self.stitch) is not bool:
            raise CartpathError("[identity] stitch must be true or false")
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
        )


@dataclass(frozen=True)
class Settings:
    """All settings of a workspace.

    Examples
    --------
    >>> Settings().sessions.gap_seconds
    1800
    """

    store: StoreSettings = field(default_factory=StoreSettings)
    sessions: SessionSettings = field(default_factory=SessionSettings)
    identity: IdentitySettings = field(default_factory=IdentitySettings)

    def to_toml(self) -> str:
        """Return the settings as the text of ``cartpath.toml``."""
        return (
            "# Settings of this Cartpath workspace; see docs/configuration.md\n\n"
            f"[store]\nbuckets = {self.store.buckets}  # change with: cartpath rebucket\n\n"
            f'[sessions]\ngap = "{self.sessions.gap}"  # inactivity that ends a session without an id\n\n'
            f"{self.identity.to_toml()}"
        )


_TABLES: dict[str, type[Any]] = {
    "store": StoreSettings,
    "sessions": SessionSettings,
    "identity": IdentitySettings,
}


def load(workspace: Path) -> Settings:
    """Read and validate ``cartpath.toml`` of a workspace.

    Parameters
    ----------
    workspace : Path
        The workspace's folder.

    Returns
    -------
    Settings

    Raises
    ------
    CartpathError
        If the file is missing, is not TOML, or has an unknown or wrong setting.
    """
    path = workspace / FILE_NAME
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CartpathError(
            f"{workspace} is not a Cartpath workspace (no {FILE_NAME})",
            f"make one: cartpath init {shlex.quote(str(workspace))}",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CartpathError(f"{path} is not valid TOML: {error}") from None
    unknown = sorted(set(raw) - set(_TABLES))
    if unknown:
        raise CartpathError(f"{path}: unknown table [{unknown[0]}]", f"known: {', '.join(_TABLES)}")
    return Settings(**{name: _table(path, name, cls, raw.get(name, {})) for name, cls in _TABLES.items()})


def _table(path: Path, name: str, cls: type[Any], values: Any) -> Any:
    known = {f.name for f in fields(cls)}
    if not isinstance(values, dict):
        raise CartpathError(f"{path}: {name} must be a table, [{name}]")
    unknown = sorted(set(values) - known)
    if unknown:
        raise CartpathError(f"{path}: unknown setting {unknown[0]} in [{name}]", f"known: {', '.join(sorted(known))}")
    return cls(**values)
