"""Attribution of conversions and revenue to channels or events."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from cartpath import engine
from cartpath.paths.attribution.channels import channels_of
from cartpath.paths.attribution.evidence import merge_attribution
from cartpath.paths.attribution.models import credit
from cartpath.paths.attribution.question import Question
from cartpath.paths.attribution.result import AttributionResult
from cartpath.paths.attribution.scan import scan_attribution
from cartpath.paths.attribution.shapley import GAMES
from cartpath.paths.counting import Counting
from cartpath.paths.matching import match
from cartpath.schema import CartpathError, Columns, Event
from cartpath.store import Snapshot
from cartpath.store.answers import kept
from cartpath.store.mapping import on_threads

#: What a path may be of.
_UNITS = ("users", "sessions")
_ALL = Counting()


@kept
def attribution(
    snap: Snapshot,
    counting: Counting = _ALL,
    *,
    of: str = Columns.channel,
    goal: str = Event.purchase,
    lookback: str | None = "30d",
    half_life: str = "7d",
    reset: bool = True,
    top: int = 12,
    models: str | Sequence[str] | None = None,
    game: str = GAMES[0],
) -> AttributionResult:
    """Divide conversions and their revenue among the touches before them.

    Parameters
    ----------
    snap : Snapshot
    counting : Counting
        With ``sessions`` only touches of the conversion's session count.
    of : str
        What is credited: a property of sessions (``channel``, ``source``, ``campaign``, ...; touches are sessions) or
        of events (``event``, ``page``, ...; touches are the steps before the conversion).
    goal : str
        The event that is a conversion. Purchases with an order id count once an order.
    lookback : str or None
        How long before the conversion a touch may be; None is without end.
    half_life : str
        Of time decay.
    reset : bool
        Whether a conversion spends the touches before it.
    top : int
        Values told apart; the others are ``(other)``.
    models : str, sequence of str or None
        Of ``MODELS``; all by default.
    game : str
        Of the Shapley value: ``"conversions"`` or ``"rate"``.

    Returns
    -------
    AttributionResult

    Raises
    ------
    CartpathError
        If a model, a property or a duration cannot be read.
    """
    if counting.unit not in _UNITS:
        raise CartpathError(f"attribution cannot count {counting.unit!r}", f"count one of: {', '.join(_UNITS)}")
    question = Question.of_options(of, goal, lookback, half_life, reset, top, models, game)
    rule = counting.bind(snap)
    matcher = match(snap, [question.goal], counting.time_zone)
    channels = channels_of(snap, rule, of, question.top, matcher)
    scan = partial(
        scan_attribution,
        rule=rule,
        question=question,
        channels=channels,
        matcher=matcher,
        purchase=snap.code_of("event", Event.purchase),
    )
    basis, evidence = engine.run(snap, scan, partial(merge_attribution, width=len(channels.names)))
    # As much work again as the scans, and no model needs another.
    credits = on_threads(partial(credit, evidence, game=game), question.models)
    found = dict(zip(question.models, credits, strict=True))
    return AttributionResult(
        question,
        rule.heading,
        basis,
        channels.called,
        evidence,
        {model: given for model, (given, _) in found.items()},
        {model: effects for model, (_, effects) in found.items() if effects is not None},
        matcher.warnings,
    )
