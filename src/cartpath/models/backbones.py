"""Backbones: events in, events that know of those before them out; one interface, chosen by the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cartpath.models.attention import Block, PathBias
from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from cartpath.models.behaviour_config import BehaviourConfig


class Backbone(nn.Module):
    """What every backbone offers.

    Input and output are (b, length, hidden), padded on the right; the output at a place depends on that place and on
    those before it alone.
    """

    def forward(self, x: Tensor, seconds: Tensor, session: Tensor) -> Tensor:
        """Return what is known at each event.

        Parameters
        ----------
        x : float tensor (b, length, hidden)
        seconds : float tensor (b, length)
            Time since the window's first event.
        session : int64 tensor (b, length)
        """
        raise NotImplementedError


class CausalTransformer(Backbone):
    """The default: pre-norm blocks with gates, SwiGLU, and a bias by distance and time.

    Parameters
    ----------
    config : BehaviourConfig
    """

    def __init__(self, config: BehaviourConfig) -> None:
        super().__init__()
        self.bias = PathBias(config.heads, config.relative_position, config.time_bias)
        inner = config.inner or (2 if config.feed == "swiglu" else 4) * config.hidden
        self.blocks = nn.ModuleList(
            Block(config.hidden, config.heads, inner, config.feed, config.gated, config.dropout)
            for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.hidden)

    def forward(self, x: Tensor, seconds: Tensor, session: Tensor) -> Tensor:
        """See ``Backbone``."""
        bias = self.bias(seconds, session)
        for block in self.blocks:
            x = block(x, bias)
        out: Tensor = self.norm(x)
        return out


class SasRec(Backbone):
    """SASRec (Kang and McAuley, 2018): a learned vector for each place, attention on normed queries, ReLU network.

    Places are counted from the window's first event.

    Parameters
    ----------
    config : BehaviourConfig
    """

    def __init__(self, config: BehaviourConfig) -> None:
        super().__init__()
        hidden = config.hidden
        self.place = nn.Embedding(config.window, hidden)
        self.attention = nn.ModuleList(
            nn.MultiheadAttention(hidden, config.heads, config.dropout, batch_first=True) for _ in range(config.layers)
        )
        self.norm_1 = nn.ModuleList(nn.LayerNorm(hidden, eps=1e-8) for _ in range(config.layers))
        self.norm_2 = nn.ModuleList(nn.LayerNorm(hidden, eps=1e-8) for _ in range(config.layers))
        self.feed = nn.ModuleList(
            nn.Sequential(
                nn.Linear(hidden, hidden),
                nn.Dropout(config.dropout),
                nn.ReLU(),
                nn.Linear(hidden, hidden),
                nn.Dropout(config.dropout),
            )
            for _ in range(config.layers)
        )
        self.norm, self.dropout = nn.LayerNorm(hidden, eps=1e-8), nn.Dropout(config.dropout)

    def start(self) -> None:
        """Draw the weights as the published code does: Xavier normal."""
        for weight in self.parameters():
            if weight.dim() > 1:
                nn.init.xavier_normal_(weight)

    def forward(self, x: Tensor, seconds: Tensor, session: Tensor) -> Tensor:
        """See ``Backbone``."""
        length = x.shape[1]
        x = self.dropout(x * x.shape[2] ** 0.5 + self.place.weight[:length])
        ahead = torch.triu(torch.ones(length, length, dtype=torch.bool, device=x.device), 1)
        for attention, norm_1, norm_2, feed in zip(self.attention, self.norm_1, self.norm_2, self.feed, strict=True):
            query = norm_1(x)
            x = query + attention(query, x, x, attn_mask=ahead, need_weights=False)[0]
            x = norm_2(x)
            x = x + feed(x)
        out: Tensor = self.norm(x)
        return out


class Gru(Backbone):
    """GRU4Rec's recurrence (Hidasi et al., 2016): gated recurrent layers over the path.

    Parameters
    ----------
    config : BehaviourConfig
    """

    def __init__(self, config: BehaviourConfig) -> None:
        super().__init__()
        between = config.dropout if config.layers > 1 else 0.0
        self.layers = nn.GRU(config.hidden, config.hidden, config.layers, batch_first=True, dropout=between)
        self.norm = nn.LayerNorm(config.hidden)

    def forward(self, x: Tensor, seconds: Tensor, session: Tensor) -> Tensor:
        """See ``Backbone``."""
        out: Tensor = self.norm(self.layers(x)[0])
        return out


class Lstm(Backbone):
    """Long short-term memory over the path (Hochreiter and Schmidhuber, 1997).

    Parameters
    ----------
    config : BehaviourConfig
    """

    def __init__(self, config: BehaviourConfig) -> None:
        super().__init__()
        between = config.dropout if config.layers > 1 else 0.0
        self.layers = nn.LSTM(config.hidden, config.hidden, config.layers, batch_first=True, dropout=between)
        self.norm = nn.LayerNorm(config.hidden)

    def forward(self, x: Tensor, seconds: Tensor, session: Tensor) -> Tensor:
        """See ``Backbone``."""
        out: Tensor = self.norm(self.layers(x)[0])
        return out


class HuggingFace(Backbone):
    """Any causal model of the Transformers library, fed by ``inputs_embeds``.

    Times and sessions reach it through the event's own fields alone. It is built from ``config.huggingface``, the
    configuration of the model as a dictionary; ``models.from_huggingface`` loads weights from a name or a folder.

    Parameters
    ----------
    config : BehaviourConfig
    """

    def __init__(self, config: BehaviourConfig) -> None:
        from transformers import AutoConfig, AutoModel

        super().__init__()
        inner = dict(config.huggingface)
        if not inner:
            raise CartpathError(
                "the backbone huggingface has no configuration", "set huggingface to a model's to_dict()"
            )
        self.model = AutoModel.from_config(AutoConfig.for_model(**inner))
        width = int(self.model.config.hidden_size)
        self.into = nn.Linear(config.hidden, width) if width != config.hidden else nn.Identity()
        self.out = nn.Linear(width, config.hidden) if width != config.hidden else nn.Identity()
        self.norm = nn.LayerNorm(config.hidden)

    def forward(self, x: Tensor, seconds: Tensor, session: Tensor) -> Tensor:
        """See ``Backbone``."""
        length = x.shape[1]
        causal = torch.ones(length, length, dtype=torch.bool, device=x.device).tril()
        # Four dimensions and boolean: taken as it is, so that encoders (which look both ways) are causal here too.
        mask = causal[None, None].expand(x.shape[0], 1, length, length)
        out: Tensor = self.norm(self.out(self.model(inputs_embeds=self.into(x), attention_mask=mask)[0]))
        return out


#: Name in the configuration to class.
BACKBONES: Mapping[str, Callable[[Any], Backbone]] = {
    "transformer": CausalTransformer,
    "sasrec": SasRec,
    "gru": Gru,
    "lstm": Lstm,
    "huggingface": HuggingFace,
}


def backbone(config: BehaviourConfig) -> Backbone:
    """Build the backbone a configuration names.

    Raises
    ------
    CartpathError
        If there is none of that name.
    """
    if config.backbone not in BACKBONES:
        raise CartpathError(f"there is no backbone {config.backbone!r}", f"known: {', '.join(BACKBONES)}")
    return BACKBONES[config.backbone](config)
