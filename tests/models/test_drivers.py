"""What a score is made of: that contributions add up, are exact where they are said to be, and see nothing later."""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
lightgbm = pytest.importorskip("lightgbm")

from cartpath.features import FeatureTable, Log, PathEncoder, encode, fit_encoder, log_from_table  # noqa: E402
from cartpath.models import Pretrained  # noqa: E402
from cartpath.models.adaptation import METHODS, adapt  # noqa: E402
from cartpath.models.behaviour import BehaviourModel, config_for  # noqa: E402
from cartpath.models.intent import (  # noqa: E402
    BaseRate,
    BehaviourIntent,
    BlendIntent,
    Design,
    LogisticIntent,
    TreeIntent,
    explain,
    tree_features,
)
from cartpath.schema import CartpathError  # noqa: E402
from tests.features.logs import items_table, make_log, random_table, shop_table  # noqa: E402
from tests.models.adapting import disturb  # noqa: E402


@pytest.fixture(scope="module")
def log() -> Log:
    return make_log(random_table(4, users=30))


@pytest.fixture(scope="module")
def encoder(log: Log) -> PathEncoder:
    return fit_encoder(log, until=2**62)


def some_ends(log: Log, n: int = 7) -> np.ndarray:
    return np.sort(np.random.default_rng(1).choice(log.view.n_events, n, replace=False)) + 1


def network(encoder: PathEncoder, seed: int = 0, **shape: Any) -> Pretrained:
    torch.manual_seed(seed)
    model = BehaviourModel(config_for(encoder, **{"hidden": 16, "layers": 2, "heads": 2, "window": 16, **shape}))
    disturb(model, 0.15)
    return Pretrained(model.train(False), encoder)


def trees(log: Log, encoder: PathEncoder, frozen: Pretrained | None = None, **shape: Any) -> TreeIntent:
    ends = np.arange(log.view.n_events) + 1
    table = tree_features(log, encoder, ends, frozen)
    label = (np.random.default_rng(0).random(len(ends)) < 0.3) | (table.values[:, 0] > 4)
    categories = [table.names.index(name) for name in table.categorical]
    data = lightgbm.Dataset(table.values, label=label.astype(int), categorical_feature=categories)
    settings = {"objective": "binary", "num_leaves": 7, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1}
    return TreeIntent(lightgbm.train({**settings, **shape}, data, 20), encoder, frozen)


def line(log: Log, encoder: PathEncoder) -> LogisticIntent:
    table = tree_features(log, encoder, np.arange(log.view.n_events) + 1)
    design = Design.of(table)
    weights = np.random.default_rng(0).normal(size=design.columns(table).shape[1])
    return LogisticIntent(design, weights, -1.5, encoder)


def summed(told: Any) -> float:
    return told.baseline + sum(driver.contribution for driver in told.drivers)


def sizes(told: Any) -> float:
    return sum(abs(driver.contribution) for driver in told.drivers)


@pytest.mark.parametrize("frozen", [False, True])
def test_shapley_values_of_trees_add_up_to_the_raw_score(log: Log, encoder: PathEncoder, frozen: bool) -> None:
    model, ends = trees(log, encoder, network(encoder) if frozen else None), some_ends(log)
    table = tree_features(log, encoder, ends, model.frozen)
    raw = model.trees.predict(table.values, raw_score=True)
    for told, odds, scored in zip(explain(model, log, ends), raw, model.logits(log, ends), strict=True):
        assert told.log_odds == odds == pytest.approx(scored, abs=1e-9)
        assert summed(told) == pytest.approx(odds, abs=1e-9)
        assert abs(told.error) < 1e-9
        sizes = [abs(driver.contribution) for driver in told.drivers]
        assert sizes == sorted(sizes, reverse=True)
        assert ({"path"} <= {driver.kind for driver in told.drivers}) <= frozen


def test_shapley_values_are_those_of_the_definition(log: Log, encoder: PathEncoder) -> None:
    """With stumps of one feature each, all orders in which features become known, by hand."""
    model, ends = trees(log, encoder, num_leaves=3, feature_fraction=0.05), some_ends(log, 1)
    table = tree_features(log, encoder, ends)
    used = sorted({feature for tree in dumped(model) for feature in features_of(tree)})
    told = explain(model, log, ends)[0]
    found = {driver.name: driver.contribution for driver in told.drivers}
    for feature in used[:4]:
        wanted = 0.0
        for tree in dumped(model):
            mine = features_of(tree)
            others = [other for other in mine if other != feature]
            for size in range(len(others) + 1 if feature in mine else 0):
                for known in map(set, combinations(others, size)):
                    gain = expected(tree, table, known | {feature}) - expected(tree, table, known)
                    wanted += gain / ((len(others) + 1) * comb(len(others), size))
        assert found.get(table.names[feature], 0.0) == pytest.approx(wanted, abs=1e-6)


