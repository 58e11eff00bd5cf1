"""Small behaviour models of every backbone, to be fine-tuned in every way that fits."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cartpath.models.adaptation import METHODS
from cartpath.models.behaviour import BehaviourModel
from cartpath.models.behaviour_config import BehaviourConfig

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 5}
ENDS = {"bos_token_id": 1, "eos_token_id": 1}
INNER: dict[str, dict[str, Any]] = {
    "transformer": {},
    "sasrec": {},
    "gru": {},
    "lstm": {},
    "bert": {"model_type": "bert", **SMALL},
    "gpt2": {"model_type": "gpt2", "n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 5, **ENDS},
    "llama": {"model_type": "llama", **SMALL, "num_key_value_heads": 2},
}
#: PyTorch takes another kernel for these where a weight rests: the same to rounding only.
OTHER_KERNELS = ("sasrec", "gru", "lstm")
REFUSED = [("gru", "lora"), ("lstm", "lora")] + [(kind, "prefix") for kind in INNER if kind != "transformer"]
CASES = [(kind, method) for kind in INNER for method in METHODS if (kind, method) not in REFUSED]


def made(kind: str = "transformer", seed: int = 3, **shape: Any) -> BehaviourModel:
    """A model with weights far from their start, so that every one of them matters."""
    backbone = kind if kind in ("transformer", "sasrec", "gru", "lstm") else "huggingface"
    fields: dict[str, Any] = {
        "table": 40,
        "n_fields": 3,
        "n_events": 3,
        "n_items": 10,
        "item_offset": 5,
        "hidden": 8,
        "heads": 2,
    }
    config = BehaviourConfig(**{**fields, "backbone": backbone, "huggingface": INNER[kind], **shape})
    torch.manual_seed(seed)
    model = BehaviourModel(config)
    disturb(model, 0.3)
    model.train(False)
    return model


def disturb(model: BehaviourModel, by: float = 0.3, seed: int = 5) -> None:
    """Move the weights that are trained, as a training might."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(by * torch.randn(weight.shape, generator=generator))
        model.table.weight[0].zero_()


def batch(users: int = 2, length: int = 7, seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, seconds and sessions of random paths."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, 15, (users, length, 3), generator=generator)
    seconds = torch.rand(users, length, generator=generator).cumsum(1) * 100
    return ids, seconds, torch.arange(length).expand(users, length) // 3


def known(model: BehaviourModel, *inputs: Tensor) -> Tensor:
    """What a model says at each event: what it knows, and its intent."""
    with torch.no_grad():
        hidden = model(*inputs)
        return torch.cat([hidden, model.intent(hidden)], -1)


def train(model: BehaviourModel, steps: int, rate: float = 0.03) -> list[float]:
    """Learn whether an event of type 1 has been seen; return the loss of each step."""
    ids, seconds, session = batch(users=16)
    ids[..., 0] = torch.where(ids[..., 0] < 4, 1, 2)
    seen = (ids[..., 0] == 1).cumsum(1) > 1
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], rate)
    losses = []
    for _ in range(steps):
        logits = model.intent(model(ids, seconds, session))[..., 0]
        loss = F.binary_cross_entropy_with_logits(logits, seen.float())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return losses
