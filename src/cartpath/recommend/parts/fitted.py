"""The parts of a recommender, fitted on the paths before a moment: what they propose, and how they are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from cartpath.features import Log
from cartpath.models import ItemIndex, NextItemModel, Pretrained, read_json, write_json
from cartpath.models.baselines.histories import histories
from cartpath.models.next_item import Index
from cartpath.recommend.candidates import DEPTH, Candidates, Mask, Proposals, proposals, unite
from cartpath.recommend.context import on_screen, path_context
from cartpath.recommend.parts.behaviour import Behaviour
from cartpath.recommend.parts.registry import KINDS
from cartpath.recommend.parts.sources import Sources
from cartpath.schema import CartpathError

_PARTS, _SHOWN = "parts.json", "shown.npy"
#: Scores of one part held in memory at once.
_CELLS = 8_000_000


@dataclass(frozen=True)
class Parts:
    """Parts that share an axis of items.

    Attributes
    ----------
    models : mapping of str to NextItemModel
        By name, in the order of ``KINDS``.
    items : ItemIndex
    shown : bool array (n_items,)
        Items that may be recommended.
    until : int
        Nothing from then on was learned from, microseconds since 1970 UTC.
    """

    models: Mapping[str, NextItemModel]
    items: ItemIndex
    shown: Mask
    until: int

    def only(self, names: Iterable[str]) -> Parts:
        """Return some of the parts."""
        wanted = set(names)
        return replace(self, models={name: model for name, model in self.models.items() if name in wanted})

    def propose(
        self, name: str, log: Log, user: Index, ends: Index, time: Index | None, depth: int = DEPTH
    ) -> Proposals:
        """Return what one part proposes."""
        scores = self.models[name].score(log, user, ends, time)
        return proposals(scores, self.shown, depth, KINDS[name].logits)

    def candidates(
        self, log: Log, user: Index, ends: Index, time: Index | None = None, depth: int = DEPTH
    ) -> Candidates:
        """Return what all parts propose for some paths; a few at a time where there are many items.

        Parameters
        ----------
        log : Log
            Any log; items that the parts do not know are passed over.
        user, ends, time
            See ``NextItemModel.score``.
        depth : int
            Items each part proposes.
        """
        size = max(_CELLS // max(len(self.items), 1), 1)
        starts = range(0, max(len(ends), 1), size)
        found = [
            self._candidates(
                log, user[at : at + size], ends[at : at + size], None if time is None else time[at : at + size], depth
            )
            for at in starts
        ]
        return found[0] if len(found) == 1 else _stacked(found)

    def _candidates(self, log: Log, user: Index, ends: Index, time: Index | None, depth: int) -> Candidates:
        proposed = [self.propose(name, log, user, ends, time, depth) for name in self.models]
        paths = histories(log, self.items, user, ends)
        context = path_context(log, user, ends, time, paths)
        seen = (paths.offsets, paths.columns)
        return unite(tuple(self.models), proposed, len(self.items), context, seen, on_screen(context, paths))

    def save(self, folder: Path) -> None:
        """Write them into a folder."""
        self.items.save(folder)
        np.save(folder / _SHOWN, self.shown)
        for name, model in self.models.items():
            (folder / name).mkdir()
            model.save(folder / name)
        write_json(folder / _PARTS, {"names": list(self.models), "until": self.until})

    @classmethod
    def load(cls, folder: Path, pretrained: Pretrained, names: Iterable[str] | None = None) -> Parts:
        """Read what ``save`` wrote, all of it or some parts.

        Parameters
        ----------
        folder : Path
        pretrained : Pretrained
            The behaviour model that they were fitted with.
        names : iterable of str, optional

        Raises
        ------
        CartpathError
            If the folder holds no parts.
        """
        about = read_json(folder / _PARTS)
        if about is None:
            raise CartpathError(f"{folder} holds no parts of a recommender (no {_PARTS})", "remove it: it is made anew")
        items = ItemIndex.load(folder)
        wanted = set(about["names"] if names is None else names)
        models = {
            # One index for all: it remembers where the items of a log are.
            name: replace(_load(name, folder / name, pretrained), items=items)  # type: ignore[type-var]
            for name in about["names"]
            if name in wanted
        }
        return cls(models, items, np.load(folder / _SHOWN), int(about["until"]))


def fit_parts(sources: Sources, shown: Mask, names: Iterable[str] | None = None) -> Parts:
    """Fit parts on what was before the moment of the sources; those that have nothing to learn from are left out.

    Parameters
    ----------
    sources : Sources
    shown : bool array (n_items,)
        Items that may be recommended.
    names : iterable of str, optional
        All by default.
    """
    wanted = set(KINDS if names is None else names)
    return Parts(dict(_fitted(sources, wanted)), sources.axis.items, shown, sources.until)


def _fitted(sources: Sources, wanted: set[str]) -> Iterator[tuple[str, NextItemModel]]:
    for name, kind in KINDS.items():
        if name in wanted and (model := kind.fit(sources)) is not None:
            yield name, model


def _load(name: str, folder: Path, pretrained: Pretrained) -> NextItemModel:
    if name != "behaviour":
        return KINDS[name].load(folder)
    # Its load takes the network, which is a model of its own.
    return cast(NextItemModel, Behaviour.load(folder, pretrained))


def _stacked(found: list[Candidates]) -> Candidates:
    sizes = np.concatenate([np.diff(each.offsets) for each in found])
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(each, name) for each in found])
        for name in ("columns", "strength", "rank", "context", "seen")
    }
    return replace(found[0], offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), **arrays)
