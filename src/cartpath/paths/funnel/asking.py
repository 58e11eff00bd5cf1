"""What people write of a funnel, read and looked up in a store."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from cartpath.paths.calendar import Calendar, calendar
from cartpath.paths.conditions import Step, parse_steps
from cartpath.paths.funnel import any_order
from cartpath.paths.funnel.masks import MOST_STEPS
from cartpath.paths.funnel.plan import FIRST, LAST, NO_WINDOW, Breakdown, FunnelPlan
from cartpath.paths.matching import match
from cartpath.paths.properties import Properties
from cartpath.schema import MICROSECONDS, CartpathError, seconds
from cartpath.store import Snapshot

#: In which order steps count: others may lie between, nothing in between, or whichever order.
ORDERS = ("loose", "strict", "any")

#: What a trend is cut into.
GRAINS = ("day", "week", "month")

#: A window that is the session, not a time.
SESSION = "session"


def plan(
    snap: Snapshot,
    steps: str | Sequence[str],
    within: str | None = None,
    *,
    unit: str = "users",
    order: str = "loose",
    exclude: str | Sequence[str] | None = None,
    hold: str | None = None,
    by: str | None = None,
    trend: str | None = None,
    time_zone: str = "UTC",
) -> FunnelPlan:
    """Read what people write of a funnel and look it up in a store.

    Parameters
    ----------
    snap : Snapshot
    steps : str or sequence of str
        Steps in order: ``"view[category=shoes],add_to_cart,checkout|purchase"``.
    within : str, optional
        Longest time from the first step to the last, such as ``"7d"``, or ``"session"``.
    unit : str
    order : str
        ``"loose"``, ``"strict"`` or ``"any"``.
    exclude : str or sequence of str, optional
        Events that may not lie between the first step and the last.
    hold : str, optional
        A property that must be the same at all steps.
    by : str, optional
        ``"device"``, ``"category@last"``, ``"item_id@purchase"``, ``"page@2"``.
    trend : str, optional
        ``"day"``, ``"week"`` or ``"month"``.

    Returns
    -------
    FunnelPlan

    Raises
    ------
    CartpathError
        If something cannot be read, is unknown, or there are no steps or too many.
    """
    _one_of("order", order, ORDERS)
    if trend is not None:
        _one_of("trend", trend, GRAINS)
    wanted = _wanted(steps)
    excluded = parse_steps(exclude) if exclude else ()
    _check_number(len(wanted), order)
    window, in_session = _window(within)
    other = (Step(tuple(p for step in excluded for p in step.alternatives)),) if excluded else ()
    matcher = match(snap, (*wanted, *other), time_zone)
    properties = Properties(snap, time_zone)
    return FunnelPlan(
        wanted,
        matcher,
        unit,
        order,
        window,
        in_session,
        excluded,
        properties.find(hold) if hold else None,
        _breakdown(properties, by, wanted) if by else None,
        None if trend is None else _periods(snap, trend, time_zone),
        matcher.warnings,
    )


def _periods(snap: Snapshot, trend: str, time_zone: str) -> Calendar:
    return calendar(trend, time_zone, snap.totals.first_ts or 0, snap.totals.last_ts or 0)


def _one_of(what: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise CartpathError(f"there is no {what} {value!r}", f"one of: {', '.join(known)}")


def _wanted(steps: str | Sequence[str]) -> tuple[Step, ...]:
    texts = [steps] if isinstance(steps, str) else list(steps)
    if not texts or not all(text.strip() for text in texts):
        raise CartpathError("a funnel needs at least one step", "for example view,add_to_cart,purchase")
    return parse_steps(steps)


def _check_number(n_steps: int, order: str) -> None:
    most = any_order.MOST_STEPS if order == "any" else MOST_STEPS
    if n_steps > most:
        raise CartpathError(f"{n_steps} steps are more than the {most} that a funnel in {order} order can have")


def _window(within: str | None) -> tuple[int, bool]:
    if within is None:
        return NO_WINDOW, False
    if within.strip() == SESSION:
        return NO_WINDOW, True
    if get_close_matches(within.strip().lower(), (SESSION, f"{SESSION}s"), 1):
        raise CartpathError(f"not a duration: {within!r}", f"did you mean {SESSION!r}?")
    return seconds(within) * MICROSECONDS, False


def _breakdown(properties: Properties, by: str, steps: Sequence[Step]) -> Breakdown:
    name, mark, where = by.rpartition("@")
    found = properties.find(name.strip() if mark else by.strip())
    return Breakdown(found, _place(where.strip(), steps) if mark else FIRST)


def _place(where: str, steps: Sequence[Step]) -> int:
    if where in ("first", "last"):
        return FIRST if where == "first" else LAST
    names = [str(step) for step in steps]
    if where in names:
        return names.index(where)
    if where.isdigit() and 1 <= int(where) <= len(names):
        return int(where) - 1
    known = ", ".join(["first", "last", *(f"{number} ({name})" for number, name in enumerate(names, start=1))])
    raise CartpathError(f"the funnel has no step {where!r} to take the property at", f"one of: {known}")
