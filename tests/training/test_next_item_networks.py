"""What is special about the networks; what holds for every model is in test_next_item_models.py."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath.evaluation.ranks import ndcg_at
from cartpath.features import log_from_table
from cartpath.models.behaviour_next_item import BehaviourNextItem
from cartpath.tasks import leave_one_out, time_split_last
from cartpath.training.next_item import FitOptions, fit_model, judge
from tests.features.logs import make_log, shop_table

TINY = {"max_epochs": 3, "hidden": 16, "layers": 1, "heads": 2}
KINDS, PER_KIND = 6, 8


def kinds_log(users=150, seed=0):
    """Shoppers stay with items of one kind; titles name the kind. Item 0 of each is touched once, by one user."""
    rng = np.random.default_rng(seed)
    rows = [(f"u{user}", n, user % KINDS, rng.integers(1, PER_KIND))
            for user in range(users) for n in range(rng.integers(5, 9))]  # fmt: skip
    rows += [("late", n, n % KINDS, 0) for n in range(KINDS)]
    events = {
        "user_id": [row[0] for row in rows],
        "ts": pa.array([row[1] for row in rows], pa.timestamp("s", tz="UTC")),
        "event": ["view"] * len(rows),
        "item_id": [f"{kind}-{item}" for _, _, kind, item in rows],
    }
    names = [(kind, item) for kind in range(KINDS) for item in range(PER_KIND)]
    items = pa.table({
        "item_id": [f"{kind}-{item}" for kind, item in names],
        "title": [f"thing of kind{kind} sort{kind} number{item}" for kind, item in names],
    })  # fmt: skip
    return log_from_table(pa.table(events), items, timed=False)


@pytest.fixture(scope="module")
def split():
    return leave_one_out(kinds_log())


@pytest.fixture(scope="module")
def fitted(split):
    return fit_model("behaviour", split, FitOptions(settings={**TINY, "max_epochs": 12}))


def test_it_learns_what_goes_together(split, fitted):
    log, model = split.log, fitted.model
    scores = model.score(log, split.test.user, split.test.ends)
    kind = np.array([text[0] for text in model.items.texts])
    truth = np.array([log.codes("item")[code][0] for code in split.test.truth])
    asked = np.array([log.view.user_id[int(user)].as_py() != "late" for user in split.test.user])
    best = kind[scores.argmax(axis=1)]
    assert (best == truth)[asked].mean() > 0.9


def test_an_item_never_seen_is_ranked_by_its_title(split, fitted):
    log = split.log
    unseen = [text for text in log.codes("item") if text not in fitted.model.items.texts]
    assert unseen
    wider = fitted.model.with_items(log)
    assert wider.items.texts[: len(fitted.model.items)] == fitted.model.items.texts
    asked = np.array([log.view.user_id[int(user)].as_py() != "late" for user in split.test.user])
    scores = wider.score(log, split.test.user[asked], split.test.ends[asked])
    old = fitted.model.score(log, split.test.user[asked], split.test.ends[asked])
    np.testing.assert_allclose(scores[:, : old.shape[1]], old, rtol=1e-5, atol=1e-5)
    new = scores[:, old.shape[1] :]
    kind = np.array([text[0] for text in wider.items.texts[old.shape[1] :]])
    truth = np.array([log.codes("item")[code][0] for code in split.test.truth[asked]])
    known = np.isin(truth, kind)
    assert (kind[new.argmax(axis=1)] == truth)[known].mean() > 0.8


def test_the_curve_and_the_best_epoch_are_told(fitted):
    values = [row["NDCG@10"] for row in fitted.curve]
    assert fitted.epochs == len(values)
    assert values[fitted.chosen["best_epoch"] - 1] == max(values)
    assert [row["epoch"] for row in fitted.curve] == list(range(1, len(values) + 1))
    assert all(a["seconds"] <= b["seconds"] for a, b in pairwise(fitted.curve))


def test_what_is_kept_is_the_best_epoch(split, fitted):
    ranks = judge(fitted.model, split, split.valid)
    assert ndcg_at(ranks, 10).mean() == pytest.approx(max(row["NDCG@10"] for row in fitted.curve))


@pytest.mark.parametrize("loss", ["full", "sampled", "gbce"])
def test_every_loss_learns(split, loss):
    settings = {**TINY, "loss": loss, "n_negatives": 16, "max_epochs": 8}
    model = fit_model("behaviour", split, FitOptions(settings=settings)).model
    kind = np.array([text[0] for text in model.items.texts])
    best = kind[model.score(split.log, split.valid.user, split.valid.ends).argmax(axis=1)]
    truth = np.array([split.log.codes("item")[code][0] for code in split.valid.truth])
    assert (best == truth).mean() > 0.8


def test_the_time_of_the_answer_can_be_told():
    split = time_split_last(make_log(shop_table(120)))
    model = fit_model("behaviour", split, FitOptions(settings=TINY)).model
    asked = split.test.take(slice(20))
    plain = model.score(split.log, asked.user, asked.ends)
    told = model.score(split.log, asked.user, asked.ends, asked.time)
    later = model.score(split.log, asked.user, asked.ends, asked.time + 86_400_000_000)
    assert not np.allclose(plain, told)
    assert not np.allclose(told, later)


def test_words_are_saved_with_the_model(split, fitted, tmp_path):
    fitted.model.save(tmp_path)
    again = BehaviourNextItem.load(tmp_path).with_items(split.log)
    asked = split.test.take(slice(5))
    expected = fitted.model.with_items(split.log).score(split.log, asked.user, asked.ends)
    assert again.score(split.log, asked.user, asked.ends).tolist() == expected.tolist()


def test_an_interrupted_fit_ends_with_the_same_scores(split, tmp_path, monkeypatch):
    from cartpath.training.trainer import PathTrainer

    options = FitOptions(settings=TINY, folder=tmp_path / "whole")
    whole = fit_model("behaviour", split, options).model
    judged, plain = [], PathTrainer.evaluate

    def stop(self, *args, **kwargs):
        judged.append(1)
        if len(judged) == 2:
            raise KeyboardInterrupt
        return plain(self, *args, **kwargs)

    monkeypatch.setattr(PathTrainer, "evaluate", stop)
    options = FitOptions(settings=TINY, folder=tmp_path / "parts")
    with pytest.raises(KeyboardInterrupt):
        fit_model("behaviour", split, options)
    monkeypatch.setattr(PathTrainer, "evaluate", plain)
    again = fit_model("behaviour", split, options).model
    asked = split.test
    assert (whole.score(split.log, asked.user, asked.ends) == again.score(split.log, asked.user, asked.ends)).all()
