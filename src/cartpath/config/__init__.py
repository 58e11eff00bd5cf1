"""``cartpath.toml`` as validated settings."""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from cartpath.config.cleaning import CleaningSettings, MissingSettings, OutlierSettings, OutliersSettings
from cartpath.config.cleaning import to_toml as cleaning_toml
from cartpath.config.identity import IdentitySettings
from cartpath.config.recommend import BoostSettings, NewItemsSettings, RecommendSettings
from cartpath.config.segments import SegmentSettings
from cartpath.config.serve import ServeSettings
from cartpath.config.shop import ShopSettings, zone_named
from cartpath.schema import CartpathError, seconds

__all__ = [
    "FILE_NAME",
    "BoostSettings",
    "CleaningSettings",
    "IdentitySettings",
    "MissingSettings",
    "NewItemsSettings",
    "OutlierSettings",
    "OutliersSettings",
    "RecommendSettings",
    "SegmentSettings",
    "ServeSettings",
    "SessionSettings",
    "Settings",
    "ShopSettings",
    "StoreSettings",
    "load",
    "zone_named",
]

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
class Settings:
    """All settings of a workspace.

    Examples
    --------
    >>> Settings().sessions.gap_seconds
    1800
    """

    store: StoreSettings = field(default_factory=StoreSettings)
    sessions: SessionSettings = field(default_factory=SessionSettings)
    cleaning: CleaningSettings = field(default_factory=CleaningSettings)
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    shop: ShopSettings = field(default_factory=ShopSettings)
    segments: SegmentSettings = field(default_factory=SegmentSettings)
    recommend: RecommendSettings = field(default_factory=RecommendSettings)
    serve: ServeSettings = field(default_factory=ServeSettings)

    def to_toml(self) -> str:
        """Return the settings as the text of ``cartpath.toml``."""
        return (
            "# Settings of this Cartpath workspace; see docs/configuration.md\n\n"
            f"[store]\nbuckets = {self.store.buckets}  # change with: cartpath rebucket\n\n"
            f'[sessions]\ngap = "{self.sessions.gap}"  # inactivity that ends a session without an id\n\n'
            f"{self.shop.to_toml()}\n"
            f"{self.identity.to_toml()}\n"
            "# Values are kept as they came until a rule is switched on in [cleaning]; see docs/cleaning.md\n"
            f"{cleaning_toml(self.cleaning)}"
            f"{self.segments.to_toml()}"
            f"{self.recommend.to_toml()}"
            f"{self.serve.to_toml()}"
        )


_TABLES: dict[str, type[Any]] = {
    "store": StoreSettings,
    "sessions": SessionSettings,
    "cleaning": CleaningSettings,
    "identity": IdentitySettings,
    "shop": ShopSettings,
    "segments": SegmentSettings,
    "recommend": RecommendSettings,
    "serve": ServeSettings,
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
        If the workspace is a file, or the settings are missing, are not TOML, or have an unknown or wrong setting.
    """
    path = workspace / FILE_NAME
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise not_a_workspace(workspace) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CartpathError(f"{path} is not valid TOML: {error}") from None
    unknown = sorted(set(raw) - set(_TABLES))
    if unknown:
        raise CartpathError(f"{path}: unknown table [{unknown[0]}]", f"known: {', '.join(_TABLES)}")
    return Settings(**{name: _table(path, name, cls, raw.get(name, {})) for name, cls in _TABLES.items()})


def not_a_workspace(workspace: Path) -> CartpathError:
    """Return the error of a path that is no workspace."""
    if workspace.is_file():
        return CartpathError(
            f"{workspace} is a file, not the folder of a Cartpath workspace",
            "the workspace comes first, then the files: cartpath ingest SHOP FILE...",
        )
    return CartpathError(
        f"{workspace} is not a Cartpath workspace", f"make one: cartpath init {shlex.quote(str(workspace))}"
    )


def _table(path: Path, name: str, cls: type[Any], values: Any) -> Any:
    known = {f.name for f in fields(cls)}
    if not isinstance(values, dict):
        raise CartpathError(f"{path}: {name} must be a table, [{name}]")
    if cls is SegmentSettings:  # its settings are named by the user
        return SegmentSettings(values)
    unknown = sorted(set(values) - known)
    if unknown:
        raise CartpathError(f"{path}: unknown setting {unknown[0]} in [{name}]", f"known: {', '.join(sorted(known))}")
    return cls(**values)
