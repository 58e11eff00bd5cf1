"""Networks for users at cut-offs: what they may know, that they learn, stop, go on, and are kept."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")
pytest.importorskip("peft")

from cartpath.evaluation import log_loss, roc_auc  # noqa: E402
from cartpath.features import encode  # noqa: E402
from cartpath.models import Pretrained, sigmoid  # noqa: E402
from cartpath.models.adaptation import METHODS, base_hash  # noqa: E402
from cartpath.models.cutoff import target_of  # noqa: E402
from cartpath.models.cutoff.behaviour import BehaviourCutoff  # noqa: E402
from cartpath.models.cutoff.head import CutoffHead, amount, encoded  # noqa: E402
from cartpath.schema import CartpathError  # noqa: E402
from cartpath.tasks import ChurnTask, RepeatRows, churn_rows  # noqa: E402
from cartpath.training.cutoff import networks  # noqa: E402
from cartpath.training.cutoff.job import CutoffJob  # noqa: E402
from cartpath.training.cutoff.network import CutoffNetwork, CutoffSource  # noqa: E402
from cartpath.training.data import silent  # noqa: E402
from cartpath.training.intent.job import Options  # noqa: E402
from tests.models.adapting import made  # noqa: E402
from tests.training.at_cutoffs import BEGIN, DAY, SPLIT, TASKS, base_of, job_of, log_of_rows, shop_log  # noqa: E402


@pytest.fixture(scope="module")
def log():
    return shop_log()


@pytest.fixture(scope="module")
def ours(log, tmp_path_factory):
    """Of each task a job and what was fitted on it, once."""
    found = {}
    for task in TASKS:
        job = job_of(log, tmp_path_factory.mktemp(task), task, epochs=2)
        found[task] = (job, fitted(job))
    return found


def fitted(job, how="full", told=silent):
    if how in METHODS:
        return networks.fine_tuned(job, how, told)
    return networks.from_scratch(job, how, told)


def weights(model):
    return {**model.pretrained.model.state_dict(), **{f"head.{name}": v for name, v in model.head.state_dict().items()}}


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def altered_after(log, until, rng):
    """The same users, with another future: other events, times, items and prices; every third has none for long."""
    view, rows = log.view, []
    users, events, items = log.view.user_id.to_pylist(), log.codes("event"), log.codes("item")
    for user in range(view.n_users):
        for at in range(view.offsets[user], view.offsets[user + 1]):
            ts, price, item = int(view.ts[at]), float(view.price[at]), items[view.item[at]]
            day, event = (ts - BEGIN) / DAY, events[view.event[at]]
            if ts >= until:
                first = (until - BEGIN) / DAY + (7.5 if user % 3 == 0 else 0.001)
                day, event = float(rng.uniform(min(first, 63), 63.8)), str(rng.choice(["view", "wave"]))
                item, price = f"i{rng.integers(1, 9)}", 99.0
            rows.append((users[user], day, event, item, None, price))
        rows.append((users[user], 63.9, "view", "i1", None, None))
    return log_of_rows(rows)


def by_text(rows):
    """Rows in an order that codes have no say in: sums depend, in the last bits, on what they are worked out beside."""
    texts = [rows.texts[what] for what in rows.what] if isinstance(rows, RepeatRows) else [""] * len(rows)
    return rows.take(np.lexsort((texts, rows.user, rows.cutoff)))


@pytest.mark.parametrize("task", TASKS)
def test_the_future_of_a_cutoff_leaves_the_answers_equal_to_the_bit(task, log, ours):
    job, found = ours[task]
    model, rows = found.model, job.of("validation")
    other = altered_after(log, int(rows.cutoff.max()), np.random.default_rng(0))
    theirs = TASKS[task][1](other, SPLIT, TASKS[task][0]).of("validation")
    rows, theirs = by_text(rows), by_text(theirs)
    mine, answers = model.predicted(log, rows), model.predicted(other, theirs)
    assert not np.array_equal(target_of(rows), target_of(theirs))
    assert len(np.unique(mine)) > 10
    assert np.array_equal(rows.user, theirs.user)
    assert np.array_equal(mine, answers)


@pytest.mark.parametrize("how", ["full", "gru"])
def test_what_comes_after_validation_leaves_the_fit_equal_to_the_bit(how, log, tmp_path):
    other = altered_after(log, SPLIT.cuts[1], np.random.default_rng(0))
    ours = fitted(job_of(log, tmp_path / "a"), how)
    theirs = fitted(job_of(other, tmp_path / "b"), how)
    assert same(weights(ours.model), weights(theirs.model))
    assert ours.about["validation_losses"] == theirs.about["validation_losses"]


def test_what_comes_before_is_read(log, ours, tmp_path):
    theirs = fitted(job_of(altered_after(log, BEGIN + 30 * DAY, np.random.default_rng(0)), tmp_path, epochs=2))
    assert not same(weights(ours["churn"][1].model), weights(theirs.model))


@pytest.mark.parametrize("task", TASKS)
def test_rows_together_are_answered_as_each_alone(task, log, ours):
    job, found = ours[task]
    model, rows = found.model, job.rows.take(np.arange(0, len(job.rows), 37))
    alone = [model.predicted(log, rows.take(np.array([at])))[0] for at in range(len(rows))]
    np.testing.assert_allclose(model.predicted(log, rows), alone, rtol=1e-5, atol=1e-6)
    assert model.predicted(log, rows.take(np.empty(0, np.int64))).tolist() == []


def test_the_longer_a_user_is_silent_the_likelier_is_churn(log, ours):
    model, rows = ours["churn"][1].model, ours["churn"][0].of("train")
    hours = (1, 3 * 24, 10 * 24)
    last = log.view.ts[rows.ends - 1]
    at = [type(rows)(**{**vars(rows), "cutoff": last + h * 3600 * 10**6}) for h in hours]
    means = [model.predicted(log, part).mean() for part in at]
    assert means == sorted(means)
    assert means[-1] - means[0] > 1


def test_what_is_asked_about_matters(log, ours):
    model, rows = ours["item"][1].model, ours["item"][0].of("validation")
    other = type(rows)(**{**vars(rows), "what": np.roll(rows.what, 1)})
    assert not np.allclose(model.predicted(log, rows), model.predicted(log, other))


def telling_log(seed=0):
    """Users who come every two days or so, but stay away for twelve after a ``checkout`` that comes to nothing."""
    rng, rows = np.random.default_rng(seed), []
    for user in range(150):
        day = float(rng.uniform(0, 12))
        while day < 64:
            gone = rng.random() < 0.25
            rows.append((f"u{user}", day, "checkout" if gone else "view", "i1", None, None))
            day += 12.0 if gone else float(rng.uniform(1, 3))
    return log_of_rows(rows)


@pytest.mark.parametrize("how", ["full", "gru"])
def test_a_sign_in_the_path_is_learned(how, tmp_path):
    log = telling_log()
    job = job_of(log, tmp_path, epochs=14)
    rows = job.of("validation")
    recent = rows.take(np.flatnonzero(rows.cutoff - log.view.ts[rows.ends - 1] < DAY))
    assert 0.1 < recent.label.mean() < 0.9
    model = fitted(job, how).model
    assert roc_auc(recent.label, model.predicted(log, recent)) > 0.9


def test_validation_chooses_the_epoch_and_ends_the_training(log, tmp_path):
    job = job_of(log, tmp_path, epochs=40)
    found = fitted(job)
    losses = found.about["validation_losses"]
    assert found.about["epochs"] == len(losses) < 40
    tried = [found.about["validation_loss_before"], *losses]
    assert tried[found.about["best_epoch"]] == min(tried)
    rows = job.of("validation")
    assert log_loss(rows.label, sigmoid(found.model.predicted(log, rows))) == pytest.approx(min(tried))


class Stopped(Exception):
    """Somebody pulled the plug."""


@pytest.mark.parametrize("task", ["spend", "item"])
def test_it_goes_on_where_it_was(task, log, tmp_path):
    steps = []

    def told(message, share):
        steps.append(share)
        if len(steps) == 5:
            raise Stopped

    whole = fitted(job_of(log, tmp_path / "a", task, epochs=2))
    job = job_of(log, tmp_path / "b", task, epochs=2, save_every=0.0)
    with pytest.raises(Stopped):
        fitted(job, told=told)
    resumed = fitted(job)
    assert (whole.about["resumed"], resumed.about["resumed"]) == (False, True)
    assert same(weights(whole.model), weights(resumed.model))
    assert not any((tmp_path / "b" / "models").glob("*/checkpoints/*"))


@pytest.mark.parametrize(("how", "task"), [("lora", "spend"), ("lstm", "category"), ("transformer", "churn")])
def test_what_is_kept_says_the_same(how, task, log, tmp_path):
    job = job_of(log, tmp_path, task)
    model = fitted(job, how).model
    (tmp_path / "kept").mkdir()
    model.save(tmp_path / "kept")
    again = BehaviourCutoff.load(tmp_path / "kept")
    assert np.array_equal(again.predicted(log, job.rows), model.predicted(log, job.rows))
    head = tmp_path / "kept" / "head.safetensors"
    head.write_bytes(head.read_bytes()[:-8])
    with pytest.raises(CartpathError, match="damaged"):
        BehaviourCutoff.load(tmp_path / "kept")


@pytest.mark.parametrize("how", METHODS)
def test_a_method_trains_what_it_says_and_the_head(how, tmp_path):
    job = job_of(shop_log(12), tmp_path)
    # Without validation what was learned is kept in any case.
    job.rows = job.rows.of("train")
    before = base_hash(Pretrained.load(job.base).model)
    found = fitted(job, how)
    assert found.about["method"] == how
    assert found.about["trainable"] < found.about["parameters"] or how == "full"
    # What PEFT inserts lies beside the base's weights; adapters hang into them.
    assert (base_hash(found.model.pretrained.model) == before) is (how in ("head", "lora", "prefix"))
    assert found.model.head.straight.weight.abs().sum() > 0


def test_positives_that_weigh_more_are_predicted_more_often(log, ours, tmp_path):
    plain = ours["churn"][1]
    heavy = fitted(job_of(log, tmp_path, epochs=2, positive_weight=10.0))
    rows = ours["churn"][0].of("train")
    assert (plain.weight, heavy.weight) == (1.0, 10.0)
    gap = heavy.model.predicted(log, rows).mean() - plain.model.predicted(log, rows).mean()
    assert 0.7 < gap < np.log(10) + 0.5


def test_same_seed_same_weights_and_another_seed_others(tmp_path):
    small = shop_log(12)
    found = [weights(fitted(job_of(small, tmp_path, seed=seed), "gru").model) for seed in (0, 0, 1)]
    assert same(found[0], found[1])
    assert not same(found[0], found[2])


def network(outputs, spread=1.0):
    model = made(dropout=0.0, input_dropout=0.0, item_dropout=0.0)
    head = CutoffHead(8, 2, outputs=outputs, dropout=0.0)
    with torch.no_grad():
        for weight in head.parameters():
            weight.copy_(torch.linspace(-0.2, 0.2, weight.numel()).view_as(weight))
    return CutoffNetwork(model, head, spread)


def inputs(targets, weight):
    generator = torch.Generator().manual_seed(0)
    return {
        "ids": torch.randint(1, 15, (2, 4, 3), generator=generator),
        "seconds": torch.rand(2, 4, generator=generator).cumsum(1),
        "session": torch.zeros(2, 4, dtype=torch.long),
        "at": torch.tensor([[0, 1], [0, 3], [1, 2]]),
        "standing": torch.tensor([[0.5, 1.0], [0.5, float("nan")], [3.0, 0.0]]),
        "target": torch.tensor(targets),
        "weight": torch.tensor(weight),
        "scale": torch.tensor([sum(weight), 1.0]),
    }


def outputs_of(network, asked):
    hidden = network.model(asked["ids"], asked["seconds"], asked["session"])
    picked = torch.stack([hidden[b, place] for b, place in asked["at"].tolist()])
    return network.head(picked, asked["standing"]).detach().numpy().astype(np.float64)


def test_the_loss_of_amounts_is_the_squared_error_of_the_mean_and_the_cross_entropy_of_any():
    target, weight = [0.0, 2.5, 4.0], [1.0, 2.0, 1.0]
    net = network(2, spread=1.5).eval()
    asked = inputs(target, weight)
    out = outputs_of(net, asked)
    any_spent = 1 / (1 + np.exp(-out[:, 0]))
    squared = ((any_spent * out[:, 1] - target) / 1.5) ** 2
    spends = [-np.log(1 - any_spent[0]), -np.log(any_spent[1]), -np.log(any_spent[2])]
    expected = np.dot(weight, squared + spends) / 4
    assert net(**asked)["loss"].item() == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(amount(torch.tensor(out)).numpy(), any_spent * out[:, 1])


def test_the_loss_of_labels_is_the_weighted_cross_entropy():
    target, weight = [1.0, 0.0, 1.0], [3.0, 1.0, 1.0]
    net = network(1).eval()
    asked = inputs(target, weight)
    p = 1 / (1 + np.exp(-outputs_of(net, asked)[:, 0]))
    expected = -(3 * np.log(p[0]) + np.log(1 - p[1]) + np.log(p[2])) / 5
    assert net(**asked)["loss"].item() == pytest.approx(expected, rel=1e-4)


def test_every_training_row_is_asked_once_an_epoch_at_its_own_event(log, tmp_path):
    job = job_of(log, tmp_path)
    questions = networks._questions(job, job.pretrained)
    data = encode(log, job.encoder)
    source = CutoffSource(data, questions, 16, 0)
    seen = []
    for batch in range(source.batches(0)):
        asked = source.part(0, batch, 0, 1).inputs
        ids = asked["ids"][asked["at"][:, 0], asked["at"][:, 1], : data.events.shape[1]].numpy()
        seen += [(*standing, *row) for standing, row in zip(asked["standing"].tolist(), ids.tolist(), strict=True)]
    rows = job.learned_from
    expected = [
        (*s, *data.events[end - 1].tolist()) for s, end in zip(questions.standing.tolist(), rows.ends, strict=True)
    ]
    assert sorted(map(str, seen)) == sorted(map(str, expected))


def test_the_mean_over_the_parts_is_the_loss_of_the_batch(log, tmp_path):
    job = job_of(log, tmp_path, "item", positive_weight=3.0)
    questions = networks._questions(job, job.pretrained)
    source = CutoffSource(encode(log, job.encoder), questions, 16, 0)
    net = CutoffNetwork(job.pretrained.model, networks._scorer(job, job.pretrained, questions).head).eval()
    with torch.no_grad():
        net.head.straight.weight.add_(0.3)
        for parts in (3, 10**3):
            cut = [float(net(**source.part(0, 0, part, parts).inputs)["loss"]) for part in range(parts)]
            assert np.mean(cut) == pytest.approx(float(net(**source.part(0, 0, 0, 1).inputs)["loss"]), rel=1e-4)


def test_a_question_weighs_the_same_whatever_batch_it_is_in(log, tmp_path):
    job = job_of(log, tmp_path)
    questions = networks._questions(job, job.pretrained)
    source = CutoffSource(encode(log, job.encoder), questions, 16, 0)
    model = networks._scorer(job, job.pretrained, questions)
    net = CutoffNetwork(job.pretrained.model, model.head).eval()
    batches = source.batches(0)
    with torch.no_grad():
        losses = [float(net(**source.part(0, batch, 0, 1).inputs)["loss"]) for batch in range(batches)]
    sizes = {len(source.part(0, batch, 0, 1).inputs["target"]) for batch in range(batches)}
    assert max(sizes) > 1.5 * min(sizes)
    rows = job.learned_from
    assert np.mean(losses) == pytest.approx(
        log_loss(target_of(rows), sigmoid(model.predicted(log, rows).astype(np.float64))), rel=1e-4
    )


@pytest.mark.parametrize("task", ["churn", "spend", "item"])
def test_a_head_begins_as_a_regression_on_where_users_stand(task, ours, tmp_path):
    from sklearn.linear_model import LogisticRegression, Ridge

    job, _ = ours[task]
    questions = networks._questions(job, job.pretrained)
    model = networks._scorer(job, job.pretrained, questions)
    columns = encoded(torch.from_numpy(questions.standing), model.head.edges).numpy()
    target = target_of(job.learned_from)
    odds = LogisticRegression(max_iter=300).fit(columns, target > 0).decision_function(columns)
    expected = odds
    if task == "spend":
        expected = sigmoid(odds) * Ridge().fit(columns[target > 0], target[target > 0]).predict(columns)
    np.testing.assert_allclose(model.predicted(job.log, job.learned_from), expected, rtol=1e-2, atol=1e-2)


def test_a_bin_is_as_full_as_the_number_says():
    edges = torch.tensor([[0.0, 1.0, 1.0, 3.0]])
    found = encoded(torch.tensor([[-1.0], [0.25], [1.0], [2.0], [5.0]]), edges)
    assert found.tolist() == [[0, 0, 0, 1], [0.25, 0, 0, 1], [1, 0, 0, 1], [1, 1, 0.5, 1], [1, 1, 1, 1]]


def test_no_validation_rows_is_no_hindrance(log, tmp_path):
    task = ChurnTask("7d")
    rows = churn_rows(log, SPLIT, task)
    train = rows.take(np.flatnonzero(rows.slice == 0))
    base = base_of(log, tmp_path / "base")
    card = {"made": "then", "size": "tiny"}
    job = CutoffJob(tmp_path, log, SPLIT, task, train, base, card, Options(epochs=2))
    assert fitted(job).about["best_epoch"] is None
