"""What a score is made of: contributions of events or of features, in log odds, that add up to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cartpath.features import Log
from cartpath.models.artefact import finite
from cartpath.models.intent.base_rate import BaseRate
from cartpath.models.intent.behaviour import BehaviourIntent
from cartpath.models.intent.blend import BlendIntent
from cartpath.models.intent.feature_drivers import line_parts, tree_parts
from cartpath.models.intent.gradients import path_parts
from cartpath.models.intent.logistic import LogisticIntent
from cartpath.models.intent.scorer import Index, Intent
from cartpath.models.intent.trees import TreeIntent
from cartpath.schema import CartpathError

#: Drivers of one event or feature of several members of a blend are one: this is what they are told apart by.
_SAME = ("kind", "name", "place", "value")


@dataclass(frozen=True)
class Driver:
    """One thing that moved a score.

    Attributes
    ----------
    kind : str
        ``event``, ``feature`` or ``path`` (a network's view of the whole path, as trees read it).
    name : str
        Of the event, or of the feature.
    contribution : float
        Log odds: above 0 it made a purchase likelier.
    place : int
        An event's place in its user's path, from 0; -1 of a feature.
    value : str, float or None
        What the feature was; None where it was not known.
    about : mapping
        More for people: ``unit`` and ``about`` of a feature; of an event ``ts``, ``position`` (in its session, from 1),
        ``sessions_ago``, ``item_id``, ``page``, and ``fields``, its contribution by field.
    """

    kind: str
    name: str
    contribution: float
    place: int = -1
    value: str | float | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        found: dict[str, Any] = {"kind": self.kind, "name": self.name, "contribution": self.contribution}
        if self.kind == "feature":
            found["value"] = self.value
        return dict(finite({**found, **self.about}))


@dataclass(frozen=True)
class Explanation:
    """A score taken apart: ``log_odds = baseline + sum of contributions + error``.

    Attributes
    ----------
    log_odds : float
        What the model says, not calibrated.
    baseline : float
        What it says where nothing is known: of trees the mean of training, of a line the mean values, of a network the
        same path of events that say nothing.
    drivers : tuple of Driver
        The largest contribution, of either sign, first.
    method : str
        How they were found.

    Examples
    --------
    >>> told = Explanation(1.0, 0.25, (Driver("feature", "events", 0.5, value=3.0),), "by hand")
    >>> told.error, told.to_dict(1)["drivers"]
    (0.25, [{'kind': 'feature', 'name': 'events', 'contribution': 0.5, 'value': 3.0}])
    """

    log_odds: float
    baseline: float
    drivers: tuple[Driver, ...]
    method: str

    @property
    def error(self) -> float:
        """What the contributions leave unexplained: rounding, and of gradients the steps of the sum."""
        return self.log_odds - self.baseline - sum(driver.contribution for driver in self.drivers)

    def to_dict(self, top: int = 10) -> dict[str, Any]:
        """Return it as JSON can hold it; ``others`` is the sum of the drivers beyond the first ``top``."""
        first = [driver.to_dict() for driver in self.drivers[:top]]
        others = sum(driver.contribution for driver in self.drivers[top:])
        sums = {"log_odds": self.log_odds, "baseline": self.baseline, "others": others, "error": self.error}
        return {**sums, "method": self.method, "drivers": first}


def explain(model: Intent, log: Log, ends: Index) -> list[Explanation]:
    """Take the scores at some places of paths apart; a live path alone gives the same as among others.

    Trees: exact Shapley values (TreeSHAP; Lundberg et al., Nature Machine Intelligence 2, 2020). Logistic regression:
    weight times value. Networks: integrated gradients (Sundararajan et al., ICML 2017) along the straight line from a
    path of events that say nothing. Blends: the weighted sum of their members' drivers.

    Parameters
    ----------
    model : Intent
    log : Log
    ends : int64 array (n,)
        As ``Intent.logits`` takes them.

    Returns
    -------
    list of Explanation (n)

    Raises
    ------
    CartpathError
        If the model is of a kind that nobody can explain.
    """
    if isinstance(model, BlendIntent):
        return _of_blend(model, log, ends)
    known = [of for kind, of in _KINDS.items() if isinstance(model, kind)]
    if not known:
        raise CartpathError(f"scores of a {type(model).__name__} cannot be taken apart", "name another --model")
    return [_sorted(told) for told in known[0](model, log, ends)] if len(ends) else []


def _of_trees(model: TreeIntent, log: Log, ends: Index) -> list[Explanation]:
    return [_of_features(*parts, "exact Shapley values of the trees") for parts in tree_parts(model, log, ends)]


def _of_line(model: LogisticIntent, log: Log, ends: Index) -> list[Explanation]:
    return [_of_features(*parts, "weight times value") for parts in line_parts(model, log, ends)]


def _of_rate(model: BaseRate, log: Log, ends: Index) -> list[Explanation]:
    return [
        Explanation(float(odds), float(odds), (), "the share at the step alone") for odds in model.logits(log, ends)
    ]


def _of_network(model: BehaviourIntent, log: Log, ends: Index) -> list[Explanation]:
    found = []
    for end in ends:
        parts = path_parts(model.pretrained, log, int(end))
        drivers = tuple(Driver("event", name, by, place, about=about) for name, by, place, about in parts.events)
        method = f"integrated gradients, {parts.steps} steps"
        found.append(Explanation(parts.log_odds, parts.baseline, drivers, method))
    return found


def _of_features(log_odds: float, baseline: float, parts: list[dict[str, Any]], method: str) -> Explanation:
    return Explanation(log_odds, baseline, tuple(Driver(**part) for part in parts), method)


_KINDS: Mapping[type, Callable[..., list[Explanation]]] = {
    TreeIntent: _of_trees,
    LogisticIntent: _of_line,
    BaseRate: _of_rate,
    BehaviourIntent: _of_network,
}


def _of_blend(model: BlendIntent, log: Log, ends: Index) -> list[Explanation]:
    parts = {name: explain(model.members[name], log, ends) for name, weight in model.weights.items() if weight}
    found = []
    for row in range(len(ends)):
        told = {name: (model.weights[name], parts[name][row]) for name in parts}
        log_odds, baseline = (
            model.bias + sum(weight * getattr(one, field) for weight, one in told.values())
            for field in ("log_odds", "baseline")
        )
        methods = "; ".join(f"{name} x {weight:.3g}: {one.method}" for name, (weight, one) in told.items())
        found.append(_sorted(Explanation(log_odds, baseline, _together(list(told.values())), methods)))
    return found


def _together(told: list[tuple[float, Explanation]]) -> tuple[Driver, ...]:
    """Add up what members say of the same event or feature."""
    found: dict[tuple[Any, ...], Driver] = {}
    for weight, one in told:
        for driver in one.drivers:
            key = tuple(getattr(driver, name) for name in _SAME)
            before = found.get(key, replace(driver, contribution=0.0, about=_scaled(driver.about, 0.0)))
            about = dict(before.about)
            if "fields" in about:
                more = driver.about["fields"]
                names = {**about["fields"], **more}
                about["fields"] = {
                    name: about["fields"].get(name, 0.0) + weight * more.get(name, 0.0) for name in names
                }
            found[key] = replace(before, contribution=before.contribution + weight * driver.contribution, about=about)
    return tuple(found.values())


def _scaled(about: Mapping[str, Any], by: float) -> dict[str, Any]:
    fields = {"fields": {name: by * part for name, part in about["fields"].items()}} if "fields" in about else {}
    return {**about, **fields}


def _sorted(told: Explanation) -> Explanation:
    drivers = (driver for driver in told.drivers if driver.contribution)
    return replace(told, drivers=tuple(sorted(drivers, key=lambda driver: -abs(driver.contribution))))
