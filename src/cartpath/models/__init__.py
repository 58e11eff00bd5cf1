"""Networks, classic estimators and calibration behind ``score / save / load``.

The network itself is in ``cartpath.models.behaviour``, which needs PyTorch and Transformers (extra ``models``).
"""

from cartpath.models.artefact import current_version, folder_of, has_version, new_version, read_json, write_json
from cartpath.models.calibration import (
    Calibrator,
    Chosen,
    Isotonic,
    Platt,
    Temperature,
    calibrator_from_dict,
    choose_calibrator,
    fit_isotonic,
    fit_platt,
    fit_shift,
    fit_temperature,
    logit,
    sigmoid,
    unweighted,
    weight_shift,
)
from cartpath.models.extra import need
from cartpath.models.huggingface import from_huggingface
from cartpath.models.intent import BehaviourIntent, IntentScorer, load_intent
from cartpath.models.next_item import ItemIndex, NextItemModel
from cartpath.models.pretrained import Pretrained
from cartpath.models.versions import Version, artefacts_of, built_on, go_back, versions_of

__all__ = [
    "BehaviourIntent",
    "Calibrator",
    "Chosen",
    "IntentScorer",
    "Isotonic",
    "ItemIndex",
    "NextItemModel",
    "Platt",
    "Pretrained",
    "Temperature",
    "Version",
    "artefacts_of",
    "built_on",
    "calibrator_from_dict",
    "choose_calibrator",
    "current_version",
    "fit_isotonic",
    "fit_platt",
    "fit_shift",
    "fit_temperature",
    "folder_of",
    "from_huggingface",
    "go_back",
    "has_version",
    "load_intent",
    "logit",
    "need",
    "new_version",
    "read_json",
    "sigmoid",
    "unweighted",
    "versions_of",
    "weight_shift",
    "write_json",
]
