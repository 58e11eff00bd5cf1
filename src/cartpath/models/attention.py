"""Causal self-attention whose bias knows how far back an event is, in events and in time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Distances share a bias by bucket: 0 to 15 events as they are, then four buckets a doubling.
_DISTANCES = 32
#: Times between events share a bias by bucket: two a doubling of seconds, to half a century.
_TIMES = 64


class PathBias(nn.Module):
    """A bias for each pair of events: by distance, by time between them, and by being of one session.

    Buckets of position and of log time, each with a learned bias a head (HSTU; Zhai et al., 2024,
    "Actions Speak Louder than Words"). All start at zero.

    Parameters
    ----------
    heads : int
    position, time : bool
        Whether distance and time are looked at. Without time, sessions are not looked at either.
    """

    def __init__(self, heads: int, position: bool = True, time: bool = True) -> None:
        super().__init__()
        self.distance = nn.Parameter(torch.zeros(_DISTANCES, heads)) if position else None
        self.time = nn.Parameter(torch.zeros(_TIMES, heads)) if time else None
        self.same_session = nn.Parameter(torch.zeros(heads)) if time else None
        self.heads = heads

    def forward(self, seconds: Tensor, session: Tensor) -> Tensor:
        """Return the bias (b or 1, heads, length, length); minus infinity looks ahead.

        Parameters
        ----------
        seconds : float tensor (b, length)
        session : int64 tensor (b, length)
        """
        length = seconds.shape[1]
        place = torch.arange(length, device=seconds.device)
        back = place[:, None] - place[None, :]
        bias = torch.zeros(1, self.heads, length, length, device=seconds.device)
        if self.distance is not None:
            bias = bias + self.distance[distance_bucket(back.clamp(min=0))].permute(2, 0, 1)
        if self.time is not None and self.same_session is not None:
            gap = seconds[:, :, None] - seconds[:, None, :]
            bias = bias + F.embedding(time_bucket(gap), self.time).permute(0, 3, 1, 2)
            same = (session[:, :, None] == session[:, None, :]).to(bias.dtype)
            bias = bias + same[:, None] * self.same_session[:, None, None]
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
    return torch.where(back < 16, back, beyond.clamp(max=_DISTANCES - 1))


def time_bucket(seconds: Tensor) -> Tensor:
    """Put times between events into buckets: 0 below a second, then two a doubling.

    Examples
    --------
    >>> time_bucket(torch.tensor([-1.0, 0.0, 1.0, 2.0, 1e12])).tolist()
    [0, 0, 1, 3, 63]
    """
    scale = 1 + (2 * torch.log2(seconds.clamp(min=1))).floor().long()
    return torch.where(seconds < 1, 0, scale.clamp(max=_TIMES - 1))


class FeedForward(nn.Module):
    """A small network on each event: ``W2 (silu(W1 x) * V x)`` (SwiGLU; Shazeer, 2020) or ``W2 gelu(W1 x)``.

    Parameters
    ----------
    hidden, inner : int
    kind : str
    dropout : float
        Of what lies between the two layers.
    """

    def __init__(self, hidden: int, inner: int, kind: str, dropout: float) -> None:
        super().__init__()
        self.gated = kind == "swiglu"
        self.up = nn.Linear(hidden, 2 * inner if self.gated else inner)
        self.down = nn.Linear(inner, hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return the change of each event (..., hidden)."""
        up = self.up(x)
        if self.gated:
            opened, value = up.chunk(2, dim=-1)
            up = F.silu(opened) * value
        else:
            up = F.gelu(up)
        out: Tensor = self.down(self.dropout(up))
        return out


class SelfAttention(nn.Module):
    """Attention over the path so far, and over learned places before it where there is a ``prefix``.

    Parameters
    ----------
    hidden, heads : int
    """

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(hidden, 3 * hidden), nn.Linear(hidden, hidden)
        self.prefix: nn.Module | None = None

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Return the change of each event (b, length, hidden)."""
        b, length, hidden = x.shape
        query, key, value = self.qkv(x).view(b, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        if self.prefix is not None:
            key, value, bias = self.prefix(key, value, bias)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(b, length, hidden))
        return out


class Block(nn.Module):
    """Attention, then a small network on each event; each adds to what it was given.

    With ``gated``, what is added passes a gate: ``x + sigmoid(W x) * f(norm(x))`` (LiGR; Borisyuk et al., 2025).

    Parameters
    ----------
    hidden, heads : int
    inner : int
        Width between the layers of the network on each event.
    feed : str
        ``swiglu`` or ``gelu``.
    gated : bool
    dropout : float
    """

    def __init__(self, hidden: int, heads: int, inner: int, feed: str, gated: bool, dropout: float) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.attention = SelfAttention(hidden, heads)
        self.feed = FeedForward(hidden, inner, feed, dropout)
        self.gate_1 = nn.Linear(hidden, hidden) if gated else None
        self.gate_2 = nn.Linear(hidden, hidden) if gated else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Return events (b, length, hidden) that know of those before them."""
        x = x + self._let_in(x, self.dropout(self.attention(self.norm_1(x), bias)), self.gate_1)
        return x + self._let_in(x, self.dropout(self.feed(self.norm_2(x))), self.gate_2)

    @staticmethod
    def _let_in(x: Tensor, change: Tensor, gate: nn.Linear | None) -> Tensor:
        return change if gate is None else torch.sigmoid(gate(x)) * change
