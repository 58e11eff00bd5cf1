"""Ways to fine-tune the behaviour model: what is trained, what is inserted, and how that alone is saved.

=========== ===================================================================== ==============================
method      trained, beside the heads of the tasks                                settings
=========== ===================================================================== ==============================
``full``    everything
``head``    nothing
``top``     the last layers and the last norm                                     ``layers``
``lora``    low-rank changes of the linear maps (Hu et al., 2022; by PEFT)        ``rank``, ``alpha``, ``dropout``
``adapter`` a small network after each sublayer, norms (Houlsby et al., 2019)     ``size``, ``norms``
``prefix``  keys and values before the path, each layer (Li and Liang, 2021)      ``length``
=========== ===================================================================== ==============================

Needs PyTorch and Transformers; ``lora`` needs PEFT (extra ``models``).
"""

from cartpath.models.adaptation.adapt import Adapted, adapt
from cartpath.models.adaptation.base import base_hash, trainable
from cartpath.models.adaptation.files import load_adaptation, read_adaptation
from cartpath.models.adaptation.heads import add_head, head_of
from cartpath.models.adaptation.methods import METHODS

__all__ = [
    "METHODS",
    "Adapted",
    "adapt",
    "add_head",
    "base_hash",
    "head_of",
    "load_adaptation",
    "read_adaptation",
    "trainable",
]
