import math

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402

from cartpath.schema import CartpathError  # noqa: E402
from cartpath.training import item_losses  # noqa: E402
from cartpath.training.item_losses import bce, full_softmax, gbce, sampled_softmax  # noqa: E402
from cartpath.training.negatives import STRATEGIES, Negatives  # noqa: E402


def drawn(n=9, m=11, d=4):
    torch.manual_seed(0)
    made = torch.randn(n, d), torch.randn(m, d), torch.randn(m)
    return [part.requires_grad_() for part in made], torch.randint(0, m, (n,))


@pytest.mark.parametrize("chunk", [1, 25, 10_000])
def test_the_full_softmax_and_its_gradients_are_those_of_pytorch(chunk, monkeypatch):
    monkeypatch.setattr(item_losses, "CHUNK", chunk)
    (query, vectors, bias), truth = drawn()
    expected = F.cross_entropy(query @ vectors.T + bias, truth)
    wanted = torch.autograd.grad(expected * 3, (query, vectors, bias))
    found = full_softmax(query, vectors, bias, truth)
    assert found.item() == pytest.approx(expected.item(), abs=1e-6)
    for one, other in zip(torch.autograd.grad(found * 3, (query, vectors, bias)), wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_the_full_softmax_holds_no_more_scores_than_a_chunk(monkeypatch):
    """Memory: no tensor of queries times items is ever made."""
    monkeypatch.setattr(item_losses, "CHUNK", 100)
    largest = 0

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            out = function(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor):
                largest = max(largest, out.numel())
            return out

    query, vectors = torch.randn(400, 2), torch.randn(50, 2)
    with Watch():
        full_softmax(query, vectors, torch.zeros(50), torch.zeros(400, dtype=torch.long))
    assert largest <= 800  # of the queries themselves


def test_bfloat16_is_near():
    (query, vectors, bias), truth = drawn()
    exact, near = full_softmax(query, vectors, bias, truth), full_softmax(query, vectors, bias, truth, half=True)
    assert near.item() == pytest.approx(exact.item(), rel=0.02)


def test_items_left_out_get_no_gradient():
    (query, vectors, _), _ = drawn()
    bias = torch.zeros(11)
    bias[:2] = float("-inf")
    full_softmax(query, vectors, bias, torch.full((9,), 5)).backward()
    assert (vectors.grad[:2] == 0).all()
    assert (vectors.grad[2:] != 0).all()


def test_binary_losses_by_hand():
    # log(1 + e^-1) for the truth, log(1 + e^2) for the draw.
    right, wrong = torch.tensor([1.0]), torch.tensor([[2.0]])
    by_hand = math.log1p(math.exp(-1)) + math.log1p(math.exp(2))
    assert bce(right, wrong).item() == pytest.approx(by_hand, rel=1e-6)
    # One draw of 4 others: alpha = 1/4; t = 1 gives beta = alpha * (1 - 4 + 4) = 1/4, t = 0 gives beta = 1.
    truth, ids = torch.tensor([7]), torch.tensor([3])
    for t, beta in ((1.0, 0.25), (0.0, 1.0)):
        expected = beta * math.log1p(math.exp(-1)) + math.log1p(math.exp(2))
        assert gbce(right, wrong, truth, ids, 5, t).item() == pytest.approx(expected, rel=1e-6)


def test_the_truth_is_not_its_own_negative():
    right, others = torch.tensor([1.0, 1.0]), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    truth, ids = torch.tensor([4, 9]), torch.tensor([4, 5])
    # First row: softmax over (1, 0); second over (1, 1, 0).
    first = math.log(math.e + 1) - 1
    second = math.log(2 * math.e + 1) - 1
    assert sampled_softmax(right, others, truth, ids).item() == pytest.approx((first + second) / 2, rel=1e-6)
    binary = gbce(right, others, truth, ids, 3, 0.0)
    expected = [math.log1p(math.exp(-1)) + math.log(2), math.log1p(math.exp(-1)) + math.log1p(math.e) + math.log(2)]
    assert binary.item() == pytest.approx(sum(expected) / 2, rel=1e-6)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_draws_are_as_likely_as_they_say(strategy):
    torch.manual_seed(0)
    shares = torch.tensor([0, 0, 0.5, 0.3, 0.15, 0.05])
    sampler = Negatives(strategy, 2, shares)
    rounds, often, said = 20_000, torch.zeros(6), torch.zeros(6)
    for _ in range(rounds):
        ids, log_q = sampler.draw(torch.multinomial(shares, 3, replacement=True))
        often[ids] += 1
        said[ids] = log_q.exp()
    assert (often[:2] == 0).all()
    torch.testing.assert_close(often / rounds, said, rtol=0.03, atol=0.005)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_corrected_sum_is_unbiased(strategy):
    torch.manual_seed(1)
    shares, scores = torch.tensor([0, 0, 0.5, 0.3, 0.15, 0.05]), torch.tensor([0, 0, 0.1, 1.0, -1.0, 2.0])
    sampler, sums = Negatives(strategy, 2, shares), []
    for _ in range(20_000):
        ids, log_q = sampler.draw(torch.multinomial(shares, 3, replacement=True))
        sums.append((scores[ids] - log_q).exp().sum())
    assert torch.stack(sums).mean().item() == pytest.approx(scores[2:].exp().sum().item(), rel=0.03)


def test_unknown_negatives_are_told():
    with pytest.raises(CartpathError, match="no negatives 'hard'"):
        Negatives("hard", 1, torch.ones(3))
