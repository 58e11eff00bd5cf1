"""A shop with known truth: personas, intent, campaigns, churn, robots, dirt."""

from cartpath.simulate.realism import LogStatistics, log_statistics
from cartpath.simulate.run import SimulationSummary, simulate
from cartpath.simulate.settings import CAMPAIGNS, DIRT_KINDS, PERSONAS, Dirt

__all__ = [
    "CAMPAIGNS",
    "DIRT_KINDS",
    "PERSONAS",
    "Dirt",
    "LogStatistics",
    "SimulationSummary",
    "log_statistics",
    "simulate",
]
