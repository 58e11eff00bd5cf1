"""Dropout of a network that is there already: what pretraining needs and fine-tuning needs differ."""

from __future__ import annotations

from torch import nn

from cartpath.models.behaviour import BehaviourModel

_RECURRENT = (nn.GRU, nn.LSTM)


def set_dropout(model: BehaviourModel, share: float) -> None:
    """Let a network drop another share of activations while it is trained, of an event's vector too.

    To be called before ``adapt``, whose parts have their own. Of a Transformers backbone the dropout layers follow,
    not what its attention drops by itself.

    Parameters
    ----------
    model : BehaviourModel
        Changed in place, its configuration too.
    share : float
        From 0 to below 1 (Srivastava et al., 2014).

    Examples
    --------
    >>> from cartpath.models.behaviour import BehaviourConfig
    >>> model = BehaviourModel(BehaviourConfig())
    >>> set_dropout(model, 0.4)
    >>> {part.p for part in model.modules() if isinstance(part, nn.Dropout)}, model.config.input_dropout
    ({0.4}, 0.4)
    """
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = share
        elif isinstance(part, nn.MultiheadAttention) or (isinstance(part, _RECURRENT) and part.num_layers > 1):
            part.dropout = share
    model.config.dropout = model.config.input_dropout = share
