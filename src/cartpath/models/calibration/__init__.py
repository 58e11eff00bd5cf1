"""Scores to probabilities that come true, fitted on a slice of time that training has not seen."""

from cartpath.models.calibration.checks import MIN_OF_EACH
from cartpath.models.calibration.choose import Calibrator, Chosen, calibrator_from_dict, choose_calibrator
from cartpath.models.calibration.isotonic import Isotonic, fit_isotonic
from cartpath.models.calibration.logistic import Platt, fit_platt, fit_shift, logit, sigmoid, unweighted, weight_shift
from cartpath.models.calibration.temperature import Temperature, fit_temperature

__all__ = [
    "MIN_OF_EACH",
    "Calibrator",
    "Chosen",
    "Isotonic",
    "Platt",
    "Temperature",
    "calibrator_from_dict",
    "choose_calibrator",
    "fit_isotonic",
    "fit_platt",
    "fit_shift",
    "fit_temperature",
    "logit",
    "sigmoid",
    "unweighted",
    "weight_shift",
]
