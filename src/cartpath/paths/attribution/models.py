"""What each model gives to each channel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cartpath.paths.attribution.chain import chain_of
from cartpath.paths.attribution.evidence import Evidence
from cartpath.paths.attribution.journeys import Floats, Journeys
from cartpath.paths.attribution.markov import credit_of, removal_effects
from cartpath.paths.attribution.rules import RULES, Credit, by_parts, by_rule
from cartpath.paths.attribution.shapley import shapley

#: Samples of journeys that the error of a Markov model is measured on.
SAMPLES = 100
#: Most states times samples, and touches times samples, that an error is worth.
_STATES, _TOUCHES = 120 * SAMPLES, 200_000 * SAMPLES


def credit(evidence: Evidence, model: str, game: str) -> tuple[Credit, Floats | None]:
    """Work one model out.

    Parameters
    ----------
    evidence : Evidence
    model : str
        Of ``question.MODELS``.
    game : str
        Of ``shapley.GAMES``.

    Returns
    -------
    tuple
        The credit, and for a Markov model the removal effects, float64 (width, 2).
    """
    journeys = evidence.journeys
    if model in RULES:
        return by_rule(journeys, model), None
    if model == "last_non_direct":
        rows = np.arange(len(evidence.non_direct))
        return by_parts(rows, evidence.non_direct, np.ones(len(rows)), evidence.worth, journeys.width), None
    if model == "time_decay":
        return by_parts(*evidence.decay, evidence.worth, journeys.width), None
    if model == "shapley":
        return shapley(journeys, game), None
    return _markov(journeys, int(model.rpartition("_")[2]))


def _markov(journeys: Journeys, order: int) -> tuple[Credit, Floats | None]:
    if not journeys.conversions.sum():
        return credit_of(journeys, np.zeros((journeys.width, 2))), None
    chain = chain_of(journeys, order)
    effects = removal_effects(chain)
    found = credit_of(journeys, effects)
    if len(chain.newest) * SAMPLES > _STATES or len(journeys.codes) * SAMPLES > _TOUCHES:
        return found, effects
    return Credit(found.values, _error(journeys, order)), effects


def _error(journeys: Journeys, order: int, seed: int = 0) -> Floats:
    """Return the standard error over samples of journeys, drawn with replacement (Poisson bootstrap).

    The share is what varies: a sample's credit is scaled to the conversions there are.
    """
    random = np.random.default_rng(seed)
    total = journeys.conversions.sum()
    # The last bits of shared orders depend on the order of buckets; what is drawn may not.
    expected, shares = journeys.conversions.round(9), []
    for _ in range(SAMPLES):
        conversions, lost = random.poisson(expected), random.poisson(journeys.lost)
        if not conversions.sum():
            continue
        sample = replace(journeys, conversions=conversions.astype(np.float64), lost=lost.astype(np.float64))
        effects = removal_effects(chain_of(sample, order))[:, 0]
        shares.append(effects / effects.sum())
    if len(shares) < 2:
        return np.full(journeys.width, np.nan)
    error: Floats = np.std(shares, axis=0, ddof=1) * total
    return error
