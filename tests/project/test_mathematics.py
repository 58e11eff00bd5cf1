"""The page of formulas: its links lead to the lines that it quotes, and the formulas give the numbers of the code."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath.evaluation import brier_score, conformal_quantile, fit_conformal_quantiles, log_loss  # noqa: E402
from cartpath.models import weight_shift  # noqa: E402
from cartpath.models.behaviour import BehaviourConfig, BehaviourModel  # noqa: E402
from cartpath.models.lifetime import BgNbd, GammaGamma, Rfm  # noqa: E402
from cartpath.tasks import LogScale  # noqa: E402
from cartpath.training.fitting import fit  # noqa: E402
from cartpath.training.intent.network import IntentNetwork  # noqa: E402
from cartpath.training.item_losses import full_softmax  # noqa: E402
from cartpath.training.plan import Plan, schedule  # noqa: E402
from cartpath.training.stream import Part  # noqa: E402

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mathematics.md"
LINKS = re.findall(r"\[`([^`]+)`\]\(([^)#]+)(?:#L(\d+))?\)", PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("quoted", "file", "line"), LINKS)
def test_every_link_leads_to_the_line_it_quotes(quoted, file, line):
    text = (PAGE.parent / file).read_text(encoding="utf-8")
    found = [number for number, row in enumerate(text.splitlines(), 1) if quoted in row]
    assert found, f"{quoted} is not in {file}"
    assert not line or int(line) in found, f"{quoted} is at {found} of {file}, not at {line}"


def test_the_page_links_to_code():
    assert len(LINKS) > 12


def test_cross_entropy_over_all_items():
    query, vectors = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.5, 0.0], [0.0, 1.0], [1.0, 1.0]])
    z = [0.5 + 0.1, 2.0 + 0.2, 3.0 + 0.3]
    expected = math.log(sum(math.exp(score) for score in z)) - z[1]
    found = full_softmax(query, vectors, torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1]), False)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def tiny_network():
    torch.manual_seed(0)
    shape = {"hidden": 8, "layers": 1, "heads": 1, "dropout": 0.0, "input_dropout": 0.0, "item_dropout": 0.0}
    return IntentNetwork(BehaviourModel(BehaviourConfig(**shape)))


def questions(network):
    fields = network.model.config.n_fields
    return {
        "ids": torch.ones(1, 3, fields, dtype=torch.long),
        "seconds": torch.tensor([[0.0, 1.0, 5.0]]),
        "session": torch.zeros(1, 3, dtype=torch.long),
        "label": torch.tensor([[1.0, 0.0, 0.0]]),
        "weight": torch.tensor([[3.0, 0.0, 1.0]]),
        "scale": torch.tensor([4.0, 1.0]),
    }


def test_binary_cross_entropy_is_a_weighted_mean():
    network = tiny_network().eval()
    inputs = questions(network)
    with torch.no_grad():
        z = network.model.intent(network.model(inputs["ids"], inputs["seconds"], inputs["session"]))[0, :, 0].tolist()
        found = float(network(**inputs)["loss"])
    first, third = 1 / (1 + math.exp(-z[0])), 1 / (1 + math.exp(-z[2]))
    assert found == pytest.approx((3 * -math.log(first) - math.log(1 - third)) / 4, rel=1e-5)


def test_reported_losses():
    labels, p = np.array([1, 0]), np.array([0.8, 0.4])
    assert log_loss(labels, p) == pytest.approx(-(math.log(0.8) + math.log(0.6)) / 2)
    assert brier_score(labels, p) == pytest.approx((0.2**2 + 0.4**2) / 2)


def test_a_weight_moves_the_log_odds_by_its_logarithm():
    # 1 positive in 4 weighs 3: the weighted share is 3 / 6, which the shift brings back to 1 / 4.
    weighted = math.log((3 / 6) / (3 / 6))
    assert float(weight_shift(3.0).apply(np.array([weighted]))[0]) == pytest.approx(1 / 4)


def test_amounts_come_back_by_smearing():
    predicted, amount = np.log1p(np.array([1.0, 3.0])), np.array([3.0, 1.0])
    residuals = [math.log(4 / 2), math.log(2 / 4)]
    expected = math.exp(math.log1p(1.0)) * sum(math.exp(r) for r in residuals) / 2 - 1
    assert LogScale.fit(predicted, amount).amount(predicted)[0] == pytest.approx(expected)


def test_dropout_keeps_the_mean_and_does_nothing_when_scoring():
    model = BehaviourModel(BehaviourConfig(dropout=0.4))
    dropout, ones = model.backbone.blocks[0].dropout, torch.ones(100_000)
    torch.manual_seed(0)
    dropped = dropout.train()(ones)
    kept = (dropped > 0).float().mean()
    assert float(kept) == pytest.approx(0.6, abs=0.01)
    assert dropped[dropped > 0].unique().tolist() == pytest.approx([1 / 0.6])
    assert torch.equal(dropout.eval()(ones), ones)


class Once:
    """One batch of one part, an epoch."""

    def __init__(self, inputs):
        self.inputs = inputs

    def batches(self, epoch):
        return 1

    def part(self, epoch, batch, part, parts):
        return Part(dict(self.inputs), 3, 3)


def test_the_update_is_adamw_with_decoupled_decay(tmp_path):
    network = tiny_network()
    inputs, decay, peak = questions(network), 0.3, 1e-2
    weights = {name: value.detach().double().clone() for name, value in network.named_parameters()}
    network.zero_grad()
    network(**inputs)["loss"].backward()
    gradient = {
        name: value.grad.double().clone() for name, value in network.named_parameters() if value.grad is not None
    }
    network.zero_grad()
    fit(network, Once(inputs), Plan(epochs=1, rate=peak, weight_decay=decay, clip=0.5), tmp_path, "key")
    norm = math.sqrt(sum(float((g**2).sum()) for g in gradient.values()))
    scale, rate = min(1.0, 0.5 / norm), peak * schedule(0.0)
    after = dict(network.named_parameters())
    linear = {f"{name}.weight" for name, part in network.named_modules() if isinstance(part, torch.nn.Linear)}
    for name, g in gradient.items():
        g = g * scale
        m, v = 0.1 * g / (1 - 0.9), 0.001 * g**2 / (1 - 0.999)
        expected = weights[name] - rate * (decay if name in linear else 0.0) * weights[name]
        expected = expected - rate * m / (v.sqrt() + 1e-8)
        torch.testing.assert_close(after[name].double(), expected, rtol=1e-4, atol=1e-6, msg=name)


def test_the_rate_rises_then_falls_along_a_cosine():
    assert schedule(0.025) == pytest.approx(0.1 + 0.9 / 2)
    assert schedule(0.525) == pytest.approx(0.05 + 0.95 / 2)


def test_buyers_by_the_formulas_of_the_page():
    # r, alpha, a, b = 2, 3, 2, 2; x = 2, t = 1, T = 3, h = 6: A = 6^-4, A later = 12^-4, D = 2/3 4^-4.
    columns = (np.array([of]) for of in (2.0, 1.0, 3.0, 2.0, 5.0))
    model, buyer = BgNbd(2, 3, 2, 2), Rfm(np.zeros(1, np.int64), *columns)
    here, later, gone = 6.0**-4, 12.0**-4, 2 / 3 * 4.0**-4
    # G(4) 3^2 / G(2) = 54, and B(2, 4) / B(2, 2) = (1/20) / (1/6).
    assert np.exp(model.log_likelihood(buyer))[0] == pytest.approx(54 * 6 / 20 * (here + gone))
    assert model.alive(buyer)[0] == pytest.approx(here / (here + gone))
    assert model.none_within(buyer, 6)[0] == pytest.approx((later + gone) / (here + gone))
    # z = 1/2, c = 5: 2F1(1, 1; 5; z) as its series.
    series = sum(math.factorial(n) * math.factorial(4) / math.factorial(4 + n) / 2**n for n in range(60))
    assert model.purchases(buyer, 6)[0] == pytest.approx(here / (here + gone) * 5 * (1 - series / 2))
    # p, q, gamma = 2, 3, 4 after two amounts of 5 on average.
    assert GammaGamma(2, 3, 4).amount(buyer)[0] == pytest.approx(2 * (4 + 2 * 5) / (2 * 2 + 3 - 1))


def test_conformal_intervals_by_the_formulas_of_the_page():
    errors = np.array([4.0, 1.0, 3.0, 2.0])
    # ceil(5 * 0.7) = 4, ceil(5 * 0.6) = 3.
    assert [conformal_quantile(errors, level) for level in (0.7, 0.6)] == [4.0, 3.0]
    # max(0 - y, y - 1) of 3, -4 and 0.5 is 2, 4 and -0.5; ceil(4 * 0.5) = 2.
    assert fit_conformal_quantiles(np.array([3.0, -4.0, 0.5]), np.zeros(3), np.ones(3), 0.5).reach == 2.0
