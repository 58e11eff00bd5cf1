"""Keeping a pretrained model up to date: go on from its weights with later events, and promote what is not worse."""

from cartpath.training.refresh.judge import MARGIN, Verdict
from cartpath.training.refresh.run import refresh
from cartpath.training.refresh.start import ContinueFrom, grown

__all__ = ["MARGIN", "ContinueFrom", "Verdict", "grown", "refresh"]
