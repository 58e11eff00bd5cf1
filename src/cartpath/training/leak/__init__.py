"""The leak guard: what comes at or after a moment becomes something else, and nothing that was said of it may change.

A test of models and features, not a part of them; it is the same for every task. A *score* is any function of a log and
of rows that say of a user how much of the path may be known (``IntentRows``, ``CutoffRows``, ``Questions``): a model's
answers, a table of features, or the answers of many models side by side.

``score_changes(score, log, rows)``
    Where scores change with what comes after their rows: a look ahead.
``fit_changes(fit, log, until, rows)``
    Where they change with what a fit may not have read: a fit on the test.
``feature_leaks(log, until, ends)``
    Which parts of an encoded log, and which features of a moment, do either.
``changed_after``, ``changed_catalogue``, ``cut_after``
    The futures that are tried.
"""

from cartpath.training.leak.features import feature_leaks
from cartpath.training.leak.futures import changed_after, changed_catalogue, cut_after
from cartpath.training.leak.guard import TOLERANCE, Rows, Score, fit_changes, score_changes

__all__ = [
    "TOLERANCE",
    "Rows",
    "Score",
    "changed_after",
    "changed_catalogue",
    "cut_after",
    "feature_leaks",
    "fit_changes",
    "score_changes",
]
