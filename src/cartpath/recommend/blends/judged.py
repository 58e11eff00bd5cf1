"""How good an order of candidates is: NDCG against what users touched afterwards, quick enough to try many blends."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cartpath.models.next_item import Index
from cartpath.recommend.candidates import Candidates, Mask
from cartpath.store.jit import kernel
from cartpath.tasks import NextItemRows

Floats = npt.NDArray[np.float64]
K = 20


@dataclass(frozen=True)
class Judged:
    """Candidates, and which of them users touched afterwards.

    Attributes
    ----------
    listed : Candidates
    hit : bool array (m,)
    truths : int64 array (n,)
        Items each user touched afterwards, those that are no candidates included.
    user : int64 array (n,)
    """

    listed: Candidates
    hit: Mask
    truths: Index
    user: Index

    def of(self, rows: Index) -> Judged:
        """Return some of the rows (ascending)."""
        chosen = np.zeros(len(self.listed), np.bool_)
        chosen[rows] = True
        hit = self.hit[chosen[self.listed.rows()]]
        return Judged(self.listed.of(rows), hit, self.truths[rows], self.user[rows])

    def unseen(self) -> Judged:
        """Return it without the items that users have touched before."""
        keep = ~self.listed.seen
        return replace(self, listed=self.listed.only(keep), hit=self.hit[keep])

    def with_hits(self) -> Judged:
        """Return the rows with a candidate that is true: of the others no order is better than another."""
        return self.of(np.unique(self.listed.rows()[self.hit]))

    def without(self, name: str) -> Judged:
        """Return it as it would be without a part."""
        keep = (np.delete(self.listed.rank, self.listed.parts.index(name), axis=1) > 0).any(axis=1)
        return replace(self, listed=self.listed.without(name), hit=self.hit[keep])

    def ndcg(self, scores: npt.NDArray[np.floating]) -> Floats:
        """Return NDCG@20 of each row (n,), the candidates in the order of their scores (m,); of equals the first."""
        gains = 1 / np.log2(np.arange(2, K + 2))
        ideal = np.concatenate([[0.0], np.cumsum(gains)])[np.minimum(self.truths, K)]
        found = _gains(self.listed.offsets, np.ascontiguousarray(scores, np.float64), self.hit, gains)
        share: Floats = np.divide(found, ideal, out=np.zeros(len(ideal)), where=ideal > 0)
        return share


def judged(listed: Candidates, rows: NextItemRows) -> Judged:
    """Mark which candidates are true.

    Parameters
    ----------
    listed : Candidates
        Of the rows, in their order; columns are item codes.
    rows : NextItemRows
    """
    width = int(max(listed.columns.max(initial=0), rows.truth.max(initial=0))) + 1
    truths = np.diff(rows.truth_offsets)
    true = np.repeat(np.arange(len(rows)), truths) * width + rows.truth
    hit = np.isin(listed.rows() * width + listed.columns, true)
    return Judged(listed, hit, truths, rows.user)


@kernel
def _gains(offsets: Index, scores: Floats, hit: Mask, gains: Floats) -> Floats:
    out = np.zeros(len(offsets) - 1)
    for row in range(len(out)):
        for place in range(offsets[row], offsets[row + 1]):
            if not hit[place]:
                continue
            better, score = 0, scores[place]
            for other in range(offsets[row], offsets[row + 1]):
                better += scores[other] > score or (scores[other] == score and other < place)
                if better >= len(gains):
                    break
            if better < len(gains):
                out[row] += gains[better]
    return out
