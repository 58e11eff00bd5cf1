"""Which source column each canonical column is taken from: the best pairs first, no column twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cartpath.ingest.mapping.event_names import meaning
from cartpath.ingest.mapping.facts import Facts
from cartpath.ingest.mapping.names import CLEARLY, LONGER, SAME, name_score
from cartpath.ingest.mapping.values import value_score
from cartpath.schema import Columns, event_schema

HIGH, MEDIUM, LOW = "high", "medium", "low"
#: A name says more than values; below the last bound a column is left alone.
_NAME, _VALUE = 0.65, 0.35
_HIGH, _MEDIUM, _LOW = 0.75, 0.55, 0.4
_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
#: What values alone can say.
_SPEAKING = {Columns.ts: 0.6, Columns.event: 0.6, Columns.page: 0.5, Columns.props: 0.5}


@dataclass(frozen=True)
class Choice:
    """A source column for a canonical one.

    Attributes
    ----------
    column : str
        Or ``=value``, a constant.
    confidence : {"high", "medium", "low"}
    why : str
    runner_up : str, optional
        The next best column.
    """

    column: str
    confidence: str
    why: str
    runner_up: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Return it as JSON has it."""
        return dict(vars(self))


def score(canonical: str, facts: Facts) -> float:
    """Say how well a column would do, from 0 to 1."""
    values = value_score(canonical, facts)
    if values < 0:
        return 0.0
    named = name_score(canonical, facts.name)
    if named:
        return _NAME * named + _VALUE * values
    alone = _SPEAKING.get(canonical, 0.0) if _speaks(canonical, facts) else 0.0
    return alone * values


def _speaks(canonical: str, facts: Facts) -> bool:
    """Whether a column without a telling name can still only be one thing."""
    if canonical == Columns.event:
        return bool(facts.words) and sum(meaning(word) is not None for word in facts.words) * 2 >= len(facts.words)
    if canonical == Columns.page:
        return facts.address >= 0.8
    return canonical != Columns.props or facts.distinct is not None  # a record may be anything


def choose(columns: Sequence[Facts]) -> dict[str, Choice]:
    """Choose columns, the best pair first.

    Returns
    -------
    dict of canonical column to Choice
        In canonical order.
    """
    order = {name: place for place, name in enumerate(event_schema().names)}
    scored = {(name, facts.name): score(name, facts) for name in order for facts in columns}
    place = {facts.name: at for at, facts in enumerate(columns)}
    by_score = sorted(scored, key=lambda pair: (-scored[pair], order[pair[0]], place[pair[1]]))
    chosen: dict[str, str] = {}
    for name, column in by_score:
        if scored[name, column] >= _LOW and name not in chosen and column not in chosen.values():
            chosen[name] = column
    facts_by_name = {facts.name: facts for facts in columns}
    return {
        name: _explained(name, facts_by_name[chosen[name]], scored[name, chosen[name]], _second(name, chosen, scored))
        for name in sorted(chosen, key=order.__getitem__)
    }


def _second(name: str, chosen: Mapping[str, str], scored: Mapping[tuple[str, str], float]) -> str | None:
    others = {c: s for (n, c), s in scored.items() if n == name and c != chosen[name] and s >= _LOW}
    return max(others, key=others.__getitem__, default=None)


def _explained(name: str, facts: Facts, points: float, runner_up: str | None) -> Choice:
    confidence = HIGH if points >= _HIGH else MEDIUM if points >= _MEDIUM else LOW
    named = name_score(name, facts.name)
    words = {SAME: "is called so", CLEARLY: "a name for it", LONGER: "its name holds one for it"}
    by_name = words.get(named, "its name may mean it" if named else "its name does not say it")
    return Choice(facts.name, confidence, f"{by_name}; {values_in_words(name, facts)}", runner_up)


def values_in_words(name: str, facts: Facts) -> str:
    """Say what speaks for a column's values."""
    said = [f"{facts.distinct:,} different in {facts.n:,} rows" if facts.distinct is not None else "nested values"]
    if facts.nulls:
        said.append(f"{facts.nulls:.1%} empty")
    if name == Columns.ts:
        unit = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}.get(
            facts.time.unit or ""
        )
        said.append(f"{facts.time.share:.0%} are times" + (f" ({unit} since 1970)" if unit else ""))
    if name == Columns.event:
        known = sum(meaning(word) is not None for word in facts.words)
        said.append(f"{known} of {len(facts.words)} names are known events")
    if name == Columns.page:
        said.append(f"{facts.address:.0%} are addresses or paths")
    if name in (Columns.price, Columns.order_value):
        said.append(f"{facts.decimal:.0%} have a fraction")
    return ", ".join(said)
