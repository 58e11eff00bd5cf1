"""Metrics, intervals and paired tests; every figure with its denominator."""

from cartpath.evaluation.bootstrap import Interval, bootstrap, paired_bootstrap
from cartpath.evaluation.delong import DeLong, delong
from cartpath.evaluation.discrimination import average_precision, roc_auc
from cartpath.evaluation.likelihood import brier_score, log_loss
from cartpath.evaluation.paired import Paired, mean_interval, paired_test, sign_flip
from cartpath.evaluation.ranking import mrr, ndcg, recall
from cartpath.evaluation.ranks import UNRANKED, hit_rate, ndcg_at, rank_of, reciprocal
from cartpath.evaluation.reliability import ReliabilityBin, expected_calibration_error, reliability

__all__ = [
    "UNRANKED",
    "DeLong",
    "Interval",
    "Paired",
    "ReliabilityBin",
    "average_precision",
    "bootstrap",
    "brier_score",
    "delong",
    "expected_calibration_error",
    "hit_rate",
    "log_loss",
    "mean_interval",
    "mrr",
    "ndcg",
    "ndcg_at",
    "paired_bootstrap",
    "paired_test",
    "rank_of",
    "recall",
    "reciprocal",
    "reliability",
    "roc_auc",
    "sign_flip",
]
