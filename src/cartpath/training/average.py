"""A running average of a network's weights: steadier than the weights of any one step, and better on held-out data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class Average:
    """Exponential average of weights (Polyak and Juditsky, 1992; Izmailov et al., 2018).

    After ``n`` steps the decay is ``min(decay, (1 + n) / (10 + n))``, so that the first steps are soon forgotten.

    Parameters
    ----------
    network : nn.Module
    decay : float
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.weights = list(network.parameters())
        self.decay, self.steps = decay, 0
        self.means = [weight.detach().clone() for weight in self.weights]

    @torch.no_grad()
    def add(self) -> None:
        """Take in the weights as they are now."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.means, [weight.detach() for weight in self.weights], 1 - decay)

    @torch.no_grad()
    def keep(self) -> None:
        """Put the average in place of the weights for good."""
        for weight, mean in zip(self.weights, self.means, strict=True):
            weight.copy_(mean)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the average in place of the weights for a block."""
        with torch.no_grad():
            kept: list[Tensor] = [weight.detach().clone() for weight in self.weights]
            self.keep()
            try:
                yield
            finally:
                for weight, before in zip(self.weights, kept, strict=True):
                    weight.copy_(before)

    def state_dict(self) -> dict[str, Any]:
        """Return it for a checkpoint."""
        return {"steps": self.steps, "means": self.means}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state_dict``."""
        self.steps = int(state["steps"])
        for mean, found in zip(self.means, state["means"], strict=True):
            mean.copy_(found)
