"""Metrics, intervals and paired tests; every figure with its denominator."""

from cartpath.evaluation.bootstrap import Interval, bootstrap, paired_bootstrap
from cartpath.evaluation.calibration_error import CalibrationError, calibration_error
from cartpath.evaluation.conformal import (
    Conformal,
    conformal_quantile,
    fit_conformal,
    fit_conformal_quantiles,
)
from cartpath.evaluation.coverage import Coverage, coverage
from cartpath.evaluation.delong import DeLong, delong
from cartpath.evaluation.discrimination import average_precision, roc_auc
from cartpath.evaluation.drawn import Drawn, drawn_discrimination
from cartpath.evaluation.groups import GroupMetrics, by_group
from cartpath.evaluation.likelihood import brier_score, log_loss
from cartpath.evaluation.lists import catalogue_coverage, concentration, diversity, novelty, popularity_lift
from cartpath.evaluation.paired import Paired, mean_interval, paired_test, sign_flip
from cartpath.evaluation.profit import Decision, ProfitCurve, profit_curve
from cartpath.evaluation.ranking import mrr, ndcg, recall
from cartpath.evaluation.ranks import UNRANKED, hit_rate, ndcg_at, rank_of, reciprocal
from cartpath.evaluation.recalibration import Recalibration, recalibration
from cartpath.evaluation.regression import drawn_errors, drawn_mean, spearman
from cartpath.evaluation.reliability import ReliabilityBin, expected_calibration_error, reliability
from cartpath.evaluation.thresholds import AtThreshold, f1_threshold, precision_recall_f1

__all__ = [
    "UNRANKED",
    "AtThreshold",
    "CalibrationError",
    "Conformal",
    "Coverage",
    "DeLong",
    "Decision",
    "Drawn",
    "GroupMetrics",
    "Interval",
    "Paired",
    "ProfitCurve",
    "Recalibration",
    "ReliabilityBin",
    "average_precision",
    "bootstrap",
    "brier_score",
    "by_group",
    "calibration_error",
    "catalogue_coverage",
    "concentration",
    "conformal_quantile",
    "coverage",
    "delong",
    "diversity",
    "drawn_discrimination",
    "drawn_errors",
    "drawn_mean",
    "expected_calibration_error",
    "f1_threshold",
    "fit_conformal",
    "fit_conformal_quantiles",
    "hit_rate",
    "log_loss",
    "mean_interval",
    "mrr",
    "ndcg",
    "ndcg_at",
    "novelty",
    "paired_bootstrap",
    "paired_test",
    "popularity_lift",
    "precision_recall_f1",
    "profit_curve",
    "rank_of",
    "recalibration",
    "recall",
    "reciprocal",
    "reliability",
    "roc_auc",
    "sign_flip",
    "spearman",
]
