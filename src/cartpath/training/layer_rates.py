"""Layer-wise learning rates: what was pretrained changes less, the nearer it is to the input."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from torch import Tensor, nn

from cartpath.models.adaptation.layers import layer_count, layer_of
from cartpath.models.behaviour import BehaviourModel


def rate_groups(network: nn.Module, rate: float, factor: float, weight_decay: float) -> list[dict[str, Any]]:
    """Return the trainable parameters as AdamW's groups, each parameter once; empty groups are left out.

    A parameter of layer ``l`` learns at ``rate * factor ** (top - l)``: heads and the last norm, the top, at ``rate``,
    each layer below at ``factor`` times that of the layer above it, embeddings at the least (Howard and Ruder, 2018,
    who take 1 / 2.6; Bao et al., 2022). Parts inserted into a layer learn as it does, and what a network has beside
    its behaviour model as the top. Of a schedule's factor each group has its own rate times.

    Weights of linear maps decay; norms, biases, embeddings and prefixes do not, as in ``PathTrainer``.

    Parameters
    ----------
    network : nn.Module
        A behaviour model, or a network that holds one, as ``IntentNetwork``.
    rate : float
        Of the heads.
    factor : float
        Above 0, up to 1; at 1 all learn alike.
    weight_decay : float

    Returns
    -------
    list of dict
        ``params``, ``lr``, ``weight_decay``, ``layer``; lowest layer first.

    Examples
    --------
    >>> from cartpath.models.behaviour import BehaviourConfig
    >>> groups = rate_groups(BehaviourModel(BehaviourConfig(layers=1)), 0.8, 0.5, 0.01)
    >>> [(group["layer"], group["lr"], group["weight_decay"]) for group in groups]
    [(0, 0.2, 0.0), (1, 0.4, 0.0), (1, 0.4, 0.01), (2, 0.8, 0.0), (2, 0.8, 0.01)]
    """
    prefix, model = next((name, part) for name, part in network.named_modules() if isinstance(part, BehaviourModel))
    prefix, top, layer = f"{prefix}." if prefix else "", layer_count(model) + 1, layer_of(model)
    decaying = {id(part.weight) for part in network.modules() if isinstance(part, nn.Linear)}
    found: dict[tuple[int, bool], list[Tensor]] = defaultdict(list)
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            of = layer(name.removeprefix(prefix)) if name.startswith(prefix) else top
            found[of, id(weight) in decaying].append(weight)
    return [
        {
            "params": found[of, decays],
            "lr": rate * factor ** (top - of),
            "weight_decay": weight_decay if decays else 0.0,
            "layer": of,
        }
        for of, decays in sorted(found)
    ]
