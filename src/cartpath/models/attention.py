"""Causal self-attention whose bias knows how far back an event is, in events and in time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Distances of this many events and more share a bias.
_BUCKETS = 32


class PathBias(nn.Module):
    """A bias for each pair of events: by distance, by time between them, and by being of one session.

    Parameters
    ----------
    heads : int
    """

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.distance = nn.Parameter(torch.zeros(heads, _BUCKETS))
        # On the logarithm of the seconds between, on its square, and on being of the same session.
        self.time = nn.Parameter(torch.zeros(heads, 3))

    def forward(self, seconds: Tensor, session: Tensor) -> Tensor:
        """Return the bias (b, heads, length, length); minus infinity looks ahead.

        Parameters
        ----------
        seconds : float tensor (b, length)
        session : int64 tensor (b, length)
        """
        length = seconds.shape[1]
        place = torch.arange(length, device=seconds.device)
        back = place[:, None] - place[None, :]
        bias = self.distance[:, distance_bucket(back.clamp(min=0))]
        gap = torch.log1p((seconds[:, :, None] - seconds[:, None, :]).clamp(min=0)) / 8
        same = (session[:, :, None] == session[:, None, :]).to(gap.dtype)
        weights = self.time[:, :, None, None]
        bias = (
            bias + gap[:, None] * weights[:, 0] + (gap * gap)[:, None] * weights[:, 1] + same[:, None] * weights[:, 2]
        )
        causal: Tensor = bias.masked_fill(back < 0, float("-inf"))
        return causal


def distance_bucket(back: Tensor) -> Tensor:
    """Put distances into buckets: 0 to 15 as they are, then four buckets a doubling.

    Examples
    --------
    >>> distance_bucket(torch.tensor([0, 15, 16, 32, 10_000])).tolist()
    [0, 15, 16, 20, 31]
    """
    beyond = 16 + (4 * torch.log2(back.clamp(min=16) / 16)).floor().long()
    return torch.where(back < 16, back, beyond.clamp(max=_BUCKETS - 1))


class Block(nn.Module):
    """Attention, then a small network on each event; each adds to what it was given.

    Parameters
    ----------
    hidden, heads : int
    dropout : float
    """

    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.qkv, self.out = nn.Linear(hidden, 3 * hidden), nn.Linear(hidden, hidden)
        self.up, self.down = nn.Linear(hidden, 4 * hidden), nn.Linear(4 * hidden, hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Return events (b, length, hidden) that know of those before them."""
        b, length, hidden = x.shape
        query, key, value = self.qkv(self.norm_1(x)).view(b, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        x = x + self.dropout(self.out(mixed.transpose(1, 2).reshape(b, length, hidden)))
        out: Tensor = x + self.dropout(self.down(F.gelu(self.up(self.norm_2(x)))))
        return out
