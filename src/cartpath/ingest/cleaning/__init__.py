"""Cleaning: rules that are fitted once on raw runs, and then make a cleaned run of each. The raw ones stay."""

from cartpath.ingest.cleaning.apply import REMOVED, Cleaned, apply
from cartpath.ingest.cleaning.fit import Partial, finish, fit, merge, scan
from cartpath.ingest.cleaning.plan import Plan

__all__ = ["REMOVED", "Cleaned", "Partial", "Plan", "apply", "finish", "fit", "merge", "scan"]
