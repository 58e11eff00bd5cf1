import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from safetensors import safe_open  # noqa: E402

from cartpath.models.adaptation import adapt, add_head, base_hash, load_adaptation  # noqa: E402
from cartpath.models.behaviour import BehaviourModel  # noqa: E402
from cartpath.schema import CartpathError  # noqa: E402
from tests.models.adapting import CASES, OTHER_KERNELS, batch, disturb, known, made  # noqa: E402

ABOUT, WEIGHTS = "adaptation.json", "adaptation.safetensors"


def saved(folder, method="lora", **settings):
    model = made()
    adapted = adapt(model, method, **settings)
    disturb(model)
    adapted.save(folder)
    return adapted


@pytest.mark.parametrize(("kind", "method"), CASES)
def test_saved_and_loaded_onto_the_base_is_the_same_to_the_bit(kind, method, tmp_path):
    model, inputs = made(kind), batch()
    adapted = adapt(model, method)
    disturb(model)
    adapted.save(tmp_path)
    again = load_adaptation(made(kind), tmp_path)
    assert torch.equal(known(again.model, *inputs), known(model, *inputs))
    assert (again.base, again.settings, again.trainable()) == (adapted.base, adapted.settings, adapted.trainable())


@pytest.mark.parametrize(("kind", "method"), CASES)
def test_the_whole_model_is_saved_with_what_was_inserted(kind, method, tmp_path):
    model, inputs = made(kind), batch()
    add_head(model, "churn", 2)
    adapt(model, method, tasks=["churn", "intent"])
    disturb(model)
    model.save_pretrained(tmp_path)
    again = BehaviourModel.from_pretrained(tmp_path).train(False)
    assert {name: weight.shape for name, weight in again.named_parameters()} == {
        name: weight.shape for name, weight in model.named_parameters()
    }
    tolerance = 2e-6 if kind in OTHER_KERNELS else 0.0
    torch.testing.assert_close(known(again, *inputs), known(model, *inputs), rtol=0, atol=tolerance)
    assert torch.equal(again.task_heads["churn"].weight, model.task_heads["churn"].weight)


def test_a_folded_model_is_saved_as_a_plain_one(tmp_path):
    adapted, inputs = saved(tmp_path / "lora"), batch()
    merged = adapted.merge()
    merged.save_pretrained(tmp_path / "merged")
    again = BehaviourModel.from_pretrained(tmp_path / "merged").train(False)
    assert list(again.state_dict()) == list(made().state_dict())
    assert torch.equal(known(again, *inputs), known(merged, *inputs))


@pytest.mark.parametrize("method", ["head", "top", "lora", "adapter", "prefix"])
def test_only_what_is_trained_is_on_disk(method, tmp_path):
    model = saved(tmp_path, method).model
    with safe_open(tmp_path / WEIGHTS, "pt") as file:
        found = set(file.keys())
    assert found == {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert sorted(path.name for path in tmp_path.iterdir()) == [ABOUT, WEIGHTS]


def test_it_brings_the_heads_it_was_trained_with(tmp_path):
    model = made()
    head = add_head(model, "spend", 3)
    adapted = adapt(model, "head", tasks=["spend"])
    disturb(model)
    adapted.save(tmp_path)
    again = load_adaptation(made(), tmp_path)
    assert again.tasks == ("spend",)
    assert torch.equal(again.model.task_heads["spend"].weight, head.weight)


def test_another_base_is_refused(tmp_path):
    made().save_pretrained(tmp_path / "first")
    made(seed=8).save_pretrained(tmp_path / "second")
    adapted = adapt(BehaviourModel.from_pretrained(tmp_path / "first"), "lora")
    adapted.save(tmp_path / "lora")
    other = BehaviourModel.from_pretrained(tmp_path / "second")
    names = list(other.state_dict())
    with pytest.raises(CartpathError) as told:
        load_adaptation(other, tmp_path / "lora")
    wanted, given = f"first ({adapted.base[:12]})", f"second ({base_hash(other)[:12]})"
    assert f"made for the base {wanted}; this model is {given}" in str(told.value)
    assert "fine-tune again from this one" in told.value.hint
    assert list(other.state_dict()) == names
    load_adaptation(BehaviourModel.from_pretrained(tmp_path / "first"), tmp_path / "lora")


def test_the_hash_is_of_all_that_rests_and_of_nothing_else():
    model = made(n_content=1)
    found = base_hash(model)
    assert found == base_hash(made(n_content=1))
    with torch.no_grad():
        model.intent.weight.add_(1)
    add_head(model, "churn")
    adapt(model, "lora")
    assert base_hash(model) == found
    model.content[3] = 1
    assert base_hash(model) != found
    model.content[3] = 0
    assert base_hash(model) == found
    last = model.backbone.blocks[1].feed.down.base_layer.bias
    with torch.no_grad():
        last[-1] = torch.nextafter(last[-1], torch.tensor(9.0))
    assert base_hash(model) != found


@pytest.mark.parametrize("content", [b"", b"short", None])
def test_a_damaged_file_is_told(content, tmp_path):
    saved(tmp_path)
    whole = (tmp_path / WEIGHTS).read_bytes()
    turned = bytearray(whole)
    turned[-3] ^= 1
    (tmp_path / WEIGHTS).write_bytes(bytes(turned) if content is None else content)
    with pytest.raises(CartpathError, match=r"is damaged: .* is not what was written"):
        load_adaptation(made(), tmp_path)
    (tmp_path / WEIGHTS).write_bytes(whole[:-1])
    with pytest.raises(CartpathError, match="is damaged"):
        load_adaptation(made(), tmp_path)
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(CartpathError, match="is damaged"):
        load_adaptation(made(), tmp_path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"settings": {"rank": 3}}, "not those of its method"),
        ({"settings": {"rank": "x"}}, "is damaged"),
        ({"settings": 5}, "is damaged"),
        ({"tasks": 5}, "is damaged"),
        ({"method": "head", "settings": {}}, "not those of its method"),
        ({"method": "other"}, "no method 'other'"),
        ({"format": 2}, "of format 2"),
        ({"base": None}, "lacks what it should say"),
    ],
)
def test_what_is_said_of_it_is_checked(change, told, tmp_path):
    saved(tmp_path)
    about = {**json.loads((tmp_path / ABOUT).read_text()), **change}
    (tmp_path / ABOUT).write_text(json.dumps({name: value for name, value in about.items() if value is not None}))
    with pytest.raises(CartpathError, match=told):
        load_adaptation(made(), tmp_path)


def test_a_folder_without_one_is_told(tmp_path):
    with pytest.raises(CartpathError, match="holds no adaptation"):
        load_adaptation(made(), tmp_path)
    saved(tmp_path)
    (tmp_path / ABOUT).write_text("{")
    with pytest.raises(CartpathError, match="damaged"):
        load_adaptation(made(), tmp_path)


def test_a_model_saved_before_there_were_other_heads_is_loaded(tmp_path):
    model, inputs = made(), batch()
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    kept = {name: value for name, value in config.items() if name not in ("task_heads", "adaptation")}
    assert len(kept) == len(config) - 2
    (tmp_path / "config.json").write_text(json.dumps(kept))
    again = BehaviourModel.from_pretrained(tmp_path).train(False)
    assert torch.equal(known(again, *inputs), known(model, *inputs))
