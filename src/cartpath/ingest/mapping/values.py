"""How well a column's values are those of a canonical column."""

from __future__ import annotations

from collections.abc import Callable

from cartpath.ingest.mapping.event_names import meaning
from cartpath.ingest.mapping.facts import Facts
from cartpath.schema import CONTEXT, Columns

NO = -1.0
_ENOUGH = 0.8
#: As many different event names a log has at most.
_EVENTS = 200


def value_score(canonical: str, facts: Facts) -> float:
    """Say how well values are those of a canonical column, from 0 to 1; below 0 they cannot be.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from cartpath.ingest.mapping.facts import facts_of
    >>> column = facts_of("x", pa.chunked_array([["2020-01-01 10:00:00", "2020-01-02 11:00:00"]]))
    >>> value_score("ts", column), value_score("price", column)
    (1.0, -1.0)
    """
    if not facts.distinct and canonical != Columns.props:
        return NO  # nothing there, or nested
    return _RULES[canonical](facts)


def _is_time(facts: Facts) -> bool:
    return facts.time.share >= _ENOUGH


def _identifier(facts: Facts) -> bool:
    """Whether values can be ids: no addresses, objects, flags, fractions, or times written as such."""
    written_time = _is_time(facts) and facts.time.unit is None
    return not (facts.address >= 0.5 or facts.nested >= 0.5 or facts.decimal > 0.01 or facts.flag or written_time)


def _user(facts: Facts) -> float:
    if not _identifier(facts) or facts.nulls > 0.9:
        return NO
    return 0.9 if facts.varied < 0.9 or facts.n < 50 else 0.4


def _ts(facts: Facts) -> float:
    if not _is_time(facts):
        return NO
    return facts.time.share - (0.3 if facts.time.dates_only else 0.0) - (0.2 if facts.nulls > 0.1 else 0.0)


def _event(facts: Facts) -> float:
    few = (facts.distinct or 0) <= _EVENTS and (facts.varied <= 0.5 or facts.n < 20)
    if not few or _is_time(facts) or facts.decimal > 0 or facts.nested >= 0.5 or facts.flag:
        return NO
    known = sum(meaning(word) is not None for word in facts.words)
    if known:
        return 0.7 + 0.3 * known / len(facts.words)
    return 0.1 if facts.numeric >= _ENOUGH else 0.4


def _item(facts: Facts) -> float:
    if not _identifier(facts):
        return NO
    return 0.8 if (facts.distinct or 0) > 5 or facts.n < 50 else 0.3


def _session(facts: Facts) -> float:
    several = (facts.distinct or 0) > 2 or facts.n < 50
    return 0.8 if _identifier(facts) and several and facts.nulls <= 0.5 else NO


def _price(facts: Facts) -> float:
    if facts.numeric < 0.95 or _is_time(facts) or facts.flag:
        return NO
    likely = 0.9 if facts.decimal > 0.05 else 0.5
    return likely - (0.4 if facts.negative > 0.2 else 0.0)


def _quantity(facts: Facts) -> float:
    if facts.numeric < 0.95 or facts.decimal > 0.01 or _is_time(facts) or facts.flag:
        return NO
    return 0.9 if facts.large <= 1000 else 0.3


def _order(facts: Facts) -> float:
    if not _identifier(facts):
        return NO
    return 0.8 if (facts.distinct or 0) > 5 or facts.n < 50 else 0.3


def _order_value(facts: Facts) -> float:
    return min(_price(facts), 0.8)


def _page(facts: Facts) -> float:
    if facts.numeric > 0.2 or facts.nested >= 0.5 or _is_time(facts) or facts.flag:
        return NO
    return 1.0 if facts.address >= _ENOUGH else 0.4


def _query(facts: Facts) -> float:
    return NO if facts.numeric > 0.8 or facts.address >= 0.5 or facts.nested >= 0.5 or _is_time(facts) else 0.6


def _event_id(facts: Facts) -> float:
    if facts.varied < 0.9 or facts.nulls > 0.1 or facts.n < 2 or not _identifier(facts):
        return NO
    return 0.9 if facts.varied > 0.999 and not facts.nulls else 0.5  # a log may have rows twice


def _props(facts: Facts) -> float:
    return 1.0 if facts.nested >= _ENOUGH else NO


def _context(facts: Facts) -> float:
    if facts.decimal > 0.01 or facts.nested >= 0.5 or _is_time(facts) or facts.flag:
        return NO
    return 0.7 if facts.varied <= 0.5 or facts.n < 50 else 0.3


def _referrer(facts: Facts) -> float:
    return NO if facts.numeric > 0.5 or facts.nested >= 0.5 else 0.8


def _direct(facts: Facts) -> float:
    return 1.0 if facts.flag or set(facts.words) <= {"0", "1"} else NO


_RULES: dict[str, Callable[[Facts], float]] = {
    **dict.fromkeys(CONTEXT, _context),
    Columns.user_id: _user,
    Columns.ts: _ts,
    Columns.event: _event,
    Columns.item_id: _item,
    Columns.session_id: _session,
    Columns.price: _price,
    Columns.quantity: _quantity,
    Columns.order_id: _order,
    Columns.order_value: _order_value,
    Columns.page: _page,
    Columns.query: _query,
    Columns.event_id: _event_id,
    Columns.props: _props,
    Columns.referrer: _referrer,
    Columns.is_direct: _direct,
    Columns.visit_number: _quantity,
}
