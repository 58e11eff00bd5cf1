import math
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath import store, training  # noqa: E402
from cartpath.features import encode, fit_encoder_over  # noqa: E402
from cartpath.models import Pretrained, current_version  # noqa: E402
from cartpath.models.query import DIFFERENT, QueryTime, gap_bucket  # noqa: E402
from cartpath.training import losses, windows  # noqa: E402
from cartpath.training.corpus import Corpus, all_times  # noqa: E402
from cartpath.training.losses import ItemLoss  # noqa: E402
from cartpath.training.negatives import Negatives  # noqa: E402
from cartpath.training.objective import Pretraining  # noqa: E402
from cartpath.training.pretrain import build_model  # noqa: E402
from cartpath.training.sampler import Sampler  # noqa: E402
from cartpath.training.targets import END, NONE, targets_before  # noqa: E402
from cartpath.training.windows import PathSource, answer_shares, held_out, judge_of  # noqa: E402
from tests.features.logs import shop_table  # noqa: E402
from tests.training.test_corpus import make_store  # noqa: E402

SETTINGS = {"hidden": 8, "heads": 2, "dropout": 0.0, "item_dropout": 0.0}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("objective") / "s", shop_table(60))


@pytest.fixture(scope="module")
def made(workspace):
    """A source of batches, and a model whose weights are far from zero."""
    with store.open_snapshot(workspace) as snapshot:
        until = int(np.quantile(np.concatenate(list(all_times(snapshot))), 0.8))
        corpus = Corpus(snapshot, until)
        encoder = fit_encoder_over(corpus.logs, until)
        torch.manual_seed(0)
        model = build_model(corpus.log([]), encoder, "tiny", SETTINGS)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(0.3 * torch.randn_like(weight))
            for part in model.modules():
                if isinstance(part, torch.nn.Embedding) and part.padding_idx is not None:
                    part.weight[part.padding_idx].zero_()
        yield PathSource(Sampler(corpus, 16, 128, seed=0), encoder), model, Corpus(snapshot, 2**62)


def minus_log(scores, right):
    scores = scores.double()
    return float(scores.exp().sum().log() - scores[right])


def by_hand(model, inputs):
    """The sums of the losses, event by event."""
    with torch.no_grad():
        hidden = model(inputs["ids"], inputs["seconds"], inputs["session"])
        types = items = gaps = 0.0
        vectors, bias = model.item_vectors(), model.item_bias.clone()
        bias[:2] = -math.inf
        for b in range(hidden.shape[0]):
            for t in range(hidden.shape[1]):
                here = hidden[b, t]
                kind, item, other = (int(inputs[name][b, t]) for name in ("next_type", "next_item", "different"))
                if kind != NONE:
                    types += minus_log(model.next_type(here), kind)
                if inputs["next_gap"][b, t] >= 0:
                    assert kind != END
                    gaps += minus_log(model.next_gap(here), int(gap_bucket(inputs["next_gap"][b, t])))
                for given, answer in ((kind, item), (DIFFERENT, other)):
                    if answer != NONE:
                        query = model.item_query(here[None], torch.tensor([given]))[0]
                        items += minus_log(vectors @ query + bias, answer)
    return types, items, gaps


def test_the_loss_is_the_sum_over_events_counted_by_hand(made):
    source, model, _ = made
    network = Pretraining(model, time_share=0.0).train()
    inputs = source.part(0, 0, 0, 1).inputs
    n_types, n_events, parts = inputs["counts"].tolist()
    assert n_types == int((inputs["next_type"] != NONE).sum())
    assert n_events == int((inputs["ids"][..., 0] > 0).sum())
    types, items, gaps = by_hand(model, inputs)
    assert min(types, items, gaps) > 0
    expected = types / n_types + (items + gaps) / n_events
    assert float(network(**inputs)["loss"].detach()) == pytest.approx(expected * parts, rel=1e-5)
    network.eval()
    with torch.no_grad():
        out = network(**inputs)
    assert [float(out[name]) for name in ("types", "items", "gaps")] == pytest.approx([types, items, gaps], rel=1e-5)


@pytest.mark.parametrize("parts", [2, 3, 50])
def test_the_mean_of_the_parts_is_the_batch(made, parts):
    source, model, _ = made
    network = Pretraining(model, time_share=0.0).train()
    whole = float(network(**source.part(0, 1, 0, 1).inputs)["loss"].detach())
    losses = [float(network(**source.part(0, 1, part, parts).inputs)["loss"].detach()) for part in range(parts)]
    assert sum(losses) / parts == pytest.approx(whole, rel=1e-5)


def test_times_of_answers_are_those_of_their_events(made):
    source, _, _ = made
    corpus = source.sampler.corpus
    log = corpus.log(corpus.blocks)
    encoded = encode(log, source.encoder)
    targets = targets_before(encoded, corpus.until)
    pool = source.sampler.pool(0, 0)
    starts, ends = source.sampler.windows(pool.blocks)
    rows, seen = pool.batches[0], 0
    inputs = source.part(0, 0, 0, 1).inputs
    for b, window in enumerate(rows):
        for t, event in enumerate(range(starts[window], ends[window])):
            for name, at in (("next", targets.next_at[event]), ("different", targets.different_at[event])):
                if at >= 0:
                    seen += 1
                    assert int(inputs[f"{name}_when"][b, t]) == log.view.ts[at] // 10**6
                    assert float(inputs[f"{name}_gap"][b, t]) == (log.view.ts[at] - log.view.ts[event]) / 10**6
    assert seen > 50


