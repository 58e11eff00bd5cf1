"""Metrics, intervals and paired tests; every figure with its denominator."""

from cartpath.evaluation.bootstrap import Interval, bootstrap, paired_bootstrap
from cartpath.evaluation.delong import DeLong, delong
from cartpath.evaluation.discrimination import average_precision, roc_auc
from cartpath.evaluation.likelihood import brier_score, log_loss
from cartpath.evaluation.ranking import mrr, ndcg, recall
from cartpath.evaluation.reliability import ReliabilityBin, expected_calibration_error, reliability

__all__ = [
    "DeLong",
    "Interval",
    "ReliabilityBin",
    "average_precision",
    "bootstrap",
    "brier_score",
    "delong",
    "expected_calibration_error",
    "log_loss",
    "mrr",
    "ndcg",
    "paired_bootstrap",
    "recall",
    "reliability",
    "roc_auc",
]
