"""The recommender as it is asked: paths in, slates out; made once, then only read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath import config
from cartpath.features import Log, read_log
from cartpath.models.baselines.histories import histories
from cartpath.models.next_item import Index
from cartpath.recommend.alike import ALIKE, alike
from cartpath.recommend.axis import axis_of
from cartpath.recommend.blends import Blend
from cartpath.recommend.candidates import DEPTH, Candidates, proposals
from cartpath.recommend.choosing import Chooser
from cartpath.recommend.fit import Fitted, load_fitted, parts_now
from cartpath.recommend.kept import keep_parts, kept_parts
from cartpath.recommend.parts import KINDS, Parts
from cartpath.recommend.rules import Choice, CompiledRules
from cartpath.recommend.slate import Placed, Slate
from cartpath.recommend.why import Reasons, latest_of
from cartpath.schema import CartpathError, Columns
from cartpath.store import open_snapshot

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
#: Events of a path with an item that a reason is looked for among.
_HISTORY = 200
#: Shares of a score below it are not told.
_LEAST_SHARE = 0.00005


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
    chooser : Chooser
        Declarations of the shop.
    """

    policy: str
    model: str
    parts: Parts
    blend: Blend
    exclude_seen: bool
    reasons: Reasons
    chooser: Chooser

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
            If nothing is pretrained, the log has no items, or ``[recommend]`` names what the catalogue does not have.
        """
        workspace = Path(workspace)
        settings = config.load(workspace).recommend
        with open_snapshot(workspace) as snapshot:
            kept = kept_parts(workspace, snapshot.generation) if now is None else None
            if kept is not None and not settings.active:
                return cls.of(*kept, snapshot.items)
            log = read_log(snapshot)
            axis = axis_of(log)
            until = int(log.view.ts.max(initial=0)) + 1 if now is None else now
            if kept is None:
                fitted = load_fitted(workspace, log)
                kept = fitted, parts_now(fitted, axis, until)
                if now is None:
                    keep_parts(workspace, snapshot.generation, *kept)
            rules = CompiledRules.of(settings, axis.log, until) if settings.active else None
            return cls.of(*kept, snapshot.items, rules)

    @classmethod
    def of(cls, fitted: Fitted, parts: Parts, catalogue: Any, rules: CompiledRules | None = None) -> Ranker:
        """Make one of a blend and its parts.

        Parameters
        ----------
        fitted : Fitted
        parts : Parts
        catalogue : pyarrow.Table
            Titles come from it.
        rules : CompiledRules, optional
            Of the items of the parts. Where they say what becomes of items seen or bought, the blend does not.
        """
        about = [fitted.folder.name, str(parts.until), *parts.models, rules.version if rules else ""]
        digest = hashlib.sha256(" ".join(about).encode()).hexdigest()[:6]
        policy = f"{fitted.blend.to_dict()['kind']}-{digest}"
        reasons = Reasons(parts, titles_of(catalogue, parts.items.texts))
        declared = rules is not None and (rules.settings.seen != "keep" or rules.settings.bought != "keep")
        exclude = fitted.exclude_seen and not declared
        chooser = Chooser(parts.items, rules)
        return cls(policy, str(fitted.card["pretrained"]), parts, fitted.blend, exclude, reasons, chooser)

    @cached_property
    def _proposing(self) -> Parts:
        """The parts without which the blend would say something else, and popularity."""
        return self.parts.only({*self.blend.needs, "popular"})

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
        listed = self._proposing.candidates(log, user, ends, time, max(DEPTH, k))
        listed = listed.only(~listed.seen) if self.exclude_seen else listed
        scores = self.blend.score(listed)
        known = ends > log.view.offsets[user]
        paths = histories(log, self.parts.items, user, ends, _HISTORY)
        chosen = self._chosen(listed, scores, k, log, user, ends, time)
        places = [listed.offsets[row] + choice.row for row, choices in enumerate(chosen) for choice in choices]
        shares = self.blend.shares(listed.picked(np.array(places, np.int64)))
        found, at = [], 0
        for row, choices in enumerate(chosen):
            latest = latest_of(paths.columns[paths.offsets[row] : paths.offsets[row + 1]])
            placed = self._placed(choices, shares[at : at + len(choices)], latest)
            at += len(choices)
            looked_at = int(listed.offsets[row + 1] - listed.offsets[row])
            found.append(Slate(placed, not known[row], looked_at) if placed else self.popular(k))
        return found

    def popular(self, k: int) -> Slate:
        """Recommend what is popular, asking no model: what is left when all else fails."""
        check_k(k)
        name = "recent" if "recent" in self.parts.models else "popular"
        weights = self.parts.models[name].weights  # type: ignore[attr-defined]
        return self._plain(weights, name, KINDS[name].words, k, fallback=True)

    def similar(self, item_id: str, k: int) -> Slate:
        """Return the items that go with one item.

        Raises
        ------
        CartpathError
            If the shop has no such item.
        """
        check_k(k)
        column = self.parts.items.column(item_id)
        if column is None:
            raise CartpathError(f"there is no item {item_id!r}", "item ids are those of the events or the catalogue")
        for name in (name for name in ALIKE if name in self.parts.models):
            why = f"{KINDS[name].words} {self.reasons.titles[column]}"
            found = self._plain(alike(self.parts.models[name], column), name, why, k, fallback=False)
            if found.items:
                return found
        return Slate((), False, 0)

    def _plain(self, amounts: npt.NDArray[np.float32], name: str, why: str, k: int, fallback: bool) -> Slate:
        """Return the best items by one part, for nobody in particular."""
        found = proposals(amounts[None], self.parts.shown, max(DEPTH, k))
        columns = found.columns[0][found.columns[0] >= 0]
        scores = found.strength[0, : len(columns)].astype(np.float64)
        choices = self.chooser.choose(columns, scores, k, None, 0, 0, self.parts.until)
        values = relative(np.array([choice.score for choice in choices]))
        texts = self.parts.items.texts
        placed = tuple(
            Placed(texts[choice.item], float(value), why, {name: 1.0}, choice.rules, choice.propensity)
            for choice, value in zip(choices, values, strict=True)
        )
        return Slate(placed, fallback, len(columns))

    def _chosen(
        self, listed: Candidates, scores: Floats, k: int, log: Log, user: Index, ends: Index, time: Index | None
    ) -> list[list[Choice]]:
        """Return what is shown of the candidates of each path: where declarations re-rank."""
        found = []
        for row in range(len(ends)):
            mine = slice(listed.offsets[row], listed.offsets[row + 1])
            begin, end = int(log.view.offsets[user[row]]), int(ends[row])
            last = int(log.view.ts[end - 1]) if end > begin else self.parts.until
            now = last if time is None else int(time[row])
            found.append(self.chooser.choose(listed.columns[mine], scores[mine], k, log, int(user[row]), end, now))
        return found

    def _placed(self, choices: list[Choice], shares: Floats, latest: Ints) -> tuple[Placed, ...]:
        values = relative(np.array([choice.score for choice in choices]))
        return tuple(
            self._one(choice, float(value), share, latest)
            for choice, value, share in zip(choices, values, shares, strict=True)
        )

    def _one(self, choice: Choice, value: float, share: Floats, latest: Ints) -> Placed:
        positive = np.maximum(share, 0)
        total, names = positive.sum(), list(self._proposing.models)
        why, parts = KINDS["popular"].words, {"popular": 1.0}
        if total > 0:
            why = self.reasons.words(names[int(positive.argmax())], choice.item, latest)
            every = zip(names, (positive / total).tolist(), strict=True)
            parts = {name: round(part, 4) for name, part in every if part >= _LEAST_SHARE}
        return Placed(self.parts.items.texts[choice.item], value, why, parts, choice.rules, choice.propensity)


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
    found: Floats = scores / best if best > 0 and scores.min() >= 0 else np.exp(scores - best)
    rounded: Floats = np.round(found, 6)
    return rounded


def titles_of(catalogue: Any, texts: Sequence[str], missing: str | None = None) -> list[str]:
    """Return what each item is called: its title, or its id, or ``missing``, where it has none."""
    if Columns.title not in catalogue.column_names:
        return [text if missing is None else missing for text in texts]
    titles = zip(catalogue[Columns.item_id].to_pylist(), catalogue[Columns.title].to_pylist(), strict=True)
    known = {item: title for item, title in titles if title}
    return [known.get(text, text if missing is None else missing) for text in texts]