def dumped(model: TreeIntent) -> list[dict[str, Any]]:
    return [tree["tree_structure"] for tree in model.trees.dump_model()["tree_info"]]


def features_of(node: dict[str, Any]) -> set[int]:
    if "split_feature" not in node:
        return set()
    return {node["split_feature"]} | features_of(node["left_child"]) | features_of(node["right_child"])


def expected(node: dict[str, Any], table: FeatureTable, known: set[int]) -> float:
    """The mean of a tree over its training rows where features are unknown, by the covers of its branches."""
    if "split_feature" not in node:
        return float(node["leaf_value"])
    left, right = node["left_child"], node["right_child"]
    if node["split_feature"] in known:
        return expected(left if goes_left(node, table) else right, table, known)
    sizes = [float(child.get("internal_count", child.get("leaf_count"))) for child in (left, right)]
    means = (expected(child, table, known) for child in (left, right))
    return sum(size * mean for size, mean in zip(sizes, means, strict=True)) / sum(sizes)


def goes_left(node: dict[str, Any], table: FeatureTable) -> bool:
    value = float(table.values[0, node["split_feature"]])
    if node["decision_type"] == "==":
        return not np.isnan(value) and str(int(value)) in str(node["threshold"]).split("||")
    if np.isnan(value):
        if node["missing_type"] == "NaN":
            return bool(node["default_left"])
        value = 0.0
    return value <= node["threshold"]


def test_a_line_is_weight_times_value(log: Log, encoder: PathEncoder) -> None:
    model, ends = line(log, encoder), some_ends(log)
    for told, odds in zip(explain(model, log, ends), model.logits(log, ends), strict=True):
        assert told.log_odds == odds
        assert told.baseline == -1.5
        assert summed(told) == pytest.approx(odds, abs=1e-9)
    events = next(driver for driver in told.drivers if driver.name == "events")
    mean, deviation = model.design.mean[0], model.design.deviation[0]
    value = float(tree_features(log, encoder, ends[-1:]).values[0, 0])
    assert events.value == value
    assert events.contribution == pytest.approx(model.weights[0] * (np.log1p(value) - mean) / deviation)


def test_values_of_categories_are_told_as_texts(log: Log, encoder: PathEncoder) -> None:
    ends = some_ends(log)
    for told, end in zip(explain(line(log, encoder), log, ends), ends, strict=True):
        latest = [driver.value for driver in told.drivers if driver.name == "event_0"]
        at = int(end) - 1
        while not log.view.step[at]:
            at -= 1
        assert latest in ([], [log.codes("event")[log.view.event[at]]])


@pytest.mark.parametrize("backbone", ["transformer", "sasrec", "gru", "lstm"])
@pytest.mark.parametrize("norm", [True, False])
def test_gradients_add_up_to_the_score(log: Log, encoder: PathEncoder, backbone: str, norm: bool) -> None:
    model, ends = BehaviourIntent(network(encoder, backbone=backbone, norm_input=norm)), some_ends(log, 4)
    for told, odds in zip(explain(model, log, ends), model.logits(log, ends), strict=True):
        assert told.log_odds == pytest.approx(odds, abs=1e-5)
        assert abs(told.error) <= 0.011 * max(sizes(told), 0.01)
        for driver in told.drivers:
            assert sum(driver.about["fields"].values()) == pytest.approx(driver.contribution, abs=1e-4)


@pytest.mark.parametrize("method", [method for method in METHODS if method != "full"])
def test_what_fine_tuning_inserted_is_explained_too(log: Log, encoder: PathEncoder, method: str) -> None:
    pytest.importorskip("peft")
    pretrained, ends = network(encoder), some_ends(log, 2)
    adapt(pretrained.model, method)
    disturb(pretrained.model, 0.1)
    told = explain(BehaviourIntent(pretrained), log, ends)
    assert [one.log_odds for one in told] == pytest.approx(BehaviourIntent(pretrained).logits(log, ends), abs=1e-5)
    assert all(abs(one.error) <= 0.011 * max(sizes(one), 0.01) for one in told)


