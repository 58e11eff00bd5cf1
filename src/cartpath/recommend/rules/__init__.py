"""Re-ranking by the declarations of a shop: what ``[recommend]`` in ``cartpath.toml`` says; pure, and compiled once.

``CompiledRules.of(settings, log) -> CompiledRules``
    Conditions, caps and times looked up once for a catalogue, as arrays by item code.
``History.of(log, user, end) -> History``
    What a user touched and bought before the event ``end``.
``rerank(listed, rules, history, k, now, rng) -> list[Choice]``
    What is shown, each with the rules that moved it and the chance that it is shown there.
``left_out(listed, rules, history, now) -> dict[str, int]``
    How many candidates may not be shown, by reason.
"""

from cartpath.recommend.rules.compiled import CompiledRules
from cartpath.recommend.rules.history import History, Touched
from cartpath.recommend.rules.rerank import Choice, Listed, generator, left_out, rerank

__all__ = ["Choice", "CompiledRules", "History", "Listed", "Touched", "generator", "left_out", "rerank"]
