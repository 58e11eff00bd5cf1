"""The rules of a shop as arrays by item code, made once for a catalogue."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.config import RecommendSettings
from cartpath.features import Log
from cartpath.recommend.rules.alike import Alike, alike_by
from cartpath.recommend.rules.columns import ItemColumns
from cartpath.recommend.rules.due import usual_gaps
from cartpath.recommend.rules.matching import Mask, boost_words, matched
from cartpath.recommend.rules.newness import births
from cartpath.schema import CartpathError

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CompiledRules:
    """What ``[recommend]`` says of each item; the last row of each array is that of an item nobody knew.

    Attributes
    ----------
    settings : RecommendSettings
    n_items : int
    excluded : int64 array (n_items + 1,)
        Place of the first condition in ``settings.exclude`` that holds, -1 where none does.
    out : bool array (n_items + 1,)
        Out of stock.
    boosted : bool array (n_boosts, n_items + 1)
    boosts : tuple of str
        What each boost says of an item.
    factor : float64 array (n_items + 1,)
        Product of the boosts.
    caps : int32 array (n_items + 1, n_caps)
        Values that are capped, -1 where there is none.
    most : int64 array (n_caps,)
    alike : Alike
    usual : float64 array (n_items + 1,)
        Seconds between two purchases; NaN where unknown.
    born : int64 array (n_items + 1,)
        When an item became new, microseconds since 1970 UTC.
    warnings : tuple of str
        Values in conditions that no item has.
    """

    settings: RecommendSettings
    n_items: int
    excluded: Ints
    out: Mask
    boosted: Mask
    boosts: tuple[str, ...]
    factor: Floats
    caps: Codes
    most: Ints
    alike: Alike
    usual: Floats
    born: Ints
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, settings: RecommendSettings, log: Log, until: int | None = None) -> CompiledRules:
        """Look the rules up in a catalogue and in what was bought and seen before a moment.

        Parameters
        ----------
        settings : RecommendSettings
        log : Log
            With the catalogue, and with the dictionaries that item codes are of.
        until : int, optional
            What happens from this moment on is not known (microseconds since 1970 UTC); by default all is.

        Raises
        ------
        CartpathError
            If a rule names a column or attribute that the catalogue does not have, or needs times where only the
            order of events is known; it names the setting.

        Examples
        --------
        >>> import pyarrow as pa
        >>> from cartpath.features import log_from_table
        >>> when = pa.array([0, 1], pa.timestamp("s", tz="UTC"))
        >>> events = pa.table({"user_id": ["u", "u"], "ts": when, "event": ["view"] * 2, "item_id": ["a", "b"]})
        >>> log = log_from_table(events, pa.table({"item_id": ["a", "b"], "brand": ["Acme", None]}))
        >>> rules = CompiledRules.of(RecommendSettings(boost=[{"where": "brand=Acme", "factor": 2}]), log)
        >>> rules.factor.tolist()
        [2.0, 1.0, 1.0]
        """
        _check_times(settings, log)
        until = 2**63 - 1 if until is None else until
        columns = ItemColumns(log)
        n, new = columns.n_items, settings.new_items
        excluded, missed = matched(columns, "[recommend] exclude", settings.exclude)
        out, also = matched(columns, "[recommend] out_of_stock", settings.out_of_stock)
        boosted, rest = _boosted(settings, columns)
        caps, empty = _caps(columns, tuple(settings.caps))
        factors = np.array([boost.factor for boost in settings.boost], np.float64)
        varied = settings.diversity_by if settings.diversity > 0 else ()
        return cls(
            settings=settings,
            n_items=n,
            excluded=np.where(excluded.any(axis=0), excluded.argmax(axis=0), -1) if len(excluded) else _none(n),
            out=np.asarray(out.any(axis=0)),
            boosted=boosted,
            boosts=tuple(map(boost_words, settings.boost)),
            factor=np.where(boosted, factors[:, None], 1.0).prod(axis=0),
            caps=caps,
            most=np.array(list(settings.caps.values()), np.int64),
            alike=alike_by(log, columns, varied),
            usual=usual_gaps(log, columns, until) if settings.bought == "repurchase" else np.full(n + 1, np.nan),
            born=births(log, columns, new, until) if new else np.zeros(n + 1, np.int64),
            warnings=tuple(dict.fromkeys([*missed, *also, *rest, *empty])),
        )

    @property
    def version(self) -> str:
        """Which rules these are, such as ``rules-3f2a91``; equal settings have equal ones, no rules an empty text."""
        text = self.settings.to_toml()
        return f"rules-{hashlib.blake2b(text.encode(), digest_size=3).hexdigest()}" if self.settings.active else ""

    def known(self, items: Ints) -> Ints:
        """Return rows for item codes; those that came after the rules were made have the last."""
        return np.where((items >= 0) & (items < self.n_items), items, self.n_items)


def _none(n_items: int) -> Ints:
    return np.full(n_items + 1, -1, np.int64)


def _boosted(settings: RecommendSettings, columns: ItemColumns) -> tuple[Mask, list[str]]:
    found = np.zeros((len(settings.boost), columns.n_items + 1), np.bool_)
    warnings: list[str] = []
    for row, boost in enumerate(settings.boost):
        masks, missed = matched(columns, f"[[recommend.boost]] number {row + 1}, where", boost.where)
        found[row] = masks.any(axis=0)
        warnings += missed
    return found, warnings


def _caps(columns: ItemColumns, names: Sequence[str]) -> tuple[Codes, list[str]]:
    found = np.full((columns.n_items + 1, len(names)), -1, np.int32)
    for place, name in enumerate(names):
        try:
            found[:, place] = columns.find(name).by_item(columns.n_items)
        except CartpathError as error:
            raise CartpathError(f"[recommend.caps] {name}: {error.message}", error.hint) from None
    empty = [name for place, name in enumerate(names) if (found[:, place] < 0).all()]
    return found, [f"[recommend.caps] {name}: no item has one" for name in empty]


def _check_times(settings: RecommendSettings, log: Log) -> None:
    """Refuse rules that need times where there are none."""
    asks = {
        'bought = "repurchase"': settings.bought == "repurchase",
        "seen_within": bool(settings.seen_within),
        "new_items": settings.new_items is not None,
    }
    for name in (name for name, asked in asks.items() if asked and not log.timed):
        raise CartpathError(
            f"[recommend] {name} needs the times of events, and of this log only their order is known", "leave it out"
        )
