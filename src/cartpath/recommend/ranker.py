"""The recommender as it is asked: paths in, slates out; made once, then only read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, read_log
from cartpath.models.baselines.histories import histories
from cartpath.models.next_item import Index
from cartpath.recommend.alike import ALIKE, alike
from cartpath.recommend.axis import axis_of
from cartpath.recommend.blends import Blend
from cartpath.recommend.candidates import DEPTH, Candidates, proposals
from cartpath.recommend.fit import Fitted, load_fitted, parts_now
from cartpath.recommend.kept import keep_parts, kept_parts
from cartpath.recommend.parts import KINDS, Parts
from cartpath.recommend.slate import Placed, Slate
from cartpath.recommend.why import Reasons, latest_of
from cartpath.schema import CartpathError, Columns
from cartpath.store import open_snapshot

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
#: Events of a path with an item that a reason is looked for among.
_HISTORY = 200


@dataclass(frozen=True)
class Ranker:
    """Recommends by a fitted blend; safe to be asked by several threads.

    Attributes
    ----------
    policy : str
        Names the blend, the parts and their versions.
    model : str
        Version of the behaviour model.
    parts : Parts
        Those that the blend needs, fitted on everything known by then.
    blend : Blend
    exclude_seen : bool
    reasons : Reasons
    """

    policy: str
    model: str
    parts: Parts
    blend: Blend
    exclude_seen: bool
    reasons: Reasons

    @classmethod
    def load(cls, workspace: Path | str, *, now: int | None = None) -> Ranker:
        """Load what ``cartpath recommend`` and the service use; choose and fit what is missing or out of date.

        Parameters
        ----------
        workspace : Path
        now : int, optional
            Microseconds since 1970 UTC: what happened from then on is not known. By default all that the store has is.

        Raises
        ------
        CartpathError
            If nothing is pretrained, or the log has no items.
        """
        workspace = Path(workspace)
        with open_snapshot(workspace) as snapshot:
            kept = kept_parts(workspace, snapshot.generation) if now is None else None
            if kept is not None:
                return cls.of(*kept, snapshot.items)
            log = read_log(snapshot)
            fitted = load_fitted(workspace, log)
            until = int(log.view.ts.max()) + 1 if now is None else now
            parts = parts_now(fitted, axis_of(log), until)
            if now is None:
                keep_parts(workspace, snapshot.generation, fitted, parts)
            return cls.of(fitted, parts, snapshot.items)

    @classmethod
    def of(cls, fitted: Fitted, parts: Parts, catalogue: Any) -> Ranker:
        """Make one of a blend and its parts.

        Parameters
        ----------
        fitted : Fitted
        parts : Parts
        catalogue : pyarrow.Table
            Titles come from it.
        """
        needed = parts.only({*fitted.blend.needs, "popular"})
        about = [fitted.folder.name, str(parts.until), *needed.models]
        digest = hashlib.sha256(" ".join(about).encode()).hexdigest()[:6]
        policy = f"{fitted.blend.to_dict()['kind']}-{digest}"
        reasons = Reasons(needed, titles_of(catalogue, parts.items.texts))
        return cls(policy, str(fitted.card["pretrained"]), needed, fitted.blend, fitted.exclude_seen, reasons)

    def slates(self, log: Log, user: Index, ends: Index, k: int, *, time: Index | None = None) -> list[Slate]:
        """Recommend after the events before some ends.

        Parameters
        ----------
        log : Log
            Any log, live paths too. Items that came after the parts were fitted are passed over as history, and are
            no candidates.
        user, ends : int64 array (n,)
            Row of each path's user, and the place after the last event that counts; the user's first place where
            nothing is known: then what is popular is recommended.
        k : int
            Items at most.
        time : int64 array (n,), optional
            When the slate is shown, microseconds since 1970 UTC; by default, when the last event was.

        Returns
        -------
        list of Slate
        """
        check_k(k)
        listed = self.parts.candidates(log, user, ends, time, max(DEPTH, k))
        listed = listed.only(~listed.seen) if self.exclude_seen else listed
        scores = self.blend.score(listed)
        known = ends > log.view.offsets[user]
        paths = histories(log, self.parts.items, user, ends, _HISTORY)
        chosen = [self._chosen(listed, scores, row, k) for row in range(len(ends))]
        shares = self.blend.shares(listed.picked(np.concatenate([*chosen, np.zeros(0, np.int64)])))
        found, at = [], 0
        for row, places in enumerate(chosen):
            latest = latest_of(paths.columns[paths.offsets[row] : paths.offsets[row + 1]])
            mine = shares[at : at + len(places)]
            at += len(places)
            placed = self._placed(listed.columns[places], scores[places], mine, latest)
            looked_at = int(listed.offsets[row + 1] - listed.offsets[row])
            found.append(Slate(placed, not known[row], looked_at) if placed else self.popular(k))
        return found

    def popular(self, k: int) -> Slate:
        """Recommend what is popular, asking no model: what is left when all else fails."""
        check_k(k)
        names = [name for name in ("recent", "popular") if name in self.parts.models]
        weights = self.parts.models[names[0]].weights  # type: ignore[attr-defined]
        found = proposals(weights[None], self.parts.shown, k)
        columns = found.columns[0][found.columns[0] >= 0]
        top = float(found.strength[0, 0]) or 1.0
        placed = tuple(
            Placed(self.parts.items.texts[column], round(float(share) / top, 6), KINDS[names[0]].words, {names[0]: 1.0})
            for column, share in zip(columns, found.strength[0], strict=False)
        )
        return Slate(placed, True, int(self.parts.shown.sum()))

    def similar(self, item_id: str, k: int) -> Slate:
        """Return the items that go with one item.

        Raises
        ------
        CartpathError
            If the shop has no such item.
        """
        check_k(k)
        column = self.parts.items.column(item_id)
        if column is None or not self.parts.shown[column]:
            raise CartpathError(f"there is no item {item_id!r}", "item ids are those of the events or the catalogue")
        for name in (name for name in ALIKE if name in self.parts.models):
            found = proposals(alike(self.parts.models[name], column)[None], self.parts.shown, k)
            columns = found.columns[0][found.columns[0] >= 0]
            if len(columns):
                break
        else:
            return Slate((), False, 0)
        why = f"{KINDS[name].words} {self.reasons.titles[column]}"
        top = float(found.strength[0, 0]) or 1.0
        placed = tuple(
            Placed(self.parts.items.texts[other], round(float(share) / top, 6), why, {name: 1.0})
            for other, share in zip(columns, found.strength[0], strict=False)
        )
        return Slate(placed, False, len(columns))

    def _chosen(self, listed: Candidates, scores: Floats, row: int, k: int) -> Index:
        """Return the places of the items that are shown for a path, best first: where declarations re-rank."""
        first, after = int(listed.offsets[row]), int(listed.offsets[row + 1])
        order = np.argsort(-scores[first:after], kind="stable")
        return first + order[:k]

    def _placed(self, columns: Ints, scores: Floats, shares: Floats, latest: Ints) -> tuple[Placed, ...]:
        values = relative(scores)
        return tuple(
            self._one(int(column), float(value), share, latest)
            for column, value, share in zip(columns, values, shares, strict=True)
        )

    def _one(self, column: int, value: float, share: Floats, latest: Ints) -> Placed:
        positive = np.maximum(share, 0)
        total = positive.sum()
        names = list(self.parts.models)
        if total <= 0:
            return Placed(self.parts.items.texts[column], value, KINDS["popular"].words, {"popular": 1.0})
        main = names[int(positive.argmax())]
        parts = {name: round(float(part / total), 4) for name, part in zip(names, positive, strict=True) if part > 0}
        return Placed(self.parts.items.texts[column], value, self.reasons.words(main, column, latest), parts)


def check_k(k: int) -> None:
    """Refuse fewer than one item."""
    if k < 1:
        raise CartpathError(f"k must be 1 or more, not {k}")


def relative(scores: Floats) -> Floats:
    """Return scores from 0 to 1, the best 1, in their order; of scores below 0 their softmax over the best.

    Examples
    --------
    >>> relative(np.array([4.0, 1.0])).tolist(), relative(np.array([0.0, -np.log(2)])).round(6).tolist()
    ([1.0, 0.25], [1.0, 0.5])
    """
    if not len(scores):
        return scores
    best = scores.max()
    found = scores / best if best > 0 and scores.min() >= 0 else np.exp(scores - best)
    return np.round(found, 6)


def titles_of(catalogue: Any, texts: Sequence[str], missing: str | None = None) -> list[str]:
    """Return what each item is called: its title, or its id, or ``missing``, where it has none."""
    if Columns.title not in catalogue.column_names:
        return [text if missing is None else missing for text in texts]
    titles = zip(catalogue[Columns.item_id].to_pylist(), catalogue[Columns.title].to_pylist(), strict=True)
    known = {item: title for item, title in titles if title}
    return [known.get(text, text if missing is None else missing) for text in texts]
