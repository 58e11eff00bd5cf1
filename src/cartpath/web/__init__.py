"""The static report: one HTML file that opens without a network."""

from cartpath.web.report import render, write

__all__ = ["render", "write"]
