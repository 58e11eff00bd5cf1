"""The functions of the language: ``reached() stopped() cohort() file() sample()``."""

from __future__ import annotations

import re
from collections.abc import Callable

from cartpath.paths.counting import Counting
from cartpath.paths.segments.scanner import Scanner
from cartpath.paths.segments.tree import Cohort, Node, Period, Reached, Sample, UserFile
from cartpath.schema import CartpathError

#: Function -> how it is written.
FUNCTIONS = {
    "reached": "reached(view,add_to_cart; within=7d; order=strict)",
    "stopped": "stopped(view,add_to_cart,purchase; at=2)",
    "cohort": "cohort(2016-08-01, 2016-09-01)",
    "file": "file(lists/vip.csv)",
    "sample": "sample(50%; seed=1)",
}
#: Options of a funnel within an expression, each handed to the funnel.
FUNNEL_OPTIONS = ("within", "order", "hold", "exclude", "count")


def period_of(since: str | None, until: str | None, scanner: Scanner) -> Period:
    """Read a period; an error shows the text."""
    try:
        counting = Counting.of(since=since or None, until=until or None, time_zone=scanner.time_zone)
    except CartpathError as error:
        raise scanner.error(error.message, error.hint) from None
    return Period(counting.since if since else None, counting.until if until else None)


def read_function(name: str, text: str, scanner: Scanner, period: Callable[[], Period]) -> Node:
    """Read what stands between the brackets of a function.

    Parameters
    ----------
    name, text : str
    scanner : Scanner
        Where it was read; stands behind the closing bracket.
    period : callable
        Reads ``since`` and ``until`` there.

    Returns
    -------
    Node
    """
    first, options = _parts(name, text, scanner)
    if name in ("reached", "stopped"):
        return _funnel(name, first, options, scanner, period)
    allowed = ("seed",) if name == "sample" else ()
    _refuse(name, options, allowed, scanner)
    if name == "file":
        return UserFile(first.strip('"'))
    if name == "cohort":
        return Cohort(_between(first, scanner))
    return Sample(_share(first, scanner), _whole(name, "seed", options.get("seed", "0"), scanner))


def _parts(name: str, text: str, scanner: Scanner) -> tuple[str, dict[str, str]]:
    """Divide ``view,purchase; within=7d`` into what comes first and its options."""
    first, *rest = [part.strip() for part in re.findall(r'((?:"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^;"\[])*);?', text)]
    options: dict[str, str] = {}
    for part in filter(None, rest):
        key, equals, value = part.partition("=")
        if not equals or not value.strip():
            raise scanner.error(f"{name}() cannot read {part!r}", f"for example {FUNCTIONS[name]}")
        options[key.strip().lower()] = value.strip()
    if not first:
        raise scanner.error(f"{name}() is empty", f"for example {FUNCTIONS[name]}")
    return first, options


def _funnel(name: str, steps: str, options: dict[str, str], scanner: Scanner, period: Callable[[], Period]) -> Node:
    _refuse(name, options, (*FUNNEL_OPTIONS, "at") if name == "stopped" else FUNNEL_OPTIONS, scanner)
    n_steps = steps_in(steps)
    stopped_at = None
    if name == "stopped":
        if n_steps < 2:
            raise scanner.error("stopped() needs two steps or more", f"for example {FUNCTIONS[name]}")
        stopped_at = _whole(name, "at", options.pop("at", str(n_steps - 1)), scanner)
        if not 0 <= stopped_at < n_steps:
            raise scanner.error(f"stopped() cannot stop at step {stopped_at}", f"a step from 0 to {n_steps - 1}")
    return Reached(steps, stopped_at, tuple(options.items()), period())


def steps_in(text: str) -> int:
    """Return the number of steps, commas within quotes and brackets aside.

    Examples
    --------
    >>> steps_in('view[category=shoes,price>50],"a,b"')
    2
    """
    return len(re.sub(r'"(?:[^"\\]|\\.)*"|\[[^\]]*\]', "", text).split(","))


def _between(text: str, scanner: Scanner) -> Period:
    ends = [end.strip() for end in text.split(",")]
    if len(ends) != 2 or not any(ends):
        raise scanner.error("cohort() needs its first day and the day after its last", f"{FUNCTIONS['cohort']}")
    return period_of(ends[0], ends[1], scanner)


def _share(text: str, scanner: Scanner) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)\s*(%?)", text)
    share = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not 0 <= share <= 1:
        raise scanner.error(f"sample() cannot draw {text!r}", "a share from 0% to 100%, such as sample(50%; seed=1)")
    return share


def _whole(name: str, key: str, value: str, scanner: Scanner) -> int:
    if not re.fullmatch(r"\d{1,9}", value):
        raise scanner.error(f"{name}(): {key} must be a whole number, not {value!r}", f"for example {FUNCTIONS[name]}")
    return int(value)


def _refuse(name: str, options: dict[str, str], allowed: tuple[str, ...], scanner: Scanner) -> None:
    for key in options:
        if key not in allowed:
            known = f"it takes: {', '.join(allowed)}" if allowed else "it takes none"
            raise scanner.error(f"{name}() has no option {key}", known)
