import pytest

torch = pytest.importorskip("torch")

from cartpath.training.average import Average  # noqa: E402


def test_the_average_is_that_of_the_formula():
    layer = torch.nn.Linear(1, 1, bias=False)
    average, expected = Average(layer, 0.9), layer.weight.item()
    for step in range(1, 200):
        with torch.no_grad():
            layer.weight.fill_(float(step))
        average.add()
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    with average.in_place():
        assert layer.weight.item() == pytest.approx(expected, rel=1e-5)
    assert layer.weight.item() == 199
    average.keep()
    assert layer.weight.item() == pytest.approx(expected, rel=1e-5)


def test_the_weights_come_back_after_an_error():
    layer = torch.nn.Linear(2, 2)
    average, before = Average(layer, 0.5), layer.weight.detach().clone()
    with torch.no_grad():
        layer.weight.add_(1)
    found = []

    def judge():
        found.append(layer.weight.clone())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), average.in_place():
        judge()
    assert torch.equal(found[0], before)
    assert torch.equal(layer.weight, before + 1)


def test_it_goes_on_where_it_was():
    layer = torch.nn.Linear(2, 2)
    one, other = Average(layer, 0.9), Average(layer, 0.9)
    with torch.no_grad():
        layer.weight.add_(1)
    one.add()
    other.load_state_dict(one.state_dict())
    assert other.steps == 1
    assert all(torch.equal(a, b) for a, b in zip(one.means, other.means, strict=True))
