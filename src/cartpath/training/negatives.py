"""Items drawn to stand for the whole catalogue, and how likely each was to be drawn."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cartpath.schema import CartpathError

STRATEGIES: tuple[str, ...] = ("uniform", "in-batch", "mixed")


@dataclass(frozen=True)
class Negatives:
    """How items are drawn beside the true ones of a batch.

    Attributes
    ----------
    strategy : str
        ``uniform``: each item is as likely; ``in-batch``: the true items of the batch's other questions;
        ``mixed``: both together (Yang et al., 2020).
    n : int
        Uniform draws.
    shares : float tensor (n_items,)
        Share of all questions that each item is the answer of; ids that are no items have 0.
    first : int
        The first id that is an item.
    """

    strategy: str
    n: int
    shares: Tensor
    first: int = 2

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise CartpathError(f"there are no negatives {self.strategy!r}", f"known: {', '.join(STRATEGIES)}")

    def draw(self, truth: Tensor) -> tuple[Tensor, Tensor]:
        """Draw for a batch of questions.

        Parameters
        ----------
        truth : int64 tensor (b,)
            Ids of the true items.

        Returns
        -------
        tuple of int64 and float tensors (m,)
            Distinct ids, and the log of how likely each was to be among them; dividing by it makes a sum over the
            drawn an unbiased estimate of the sum over all (Horvitz and Thompson, 1952).
        """
        drawn = []
        if self.strategy != "in-batch":
            drawn.append(torch.randint(self.first, len(self.shares), (self.n,), device=truth.device))
        if self.strategy != "uniform":
            drawn.append(truth)
        ids: Tensor = torch.unique(torch.cat(drawn))
        missed = torch.ones(len(ids), device=truth.device)
        if self.strategy != "in-batch":
            missed = missed * (1 - 1 / (len(self.shares) - self.first)) ** self.n
        if self.strategy != "uniform":
            shares = self.shares.to(truth.device)[ids]
            missed = missed * (1 - shares.clamp(max=1 - 1e-6)) ** len(truth)
        return ids, torch.log((1 - missed).clamp(min=1e-9))