def test_held_out_questions_are_those_that_training_was_not_asked(made):
    source, model, whole = made
    since = source.sampler.corpus.until
    questions = held_out(whole, since, source.encoder, 16, 128)
    log = whole.log(whole.blocks)
    encoded = encode(log, source.encoder)
    later, known = targets_before(encoded, whole.until), targets_before(encoded, since)
    asked = int(((later.next_type != NONE) & (known.next_type == NONE)).sum())
    found = sum(int((inputs["next_type"] != NONE).sum()) for inputs in questions)
    # Of each user the latest window alone.
    assert 0 < found <= asked
    assert found > 0.8 * asked
    figures = judge_of(Pretraining(model), questions)()
    assert figures["loss"] == pytest.approx(figures["type_loss"] + figures["item_loss"])
    assert figures["item_loss"] != figures["item_loss_timed"]
    sums = np.sum([by_hand(model.eval(), inputs) for inputs in questions], axis=0)
    assert figures["type_loss"] == pytest.approx(sums[0] / found, rel=1e-5)


def test_the_time_of_the_answer_is_an_argument(made):
    _, model, _ = made
    hidden, given = torch.randn(2, 8), torch.tensor([2, 2])
    times = [QueryTime.at(torch.tensor([s, s]), torch.tensor([60.0, 60.0])) for s in (3600 * 5, 3600 * 17)]
    first, second = (model.item_query(hidden, given, time) for time in times)
    assert not torch.allclose(first, second)
    unknown = times[0].hidden_where(torch.tensor([True, True]))
    torch.testing.assert_close(model.item_query(hidden, given, unknown), model.item_query(hidden, given))


def test_bfloat16_is_about_the_same(workspace):
    options = {"epochs": 1, "tokens": 512, "settings": SETTINGS, "time_share": 0.0}
    exact, rounded = (training.pretrain(workspace, **options, bf16=half) for half in (False, True))
    assert rounded["plan"]["bf16"]
    assert rounded["losses"] == pytest.approx(exact["losses"], rel=0.02)
    assert rounded["losses"] != exact["losses"]


def test_shares_are_those_of_the_answers_of_an_epoch(made):
    source, _, _ = made
    counts = np.zeros(source.encoder.items.size)
    for batch in range(source.batches(0)):
        inputs = source.part(0, batch, 0, 1).inputs
        for name in ("next_item", "different"):
            for answer in inputs[name].flatten().tolist():
                if answer != NONE:
                    counts[answer] += 1
    assert (counts[:2] == 0).all()
    assert counts.sum() > 100
    np.testing.assert_allclose(answer_shares(source.sampler.corpus, source.encoder), counts / counts.sum(), rtol=1e-6)


def test_a_sample_of_all_items_is_the_softmax_over_all(made):
    source, model, _ = made
    inputs = source.part(0, 0, 0, 1).inputs
    shares = answer_shares(source.sampler.corpus, source.encoder)
    # So many draws that each item is among them.
    sampled = ItemLoss("sampled", Negatives("mixed", 5000, shares))
    ours, full = (Pretraining(model, 0.0, loss).train()(**inputs)["loss"] for loss in (sampled, ItemLoss()))
    assert float(ours.detach()) == pytest.approx(float(full.detach()), rel=1e-5)
    few = ItemLoss("sampled", Negatives("uniform", 2, shares))
    assert float(Pretraining(model, 0.0, few).train()(**inputs)["loss"].detach()) < float(full.detach()) - 1e-3


def test_many_items_are_learnt_by_a_sample_and_judged_by_all(tmp_path, monkeypatch):
    workspace = make_store(tmp_path / "s", shop_table(150))
    options = {"epochs": 2, "tokens": 512, "settings": SETTINGS, "resume": False}
    full = training.pretrain(workspace, **options)
    monkeypatch.setattr(losses, "FULL_SOFTMAX", 5)
    monkeypatch.setattr(sys.modules["cartpath.training.pretrain"], "_DRAWN", 6)
    sampled = training.pretrain(workspace, **options)
    assert (full["item_loss"], sampled["item_loss"]) == ("full", "sampled")
    # The corrected sample stands for all, and judged are both among all.
    assert sampled["losses"] == pytest.approx(full["losses"], rel=0.02)
    assert sampled["losses"] != full["losses"]
    ours, theirs = (card["validation"][-1]["item_loss"] for card in (sampled, full))
    assert ours == pytest.approx(theirs, rel=0.1)
    assert ours != theirs


def test_judged_are_as_many_places_as_there_is_time_for(made, monkeypatch):
    source, _, whole = made
    since = source.sampler.corpus.until
    all_of_them = held_out(whole, since, source.encoder, 16, 128)
    monkeypatch.setattr(windows, "MOST_SCORES", 50 * source.encoder.items.size)
    some = held_out(whole, since, source.encoder, 16, 128)
    events = [sum(int((inputs["ids"][..., 0] > 0).sum()) for inputs in found) for found in (some, all_of_them)]
    assert 50 - 16 < events[0] <= 50 < events[1]


def test_pretraining_goes_on_from_a_model_of_a_folder(workspace, tmp_path):
    transformers = pytest.importorskip("transformers")
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    inner = transformers.BertModel(transformers.BertConfig(vocab_size=5, **shape))
    inner.save_pretrained(tmp_path)
    card = training.pretrain(workspace, epochs=4, tokens=128, settings=SETTINGS, resume=False, backbone=tmp_path)
    assert (card["loaded"], card["config"]["backbone"]) == (str(tmp_path), "huggingface")
    assert card["losses"][-1] < card["losses"][0]
    words = Pretrained.load(current_version(workspace, "behaviour", "")).model.backbone.model.embeddings
    # No word is ever read, so their vectors are those of the folder.
    assert torch.equal(words.word_embeddings.weight, inner.embeddings.word_embeddings.weight)
    assert not torch.equal(words.position_embeddings.weight, inner.embeddings.position_embeddings.weight)
