from collections import Counter

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from cartpath.models.adaptation import adapt, add_head  # noqa: E402
from cartpath.training.intent.network import IntentNetwork  # noqa: E402
from cartpath.training.layer_rates import rate_groups  # noqa: E402
from tests.models.adapting import CASES, made  # noqa: E402


def of_names(network, groups):
    """Rate and decay by name."""
    found = {id(weight): group for group in groups for weight in group["params"]}
    return {
        name: (found[id(weight)]["lr"], found[id(weight)]["weight_decay"])
        for name, weight in network.named_parameters()
        if id(weight) in found
    }


@pytest.mark.parametrize(("kind", "method"), CASES)
def test_each_trainable_parameter_is_there_once(kind, method):
    network = IntentNetwork(made(kind))
    adapt(network.model, method)
    groups = rate_groups(network, 1.0, 0.5, 0.1)
    found = Counter(id(weight) for group in groups for weight in group["params"])
    assert found == {id(weight): 1 for weight in network.parameters() if weight.requires_grad}
    assert all(group["params"] for group in groups)
    torch.optim.AdamW(groups)


def test_the_rate_halves_from_layer_to_layer_and_linear_maps_alone_decay():
    model = made()
    add_head(model, "churn")
    adapt(model, "full", tasks=["intent", "churn"])
    found = of_names(model, rate_groups(model, 1.0, 0.5, 0.1))
    assert len(found) == len(list(model.parameters()))
    expected = {
        "table.weight": (1 / 8, 0.0),
        "norm_in.weight": (1 / 8, 0.0),
        "backbone.bias.time": (1 / 8, 0.0),
        "backbone.blocks.0.attention.qkv.weight": (1 / 4, 0.1),
        "backbone.blocks.0.attention.qkv.bias": (1 / 4, 0.0),
        "backbone.blocks.1.gate_2.weight": (1 / 2, 0.1),
        "backbone.blocks.1.norm_2.weight": (1 / 2, 0.0),
        "backbone.norm.weight": (1.0, 0.0),
        "next_type.weight": (1.0, 0.1),
        "query.given.weight": (1.0, 0.0),
        "item_bias": (1.0, 0.0),
        "intent.weight": (1.0, 0.1),
        "task_heads.churn.bias": (1.0, 0.0),
    }
    assert {name: found[name] for name in expected} == expected


def test_new_parts_learn_as_the_layer_they_are_in():
    for method, name, decay in (
        ("lora", "backbone.blocks.0.attention.qkv.lora_A.default.weight", 0.1),
        ("adapter", "backbone.blocks.0.feed.down.bottleneck.up.weight", 0.1),
        ("prefix", "backbone.blocks.0.attention.prefix.key", 0.0),
    ):
        model = made()
        adapt(model, method)
        assert of_names(model, rate_groups(model, 1.0, 0.5, 0.1))[name] == (1 / 4, decay)


@pytest.mark.parametrize(
    ("kind", "rates"),
    [
        ("gru", {"table.weight": 1 / 8, "backbone.layers.weight_hh_l0": 1 / 4, "backbone.layers.bias_ih_l1": 1 / 2}),
        ("sasrec", {"backbone.place.weight": 1 / 8, "backbone.norm_1.0.bias": 1 / 4, "backbone.feed.1.0.bias": 1 / 2}),
        (
            "bert",
            {
                "backbone.into.weight": 1 / 8,
                "backbone.model.embeddings.LayerNorm.weight": 1 / 8,
                "backbone.model.encoder.layer.1.output.dense.weight": 1 / 2,
                "backbone.out.weight": 1.0,
            },
        ),
        ("gpt2", {"backbone.model.wpe.weight": 1 / 8, "backbone.model.h.0.ln_1.bias": 1 / 4}),
        ("llama", {"backbone.model.embed_tokens.weight": 1 / 8, "backbone.model.norm.weight": 1.0}),
    ],
)
def test_layers_of_every_backbone_are_known(kind, rates):
    model = made(kind)
    found = of_names(model, rate_groups(model, 1.0, 0.5, 0.1))
    assert {name: found[name][0] for name in rates} == rates


def test_decay_is_the_trainers():
    from cartpath.training.trainer import PathTrainer

    for kind in ("transformer", "sasrec", "bert", "gru"):
        network = IntentNetwork(made(kind))
        names = set(PathTrainer.get_decay_parameter_names(None, network))
        found = of_names(network, rate_groups(network, 1.0, 1.0, 0.1))
        assert {name for name, (_, decay) in found.items() if decay} == names & set(found)
