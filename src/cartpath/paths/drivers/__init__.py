"""Drivers: which events and properties go with a conversion that people choose, and how sure that is.

How it is counted is in ``docs/drivers.md``.
"""

from cartpath.paths.drivers.odds import Driver
from cartpath.paths.drivers.view import DriversResult, drivers

__all__ = ["Driver", "DriversResult", "drivers"]
