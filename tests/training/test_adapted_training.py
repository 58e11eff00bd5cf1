import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")
pytest.importorskip("peft")

from cartpath.models.adaptation import adapt, base_hash, load_adaptation  # noqa: E402
from cartpath.training.fitting import fit, torch_session  # noqa: E402
from cartpath.training.intent.network import IntentNetwork  # noqa: E402
from cartpath.training.plan import Plan  # noqa: E402
from cartpath.training.stream import Part  # noqa: E402
from tests.models.adapting import batch, known, made  # noqa: E402


class Paths:
    """Four batches of random paths an epoch; the answer is whether the event is of type 1."""

    def batches(self, epoch):
        return 4

    def part(self, epoch, number, part, parts):
        ids, seconds, session = batch(users=4, seed=10 * epoch + number)
        label = (ids[..., 0] < 7).float()
        inputs = {"ids": ids, "seconds": seconds, "session": session, "label": label, "weight": torch.ones(4, 7)}
        return Part(inputs | {"scale": torch.tensor([28.0, 1.0])}, 28, 28)


def trained(home, method, stop_at=None):
    """Train for two epochs, or until a step; goes on from there if called again."""
    model, steps = made(), []
    adapted = adapt(model, method)
    network = IntentNetwork(model)

    def told(message, share):
        steps.append(message)
        if len(steps) == stop_at:
            raise KeyboardInterrupt

    def judge():
        inputs = Paths().part(9, 0, 0, 1).inputs
        with torch.no_grad():
            return {"loss": float(network(**inputs)["loss"])}

    with torch_session(0):
        state = fit(network, Paths(), Plan(epochs=2, rate=0.03, save_every=0.0), home, "key", judge, told)
    return adapted, state


@pytest.mark.parametrize("method", ["lora", "adapter", "prefix"])
def test_the_trainer_trains_what_is_inserted_and_goes_on_where_it_was(method, tmp_path):
    whole, _ = trained(tmp_path / "a", method)
    fresh, inputs = made(), batch(seed=7)
    adapt(fresh, method)
    assert not torch.allclose(whole.model(*inputs), fresh(*inputs))
    assert (base_hash(whole.model) == whole.base) is (method != "adapter")
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "b", method, stop_at=3)
    resumed, state = trained(tmp_path / "b", method)
    assert state.resumed
    assert torch.equal(known(resumed.model, *inputs), known(whole.model, *inputs))
    whole.save(tmp_path / "saved")
    again = load_adaptation(made(), tmp_path / "saved").model
    assert torch.equal(known(again, *inputs), known(whole.model, *inputs))
