"""Time zones of sources: which zone the times of a file without an offset are in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any


def zone_of(name: str | PurePath, zones: Mapping[str, str]) -> str:
    """Return the zone of the first pattern that a file's name matches, empty where none does.

    A pattern is compared with the end of the name: ``*.csv`` with its last part, ``eu/*.csv`` with the last two.

    Examples
    --------
    >>> zones = {"eu/*.csv": "Europe/Berlin", "*.csv": "America/New_York"}
    >>> zone_of("/data/eu/may.csv", zones), zone_of("may.csv", zones), zone_of("may.jsonl", zones)
    ('Europe/Berlin', 'America/New_York', '')
    """
    return next((zone for pattern, zone in zones.items() if PurePath(name).match(pattern)), "")


def in_zone(options: Mapping[str, Any], name: str | PurePath, zones: Mapping[str, str]) -> dict[str, Any]:
    """Return the options for one source: ``time_zone`` as it was given, else that of the source's name."""
    return {**options, "time_zone": options["time_zone"] or zone_of(name, zones)}
