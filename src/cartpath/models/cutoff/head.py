"""What a network says at a cut-off: from what it knows, where the user stands and what is asked, to the answer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cartpath.features.vocabulary import UNKNOWN
from cartpath.models.behaviour import BehaviourModel

#: Bins of each column of where a user stands.
BINS = 12


class CutoffHead(nn.Module):
    """A linear map and a small network beside it, on the hidden state, the user's standing and what is asked about.

    Numbers of the standing come in as a piecewise linear encoding over quantiles of the training rows (Gorishniy,
    Rubachev, Babenko, 2022, On Embeddings for Numerical Features): a line, and a bend wherever the data has room for
    one. So how long a user has been silent can matter in any shape, and beyond what training saw it says no more.

    Parameters
    ----------
    hidden : int
        Of the behaviour model.
    columns : int
        Of the standing.
    outputs : int
        1 for log odds; 2 for an amount in two parts, see ``amount``.
    asked : bool
        Whether something is asked about.
    inner : int
        Width of the small network.
    dropout : float
    """

    edges: Tensor

    def __init__(
        self, hidden: int, columns: int, outputs: int = 1, asked: bool = False, inner: int = 64, dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.shape = {"hidden": hidden, "columns": columns, "outputs": outputs, "asked": asked, "inner": inner}
        width = hidden * (3 if asked else 1) + columns * (BINS + 1)
        self.register_buffer("edges", torch.linspace(0, 8, BINS + 1).repeat(columns, 1))
        self.straight = nn.Linear(width, outputs)
        self.into, self.out = nn.Linear(width, inner), nn.Linear(inner, outputs, bias=False)
        self.dropout = nn.Dropout(dropout)
        # The answer begins as the same for all.
        for weight in (self.straight.weight, self.straight.bias, self.out.weight):
            nn.init.zeros_(weight)

    def fit_scale(self, standing: Tensor) -> None:
        """Take the bins of each column from training rows (n, columns)."""
        levels = torch.linspace(0, 1, BINS + 1, dtype=standing.dtype)
        for column, values in enumerate(standing.T):
            known = values[~values.isnan()]
            if len(known):
                self.edges[column] = torch.quantile(known[:1_000_000], levels)

    def start_at(self, weights: Tensor, biases: Tensor) -> None:
        """Begin with a linear map of the encoded standing (outputs, columns * (BINS + 1)) and biases (outputs,)."""
        begin = self.shape["hidden"]
        with torch.no_grad():
            self.straight.weight[:, begin : begin + weights.shape[1]] = weights
            self.straight.bias.copy_(biases)

    def forward(self, hidden: Tensor, standing: Tensor, asked: Tensor | None = None) -> Tensor:
        """Return the outputs (n, outputs).

        Parameters
        ----------
        hidden : float tensor (n, hidden)
            What is known after the last event before the cut-off.
        standing : float tensor (n, columns)
            ``standing``; NaN is unknown.
        asked : float tensor (n, hidden), optional
            The vector of what is asked about; see ``asked_vectors``.
        """
        parts = [hidden, encoded(standing, self.edges)]
        if asked is not None:
            asked = F.layer_norm(asked, asked.shape[-1:])
            parts += [asked, hidden * asked]
        x = torch.cat(parts, dim=-1)
        out: Tensor = self.straight(x) + self.out(self.dropout(F.gelu(self.into(self.dropout(x)))))
        return out


def encoded(values: Tensor, edges: Tensor) -> Tensor:
    """Return the piecewise linear encoding of numbers: of each bin the share of it that lies below the number.

    Parameters
    ----------
    values : float tensor (n, columns)
    edges : float tensor (columns, bins + 1)
        Ascending; an empty bin is passed in one step.

    Returns
    -------
    float tensor (n, columns * (bins + 1))
        A column's bins, then whether it is known; all 0 where it is not.

    Examples
    --------
    >>> encoded(torch.tensor([[3.0], [9.0], [float("nan")]]), torch.tensor([[0.0, 2.0, 4.0]])).tolist()
    [[1.0, 0.5, 1.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    """
    low, high = edges[:, :-1], edges[:, 1:]
    share = ((values[..., None] - low) / (high - low).clamp(min=1e-6)).clamp(0, 1)
    known = ~values.isnan()[..., None]
    return torch.cat([torch.where(known, share, 0.0), known.to(share.dtype)], dim=-1).flatten(1)


def asked_vectors(model: BehaviourModel, ids: Tensor, text: Tensor | None = None) -> Tensor:
    """Return the vectors of what is asked about (n, hidden), from the table that events are read with.

    In training an item is forgotten as often as in events, so that its content can speak for it.

    Parameters
    ----------
    model : BehaviourModel
    ids : int64 tensor (n, n_ids)
    text : float tensor (n, n_text), optional
    """
    offset, config = model.config.item_offset, model.config
    if model.training and config.item_dropout:
        item = (ids >= offset) & (ids < offset + config.n_items)
        ids = torch.where(
            item & (torch.rand(ids.shape, device=ids.device) < config.item_dropout), offset + UNKNOWN, ids
        )
    vectors = F.embedding_bag(ids, model.table.weight, mode="sum", padding_idx=0)
    if model.text_in is not None and text is not None and text.shape[1]:
        vectors = vectors + model.text_in(text)
    return vectors


def amount(outputs: Tensor) -> Tensor:
    """Return the mean on ``LogScale`` that two outputs say: that of log(1 + y), which is 0 for who spends nothing.

    ``E[log(1 + y)] = P(y > 0) E[log(1 + y) | y > 0]``: the two parts of Duan, Manning, Morris and Newhouse (1983, A
    Comparison of Alternative Models for the Demand for Medical Care), whether anything is spent and how much.

    Parameters
    ----------
    outputs : float tensor (n, 2)
        Log odds that anything is spent, and the mean of log(1 + y) of those who spend.

    Examples
    --------
    >>> amount(torch.tensor([[0.0, 3.0]])).item()
    1.5
    """
    return outputs[:, 0].sigmoid() * outputs[:, 1]
