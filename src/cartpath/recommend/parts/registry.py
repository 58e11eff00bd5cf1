"""The parts of a recommender by name, in the order in which they are told; one line each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from cartpath.models import NextItemModel
from cartpath.recommend.parts.sources import Sources

_HERE = "cartpath.recommend.parts"
_BASE = "cartpath.models.baselines"


@dataclass(frozen=True)
class Kind:
    """A kind of part: how it is fitted and read back.

    Attributes
    ----------
    name : str
    words : str
        What it says of an item, for people.
    fits : str
        ``module:function`` from ``Sources`` to a next-item model, or to None where the log has nothing to learn from.
    reads : str
        ``module:class`` whose ``load`` reads what was saved.
    logits : bool
        Whether its scores are logits, else amounts of which those above 0 count.
    """

    name: str
    words: str
    fits: str
    reads: str
    logits: bool = False

    def fit(self, sources: Sources) -> NextItemModel | None:
        """Fit it on what was before the moment of the sources."""
        return cast("NextItemModel | None", _named(self.fits)(sources))

    def load(self, folder: Path) -> NextItemModel:
        """Read what its ``save`` wrote."""
        reader: Any = _named(self.reads)
        return cast(NextItemModel, reader.load(folder))


_KINDS: tuple[Kind, ...] = (
    Kind("behaviour", "expected next on a path like this", f"{_HERE}.behaviour:fit_behaviour", "", logits=True),
    Kind("again", "looked at before", f"{_HERE}.again:fit_again", f"{_HERE}.again:Again"),
    Kind("together", "comes after", f"{_HERE}.learned:fit_together", f"{_BASE}.item_to_item:ItemToItem"),
    Kind("sessions", "in sessions like this", f"{_HERE}.learned:fit_sessions", f"{_BASE}.session_knn:SessionKnn"),
    Kind("bought", "bought together with", f"{_HERE}.learned:fit_bought", f"{_BASE}.item_to_item:ItemToItem"),
    Kind("als", "liked by people who like", f"{_HERE}.learned:fit_als", f"{_BASE}.als:Als"),
    Kind("ease", "goes with", f"{_HERE}.learned:fit_ease", f"{_BASE}.ease:Ease"),
    Kind("content", "described like", f"{_HERE}.content:fit_content", f"{_HERE}.content:Content"),
    Kind("due", "bought before, and due again", f"{_HERE}.due:fit_due", f"{_HERE}.due:Due"),
    Kind("recent", "popular now", f"{_HERE}.popular:fit_recent", f"{_BASE}.popularity:Popularity"),
    Kind("popular", "popular", f"{_HERE}.popular:fit_popular", f"{_BASE}.popularity:Popularity"),
)
#: Name to kind.
KINDS: dict[str, Kind] = {kind.name: kind for kind in _KINDS}


def _named(path: str) -> Callable[..., Any]:
    module, name = path.split(":")
    return cast(Callable[..., Any], getattr(import_module(module), name))
