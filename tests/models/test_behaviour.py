import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath.features import encode, fit_encoder, gather, window_starts  # noqa: E402
from cartpath.models import Platt, Pretrained, load_intent  # noqa: E402
from cartpath.models.behaviour import BehaviourModel, config_for  # noqa: E402
from cartpath.models.intent import (  # noqa: E402
    BaseRate,
    BehaviourIntent,
    BlendIntent,
    IntentScorer,
    StepCalibration,
)
from cartpath.schema import CartpathError  # noqa: E402
from cartpath.tasks import intent_rows, time_split  # noqa: E402
from cartpath.training.data import silent  # noqa: E402
from cartpath.training.intent import classical  # noqa: E402
from cartpath.training.intent.data import intent_data  # noqa: E402
from cartpath.training.intent.job import Job  # noqa: E402
from cartpath.training.pretrain import build_model  # noqa: E402
from tests.features.logs import make_log, random_table, shop_table  # noqa: E402
from tests.models.cut import cut_path  # noqa: E402

RATES = {3: 0.2, 5: 0.3, 10: 0.3, 20: 0.4}


def random_model(log, seed=0):
    """Weights far from zero, so that every input matters."""
    encoder = fit_encoder(log, time_split(log.view).train_until)
    torch.manual_seed(seed)
    model = build_model(log, encoder, "tiny", {})
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
        model.table.weight[0].zero_()
    return Pretrained(model.train(False), encoder)


def some_ends(log, n=30):
    return np.sort(np.random.default_rng(0).choice(log.view.n_events, n, replace=False)) + 1


@pytest.fixture(scope="module")
def log():
    return make_log(random_table(11, users=40, events=60))


@pytest.fixture(scope="module")
def scorers(log, tmp_path_factory):
    """One of each kind, fitted on another log than it is asked about."""
    shop = make_log(shop_table(200))
    pretrained = random_model(shop)
    base = tmp_path_factory.mktemp("base")
    pretrained.save(base)
    job = Job(base, intent_data(shop, time_split(shop.view)), base, {})
    fits = [
        classical.boosted(job, False, silent),
        classical.boosted(job, True, silent),
        classical.logistic(job, silent),
    ]
    models = [
        BehaviourIntent(random_model(log)),
        *(fitted.model for fitted in fits),
        BaseRate({1: 0.1, 2: 0.2} | RATES),
    ]
    models.append(BlendIntent({"a": models[0], "b": models[1]}, {"a": 0.5, "b": 0.25}, -0.1))
    calibration = StepCalibration(Platt(0.7, -0.2), {3: Platt(0.5, 0.1)})
    return [IntentScorer(model, calibration) for model in models]


def test_the_future_leaves_every_score_equal_to_the_bit(log, scorers):
    for scorer in scorers:
        for end in some_ends(log):
            user = int(np.searchsorted(log.view.offsets, end - 1, side="right")) - 1
            path, known = log.view.user(user), int(end - log.view.offsets[user])
            whole = cut_path(log, path, path.n_events)
            short = cut_path(log, path, known)
            now = np.array([known])
            assert scorer.score(whole, now).tolist() == scorer.score(short, now).tolist(), type(scorer.model)


def test_one_path_at_a_time_or_all_at_once_is_the_same(log, scorers):
    for scorer in scorers:
        ends = some_ends(log)
        together = scorer.score(log, ends)
        alone = np.concatenate([scorer.score(log, ends[n : n + 1]) for n in range(len(ends))])
        np.testing.assert_allclose(together, alone, rtol=1e-5)
        assert ((together >= 0) & (together <= 1)).all()


def test_the_past_matters(log):
    scorer = BehaviourIntent(random_model(log))
    ends = log.view.offsets[1:]
    ends = ends[np.diff(log.view.offsets) > 5]
    full = scorer.logits(log, ends)
    shorter = scorer.logits(log, ends - 1)
    assert (np.abs(full - shorter) > 1e-4).mean() > 0.9


