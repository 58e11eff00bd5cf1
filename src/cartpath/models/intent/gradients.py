"""Integrated gradients of a network's score over the events of a path (Sundararajan, Taly and Yan, ICML 2017).

``contribution of event t = (x_t - b_t) . integral over a in [0, 1] of dF / dx_t at b + a (x - b)``, where x are the
vectors of the path's events and b those of events that say nothing: no type, item, page, time or context, at the same
times. The contributions add up to ``F(x) - F(b)`` but for the error of the sum that stands for the integral: steps are
added until it is a hundredth of the contributions' sizes, and what is left is reported.

An event's vector is the norm of a sum over its fields. At the norm's scale for this event it is linear in them, so the
event's contribution is the sum of its fields' contributions, each ``part of the field . the same integral``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cartpath.features import Log, by_session, count_within, gather, shared_windows
from cartpath.features.encoder import EncodedLog, PathEncoder
from cartpath.models.pretrained import Pretrained
from cartpath.schema import iso

if TYPE_CHECKING:
    from torch import Tensor

    from cartpath.models.behaviour import BehaviourModel

#: Steps of the sum, doubled until the error is small or there are as many as the last.
_STEPS = (16, 32, 64, 128, 256, 512)
_SMALL = 0.01
#: Padded events that are worked on at once.
_AT_ONCE = 8192


@dataclass(frozen=True)
class PathParts:
    """A network's score of one path taken apart.

    Attributes
    ----------
    log_odds, baseline : float
        Of the path, and of the same one of events that say nothing.
    events : list of tuple
        Name, contribution, place in the user's path from 0, and what a ``Driver`` has in ``about``.
    steps : int
        Of the sum.
    """

    log_odds: float
    baseline: float
    events: list[tuple[str, float, int, dict[str, Any]]]
    steps: int


def path_parts(pretrained: Pretrained, log: Log, end: int) -> PathParts:
    """Return what each event before a place contributes to a network's log odds there.

    Parameters
    ----------
    pretrained : Pretrained
        A network with its intent head fine-tuned.
    log : Log
    end : int
        The events looked at are those that scoring looks at (``features.shared_windows``).
    """
    import torch

    model, encoded = pretrained.model.train(False), pretrained.encoded(log)
    found = shared_windows(log.view.offsets, np.array([end]), int(model.config.window))
    batch = gather(encoded, found.starts, found.ends)
    ids, seconds, session = (torch.from_numpy(array) for array in (batch.ids, batch.seconds, batch.session))
    text = pretrained.text_of(log, batch.rows)
    with torch.no_grad():
        whole, nothing = model.events(ids, text), model.events(torch.zeros_like(ids), _none(text))
        ends = [float(_odds(model, x, seconds, session)[0]) for x in (whole, nothing)]
    for steps in _STEPS:
        slope = _mean_slope(model, nothing, whole, seconds, session, steps)
        by_event = ((whole - nothing) * slope)[0].sum(1).double().numpy()
        if abs(ends[0] - ends[1] - by_event.sum()) <= _SMALL * max(np.abs(by_event).sum(), _SMALL):
            break
    names, parts = _fields(pretrained.encoder, model), _by_field(model, ids[0], text, slope[0])
    told = _Told(log, encoded, end)
    events = []
    for place, row in enumerate(batch.rows[0]):
        fields = {name: float(part) for name, part in zip(names, parts[place], strict=True) if part}
        name, about = told(int(row))
        events.append((name, float(by_event[place]), about.pop("place"), {**about, "fields": fields}))
    return PathParts(ends[0], ends[1], events, steps)


def _none(text: Tensor | None) -> Tensor | None:
    return None if text is None else text * 0


def _odds(model: BehaviourModel, x: Tensor, seconds: Tensor, session: Tensor) -> Tensor:
    n = len(x)
    hidden = model.backbone(x, seconds.expand(n, -1), session.expand(n, -1))
    odds: Tensor = model.intent(hidden[:, -1])[:, 0]
    return odds


def _mean_slope(
    model: BehaviourModel, nothing: Tensor, whole: Tensor, seconds: Tensor, session: Tensor, steps: int
) -> Tensor:
    """Return the mean gradient along the straight line (1, length, hidden): the midpoint rule of the integral.

    Layer norms make a network change fastest close to vectors of zeros: with ``a = u^2`` more steps are there.
    """
    import torch

    edges = torch.linspace(0, 1, steps + 1)
    at, width = ((edges[1:] + edges[:-1]) / 2) ** 2, edges[1:] ** 2 - edges[:-1] ** 2
    total = torch.zeros_like(whole)
    size = max(_AT_ONCE // whole.shape[1], 1)
    for part, share in zip(at.split(size), width.split(size), strict=True):
        x = (nothing + part[:, None, None] * (whole - nothing)).detach().requires_grad_()
        (slope,) = torch.autograd.grad(_odds(model, x, seconds, session).sum(), x)
        total += (share[:, None, None] * slope).sum(0, keepdim=True)
    return total


def _by_field(model: BehaviourModel, ids: Tensor, text: Tensor | None, slope: Tensor) -> Any:
    """Return the contribution of each field, and of an item's words, of each event (length, n_fields [+ 1])."""
    import torch
    from torch import nn

    with torch.no_grad():
        parts = model.table(ids) * (ids > 0)[..., None]
        if model.text_in is not None:
            words = text[0] if text is not None else model.text[(ids[:, 1] - model.config.item_offset).clamp(min=0)]
            parts = torch.cat([parts, model.text_in(words * (ids[:, 1] > 0)[:, None])[:, None]], 1)
        norm = model.norm_in
        if isinstance(norm, nn.LayerNorm):
            spread = parts.sum(1).var(-1, unbiased=False) + norm.eps
            centred = parts - parts.mean(-1, keepdim=True)
            parts = norm.weight * centred / spread.sqrt()[:, None, None]
        return (parts * slope[:, None]).sum(-1).double().numpy()


def _fields(encoder: PathEncoder, model: BehaviourModel) -> list[str]:
    return [*encoder.sizes, *(["words"] if model.text_in is not None else [])]


class _Told:
    """Says what the events of a path were."""

    def __init__(self, log: Log, encoded: EncodedLog, end: int) -> None:
        view = log.view
        self._log, self._user = log, int(np.searchsorted(view.offsets, end - 1, side="right")) - 1
        self._first = int(view.offsets[self._user])
        order, starts = by_session(view)
        self._position = np.empty(view.n_events, np.int64)
        self._position[order] = count_within(np.ones(view.n_events, np.bool_), starts)
        self._session = int(view.session[end - 1])

    def __call__(self, row: int) -> tuple[str, dict[str, Any]]:
        log, view = self._log, self._log.view
        about: dict[str, Any] = {"place": row - self._first, "ts": iso(int(view.ts[row]))}
        about["position"] = int(self._position[row])
        about["sessions_ago"] = self._session - int(view.session[row])
        for name, codes, field in (("item_id", view.item, "item"), ("page", view.page, "page")):
            if codes[row] >= 0:
                about[name] = log.codes(field)[codes[row]]
        return log.codes("event")[view.event[row]], about
