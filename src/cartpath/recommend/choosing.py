"""Which candidates are shown: the best by score, or what the declarations of the shop make of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.models import ItemIndex
from cartpath.recommend.rules import Choice, CompiledRules, History, Listed, Touched, generator, rerank

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Chooser:
    """Chooses and orders what is shown.

    Attributes
    ----------
    items : ItemIndex
        Of the columns; the rules' items are the same.
    rules : CompiledRules, optional
        Of ``[recommend]`` in ``cartpath.toml``; None where it declares nothing.
    """

    items: ItemIndex
    rules: CompiledRules | None = None

    def choose(
        self, columns: Ints, scores: Floats, k: int, log: Log | None, user: int, end: int, now: int
    ) -> list[Choice]:
        """Return what is shown of some candidates, best first.

        Parameters
        ----------
        columns : int32 array (n,)
        scores : float64 array (n,)
        k : int
        log : Log, optional
            With the path; None where nobody is asked about.
        user, end : int
            Row of the user, and the place after the last event that is known.
        now : int
            Microseconds since 1970 UTC.

        Returns
        -------
        list of Choice
            ``row`` is the place among the candidates.
        """
        order = np.argsort(-scores, kind="stable")
        if self.rules is None:
            return [Choice(row, int(columns[row]), float(scores[row])) for row in order[:k].tolist()]
        history, name = History(), str(now)
        if log is not None:
            history, name = self._history(log, user, end), f"{log.view.user_id[user]} {now}"
        listed = Listed(columns[order].astype(np.int64), scores[order])
        rng = generator(self.rules.settings.seed, name)
        chosen = rerank(listed, self.rules, history, k, now, rng)
        return [choice._replace(row=int(order[choice.row])) for choice in chosen]

    def _history(self, log: Log, user: int, end: int) -> History:
        """Return what the user touched and bought, by column: a live log may have items that came later."""
        found, column = History.of(log, user, end), self.items.columns_of(log)
        return History(*(_by_column(touched, column) for touched in (found.seen, found.bought)))


def _by_column(touched: Touched, column: npt.NDArray[np.int64]) -> Touched:
    mine = column[touched.item]
    order = np.argsort(mine, kind="stable")
    order = order[mine[order] >= 0]
    return Touched(mine[order], touched.times[order], touched.first[order], touched.last[order])