def test_hidden_states_do_not_see_later_events(log):
    pretrained = random_model(log)
    encoded = encode(log, pretrained.encoder)
    user = int(np.diff(log.view.offsets).argmax())
    end = log.view.offsets[user + 1 : user + 2]
    batch = gather(encoded, window_starts(log.view.offsets, np.array([user]), end, 32), end)
    inputs = [torch.from_numpy(array) for array in (batch.ids, batch.seconds, batch.session)]
    with torch.no_grad():
        before = pretrained.model(*inputs)
        inputs[0] = inputs[0].clone()
        inputs[0][0, 10:] = 1
        after = pretrained.model(*inputs)
    assert torch.equal(before[0, :10], after[0, :10])
    assert not torch.allclose(before[0, 10:], after[0, 10:])


def test_saved_and_loaded_scores_are_the_same(log, scorers, tmp_path):
    ends = some_ends(log)
    for number, scorer in enumerate(scorers):
        folder = tmp_path / str(number)
        folder.mkdir()
        scorer.save(folder)
        again = load_intent(folder)
        assert type(again.model) is type(scorer.model)
        assert again.score(log, ends).tolist() == scorer.score(log, ends).tolist()


def test_a_saved_network_loads_by_itself(log, tmp_path):
    pretrained = random_model(log)
    pretrained.save(tmp_path)
    again = BehaviourModel.from_pretrained(tmp_path)
    assert torch.equal(again.content, pretrained.model.content)
    assert again.config.n_fields == len(pretrained.encoder.sizes)


def test_an_item_never_seen_is_told_apart_by_its_content(log):
    model = random_model(log).model
    unknown = torch.tensor([1, 1])
    vectors = model.item_vectors(unknown, torch.stack([model.content[2], model.content[4]]))
    assert not torch.allclose(vectors[0], vectors[1])


def test_items_are_dropped_only_in_training(log):
    encoder = fit_encoder(log, 2**62)
    model = BehaviourModel(config_for(encoder, item_dropout=1.0))
    ids = torch.from_numpy(encode(log, encoder).events[None, :50].astype(np.int64))
    dropped = model.drop_items(ids)
    there = ids[..., 1] > 0
    assert (dropped[..., 1][there] == encoder.offsets["item"] + 1).all()
    assert (dropped[..., 1][~there] == 0).all()
    assert torch.equal(dropped[..., 2:], ids[..., 2:])


def test_what_is_no_model_is_refused(scorers, tmp_path):
    with pytest.raises(CartpathError, match="holds no model"):
        load_intent(tmp_path)
    (tmp_path / "scorer.json").write_text('{"kind": "oracle"}')
    with pytest.raises(CartpathError, match="unknown kind 'oracle'"):
        load_intent(tmp_path)
    (tmp_path / "scorer.json").write_text('{"kind": "logistic"}')
    np.savez(tmp_path / "weights.npz")
    with pytest.raises(CartpathError, match="earlier version or damaged: it has no 'categories'"):
        load_intent(tmp_path)
    scorers[-2].save(tmp_path)
    (tmp_path / "calibration.json").unlink()
    with pytest.raises(CartpathError, match="no calibration"):
        load_intent(tmp_path)


def test_nothing_to_score(log, scorers):
    nothing = np.zeros(0, np.int64)
    assert all(len(scorer.score(log, nothing)) == 0 for scorer in scorers)


def test_rows_of_the_task_are_scored_by_the_session_asked_about():
    log = make_log(random_table(5, users=30))
    rows = intent_rows(log, time_split(log.view))
    assert (log.view.session[rows.ends - 1] == rows.session).all()


def test_many_places_in_one_pass_are_as_one_by_one(log):
    pretrained = random_model(log)
    pretrained.model.config.window = 8
    ends = np.arange(log.view.n_events) + 1
    together = pretrained.hidden_at(log, ends)
    alone = torch.cat([pretrained.hidden_at(log, ends[n : n + 1]) for n in range(0, len(ends), 17)])
    torch.testing.assert_close(together[::17], alone, rtol=1e-4, atol=1e-4)


def test_each_group_of_steps_has_its_calibration():
    calibration = StepCalibration(Platt(1.0, 0.0), {5: Platt(1.0, 2.0)})
    found = calibration.apply(np.zeros(4), np.array([4, 5, 9, 10]))
    expected = 1 / (1 + np.exp(-2.0))
    assert found == pytest.approx([0.5, expected, expected, 0.5])
    assert StepCalibration.from_dict(calibration.to_dict()) == calibration