def test_of_a_linear_network_gradients_are_the_difference_of_each_event(log: Log, encoder: PathEncoder) -> None:
    pretrained, end = network(encoder, norm_input=False), int(log.view.offsets[1])

    class Mean(torch.nn.Module):
        def forward(self, x: Any, seconds: Any, session: Any) -> Any:
            return x.mean(1, keepdim=True).expand_as(x)

    pretrained.model.backbone = Mean()
    told = explain(BehaviourIntent(pretrained), log, np.array([end]))[0]
    window = range(max(end - 16, 0), end)
    events, weight = encode(log, encoder), pretrained.model.intent.weight[0].detach()
    for driver in told.drivers:
        row = driver.place + int(log.view.offsets[0])
        ids = torch.from_numpy(events.events[row].astype(np.int64))
        event = float(pretrained.model.table(ids)[0].detach() @ weight) / len(told.drivers)
        assert row in window
        assert driver.name == log.codes("event")[log.view.event[row]]
        assert driver.about["fields"]["event"] == pytest.approx(event, abs=1e-5)


def test_a_blend_is_the_weighted_sum_of_its_members(log: Log, encoder: PathEncoder) -> None:
    members = {"net": BehaviourIntent(network(encoder)), "net2": BehaviourIntent(network(encoder, 9))}
    members |= {"trees": trees(log, encoder), "line": line(log, encoder)}
    model = BlendIntent(members, {"net": 0.5, "net2": 0.25, "trees": 0.75, "line": 0.0}, -0.3)
    ends = some_ends(log, 3)
    parts = {name: explain(member, log, ends) for name, member in members.items()}
    for row, (told, odds) in enumerate(zip(explain(model, log, ends), model.logits(log, ends), strict=True)):
        assert told.log_odds == pytest.approx(odds, abs=1e-5)
        assert abs(told.error) < 0.02
        for driver in told.drivers:
            wanted = [
                model.weights[name] * other.contribution
                for name in model.weights
                for other in parts[name][row].drivers
                if (other.kind, other.name, other.place) == (driver.kind, driver.name, driver.place)
            ]
            assert driver.contribution == pytest.approx(sum(wanted), abs=1e-6)
            if driver.kind == "event":
                assert sum(driver.about["fields"].values()) == pytest.approx(driver.contribution, abs=1e-4)


def test_the_base_rate_has_no_drivers(log: Log) -> None:
    rate = BaseRate.of(np.array([0, 1, 0, 0], np.int8), np.array([1, 1, 2, 3]))
    told = explain(rate, log, some_ends(log))
    assert all(one.drivers == () and one.log_odds == one.baseline for one in told)


def test_a_kind_nobody_can_explain(log: Log) -> None:
    class Oracle:
        pass

    with pytest.raises(CartpathError, match="Oracle cannot be taken apart"):
        explain(Oracle(), log, some_ends(log))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["trees", "line", "network"])
def test_a_live_path_alone_gives_the_same_and_nothing_later_is_seen(kind: str) -> None:
    table = shop_table(12)
    log = log_from_table(table, items_table())
    encoder = fit_encoder(log, until=2**62)
    made = {"trees": trees, "line": line, "network": lambda log, encoder: BehaviourIntent(network(encoder))}
    model = made[kind](log, encoder)
    user, view = 3, log.view
    for n in (2, 5):
        end = int(view.offsets[user]) + n
        until = int(view.ts[end - 1])
        alone = log_from_table(table.filter(known(table, view.user_id[user].as_py(), until)), items_table())
        whole, single = (explain(model, one, np.array([at]))[0] for one, at in ((log, end), (alone, n)))
        ours, theirs = ({(d.name, d.place, d.value): d.contribution for d in told.drivers} for told in (whole, single))
        assert ours.keys() == theirs.keys()
        assert list(ours.values()) == pytest.approx([theirs[key] for key in ours], abs=1e-5)


def known(table: pa.Table, user: str, until: int) -> pa.Array:
    ts = table["ts"].cast(pa.int64()).to_pylist()
    return pa.array([u == user and t <= until for u, t in zip(table["user_id"].to_pylist(), ts, strict=True)])
