"""A model that knows everything: its score is a fingerprint of all that is known before an end, and of nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa

from cartpath.features import Log, log_from_table
from cartpath.models.intent.scorer import Floats, Index
from cartpath.schema import CODED_CONTEXT
from cartpath.store import PathView
from cartpath.training.intent.chosen import Chosen

CARD = {"target": "purchase", "horizon": None}


def known_before(log: Log, user: PathView, end: int) -> list[Any]:
    """Every event of one user before an end, as texts, with its session and what that has shown."""
    found = []
    prices = dict(zip(log.items["item_id"].to_pylist(), log.items["price"].to_pylist(), strict=True))
    for at in range(end):
        session = int(user.session[at])
        shown = user.sessions.context_ts[session] <= user.ts[end - 1]
        coded = {name: user.sessions.context[name][session] for name in CODED_CONTEXT}
        texts = [log.codes(name)[code] for name, code in coded.items() if shown and code >= 0]
        item = log.codes("item")[user.item[at]] if user.item[at] >= 0 else None
        names = (log.codes("event")[user.event[at]], item, prices.get(item), repr(float(user.price[at])))
        page = log.codes("page")[user.page[at]] if user.page[at] >= 0 else None
        of_session = (int(user.sessions.start[session]), int(user.sessions.key[session]), texts)
        found.append((*names, page, int(user.ts[at]), int(user.step[at]), of_session))
    return found


class Spy:
    def __init__(self) -> None:
        self.logs: list[Log] = []

    def score(self, log: Log, ends: Index) -> Floats:
        self.logs.append(log)
        users = np.searchsorted(log.view.offsets, ends - 1, side="right") - 1
        begins = log.view.offsets[users]
        paths = (log.view.user(int(user)) for user in users)
        told = (known_before(log, path, int(end - at)) for path, end, at in zip(paths, ends, begins, strict=True))
        return np.array([crc32(repr(one).encode()) / 2**32 for one in told])


def spied(monkeypatch: Any, *modules: Any) -> Spy:
    """Have modules choose the spy, whatever model they are asked for."""
    spy = Spy()
    for module in modules:
        monkeypatch.setattr(module, "chosen_model", lambda workspace, name=None: Chosen("spy", spy, CARD))  # type: ignore[arg-type]
    return spy


def twin(tables: Iterable[pa.Table], items: pa.Table | None = None) -> dict[tuple[str, int, str], float]:
    """Score every event of tables, one ingested after the other, by user, time and name."""
    log = log_from_table(pa.concat_tables(tables, promote_options="default"), items)
    view, ends = log.view, np.arange(log.view.n_events) + 1
    scores = Spy().score(log, ends)
    users = np.repeat(view.user_id.to_pylist(), np.diff(view.offsets))
    names = [log.codes("event")[code] for code in view.event]
    return dict(zip(zip(users.tolist(), view.ts.tolist(), names, strict=True), scores.tolist(), strict=True))
