from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from cartpath import models  # noqa: E402
from cartpath.models.backbones import BACKBONES  # noqa: E402
from cartpath.models.behaviour import BehaviourModel  # noqa: E402
from cartpath.models.behaviour_config import BehaviourConfig, config_for  # noqa: E402
from cartpath.models.presets import PRESETS  # noqa: E402
from cartpath.models.query import ANY, QueryTime  # noqa: E402
from cartpath.schema import CartpathError  # noqa: E402

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 5}
INNER = {
    "bert": {"model_type": "bert", **SMALL},
    "gpt2": {"model_type": "gpt2", "n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": 5},
    "llama": {"model_type": "llama", **SMALL, "num_key_value_heads": 2},
}
KINDS = [(name, {}) for name in BACKBONES if name != "huggingface"]
KINDS += [("huggingface", inner) for inner in INNER.values()]


def made(kind, inner, **shape):
    config = BehaviourConfig(
        table=40, n_fields=3, n_events=3, n_items=10, item_offset=5, hidden=8, heads=2, backbone=kind,
        huggingface=inner, **shape,
    )  # fmt: skip
    torch.manual_seed(3)
    model = BehaviourModel(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
        model.table.weight[0].zero_()
    return model.train(False)


def batch(length=7):
    torch.manual_seed(1)
    ids = torch.randint(1, 15, (2, length, 3))
    return ids, torch.rand(2, length).cumsum(1) * 100, torch.arange(length).expand(2, length) // 3


@pytest.mark.parametrize(("kind", "inner"), KINDS)
def test_what_comes_later_changes_nothing(kind, inner):
    model, (ids, seconds, session) = made(kind, inner), batch()
    with torch.no_grad():
        before = model(ids, seconds, session)
        later = ids.clone()
        later[:, 4:] = 2
        after = model(later, seconds + torch.tensor([0, 0, 0, 0, 9.0, 9, 9]), session)
    torch.testing.assert_close(before[:, :4], after[:, :4], rtol=0, atol=1e-6)
    assert not torch.allclose(before[:, 4:], after[:, 4:])


@pytest.mark.parametrize(("kind", "inner"), KINDS)
def test_padding_changes_nothing(kind, inner):
    model, (ids, seconds, session) = made(kind, inner), batch()
    padded = [torch.cat([part, torch.zeros_like(part[:, :3])], 1) for part in (ids, seconds, session)]
    with torch.no_grad():
        torch.testing.assert_close(model(ids, seconds, session), model(*padded)[:, :7], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("kind", "inner"), KINDS)
def test_saved_and_loaded_is_the_same(kind, inner, tmp_path):
    model, inputs = made(kind, inner, n_text=4, n_content=1), batch()
    model.text.normal_()
    model.save_pretrained(tmp_path)
    again = BehaviourModel.from_pretrained(tmp_path).train(False)
    with torch.no_grad():
        assert torch.equal(model(*inputs), again(*inputs))
        assert torch.equal(model.item_vectors(), again.item_vectors())


@pytest.mark.parametrize(
    "shape", [{"gated": False}, {"feed": "gelu"}, {"relative_position": False, "time_bias": False}]
)
def test_each_choice_of_the_recipe_is_a_choice(shape):
    inputs = batch()
    with torch.no_grad():
        assert not torch.allclose(made("transformer", {})(*inputs), made("transformer", {}, **shape)(*inputs))


def test_time_between_events_matters_only_with_its_bias():
    ids, seconds, session = batch()
    with torch.no_grad():
        for wanted in (True, False):
            model = made("transformer", {}, time_bias=wanted)
            same = torch.allclose(model(ids, seconds, session), model(ids, seconds * 1000, session))
            assert same is not wanted


def test_unknown_names_are_told():
    with pytest.raises(CartpathError, match="no backbone 'abacus'"):
        BehaviourModel(BehaviourConfig(backbone="abacus"))
    with pytest.raises(CartpathError, match="no configuration"):
        BehaviourModel(BehaviourConfig(backbone="huggingface"))


def test_presets_grow(monkeypatch):
    from cartpath.features import fit_encoder
    from tests.features.logs import make_log, random_table

    encoder = fit_encoder(make_log(random_table(1, users=5)), 2**62)
    sizes = [sum(p.numel() for p in BehaviourModel(config_for(encoder, name)).parameters()) for name in PRESETS]
    assert sizes == sorted(sizes)
    with pytest.raises(CartpathError, match="no size 'huge'"):
        config_for(encoder, "huge")


@pytest.mark.parametrize("name", PRESETS)
def test_the_table_of_sizes_is_that_of_the_networks(name):
    shape = PRESETS[name]
    model = BehaviourModel(BehaviourConfig(table=10, n_events=14, n_items=10, **shape))
    fields = ("table.weight", "item_bias")
    network = sum(weight.numel() for key, weight in model.named_parameters() if key not in fields)
    said = [f"`{name}`", *(str(shape[key]) for key in ("hidden", "layers", "heads", "window"))]
    said += [f"{network:,}", f"{network + 20_000 * shape['hidden']:,}"]
    assert f"| {' | '.join(said)} |" in (Path(__file__).parents[2] / "docs" / "model.md").read_text()


def test_a_new_query_is_the_identity_and_an_unknown_time_says_nothing():
    model = BehaviourModel(BehaviourConfig(hidden=8, heads=2)).train(False)
    hidden, given = torch.randn(4, 8), torch.full((4,), ANY)
    assert torch.allclose(model.item_query(hidden, given), hidden)
    with torch.no_grad():
        for table in (model.query.gap, model.query.hour, model.query.weekday):
            table.weight[1:] = torch.randn_like(table.weight[1:])
    when = QueryTime.at(torch.tensor([1e9] * 4).long(), torch.tensor([5.0] * 4))
    assert not torch.allclose(model.item_query(hidden, given, when), hidden)
    nothing = when.hidden_where(torch.ones(4, dtype=torch.bool))
    assert torch.allclose(model.item_query(hidden, given, nothing), hidden)


def saved(folder, name, **change):
    torch.manual_seed(7)
    inner = transformers.AutoModel.from_config(transformers.AutoConfig.for_model(**{**INNER[name], **change}))
    inner.save_pretrained(folder)
    return inner


@pytest.mark.parametrize("hidden", [8, 16])
@pytest.mark.parametrize("name", INNER)
def test_a_loaded_backbone_has_the_weights_of_its_folder(name, hidden, tmp_path):
    inner = saved(tmp_path / "theirs", name)
    config = BehaviourConfig(table=40, n_fields=3, n_events=3, n_items=10, item_offset=5, hidden=hidden, heads=2)
    model = models.from_huggingface(tmp_path / "theirs", config).train(False)
    ours = model.backbone.model.state_dict()
    assert ours.keys() == inner.state_dict().keys()
    assert all(torch.equal(ours[key], value) for key, value in inner.state_dict().items())
    assert (model.config.backbone, model.config.hidden, model.config.n_items) == ("huggingface", hidden, 10)
    ids, seconds, session = batch()
    with torch.no_grad():
        before = model(ids, seconds, session)
        ids[:, 4:] = 2
        torch.testing.assert_close(model(ids, seconds, session)[:, :4], before[:, :4], rtol=0, atol=1e-6)
        model.save_pretrained(tmp_path / "ours")
        again = BehaviourModel.from_pretrained(tmp_path / "ours").train(False)
        assert torch.equal(again(ids, seconds, session), model(ids, seconds, session))


def test_models_that_cannot_stand_in_a_path_are_refused(tmp_path):
    with pytest.raises(CartpathError, match="no model that can be loaded"):
        models.from_huggingface(tmp_path / "nothing", BehaviourConfig())
    saved(tmp_path / "short", "bert", max_position_embeddings=64)
    with pytest.raises(CartpathError, match="64 places, fewer than the window of 128"):
        models.from_huggingface(tmp_path / "short", BehaviourConfig())
    t5 = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2, "vocab_size": 5}
    transformers.T5Model(transformers.T5Config(**t5)).save_pretrained(tmp_path / "t5")
    with pytest.raises(CartpathError, match="decoder apart"):
        models.from_huggingface(tmp_path / "t5", BehaviourConfig())
    transformers.FNetModel(transformers.FNetConfig(**SMALL)).save_pretrained(tmp_path / "fnet")
    with pytest.raises(CartpathError, match="sees what comes later"):
        models.from_huggingface(tmp_path / "fnet", BehaviourConfig())
    pictures = transformers.ViTConfig(**{**SMALL, "image_size": 4, "patch_size": 2})
    transformers.ViTModel(pictures).save_pretrained(tmp_path / "vit")
    with pytest.raises(CartpathError, match="vectors and a mask"):
        models.from_huggingface(tmp_path / "vit", BehaviourConfig())
