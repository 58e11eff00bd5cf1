"""Networks, classic estimators and calibration behind ``score / save / load``.

The network itself is in ``cartpath.models.behaviour``, which needs PyTorch and Transformers (extra ``models``).
"""

from cartpath.models.artefact import current_version, folder_of, has_version, new_version, read_json, write_json
from cartpath.models.calibration import Platt, fit_platt, logit, sigmoid
from cartpath.models.extra import need
from cartpath.models.huggingface import from_huggingface
from cartpath.models.intent import BehaviourIntent, IntentScorer, load_intent
from cartpath.models.next_item import ItemIndex, NextItemModel
from cartpath.models.pretrained import Pretrained

__all__ = [
    "BehaviourIntent",
    "IntentScorer",
    "ItemIndex",
    "NextItemModel",
    "Platt",
    "Pretrained",
    "current_version",
    "fit_platt",
    "folder_of",
    "from_huggingface",
    "has_version",
    "load_intent",
    "logit",
    "need",
    "new_version",
    "read_json",
    "sigmoid",
    "write_json",
]
