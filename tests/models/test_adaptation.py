import copy
import re

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from cartpath.models.adaptation import METHODS, adapt, add_head, base_hash, head_of, trainable  # noqa: E402
from cartpath.models.adaptation.prefix import Prefix  # noqa: E402
from cartpath.models.attention import PathBias, SelfAttention  # noqa: E402
from cartpath.schema import CartpathError  # noqa: E402
from tests.models.adapting import CASES, OTHER_KERNELS, REFUSED, batch, disturb, known, made, train  # noqa: E402

#: Of two layers, the second; and norms. The final norm of ours is "backbone.norm", of Transformers' "norm" or "ln_f".
SECOND = r"backbone\.(blocks|attention|norm_1|norm_2|feed|model\.(encoder\.layer|h|layers))\.1\.|backbone\.layers.*_l1$"
LAST = r"backbone\.(norm|out)\.|backbone\.model\.(norm|ln_f|pooler)\."
NORM = r"backbone\..*(norm|norm_[12](\.\d)?|ln_[12f]|LayerNorm|layernorm)\.(weight|bias)$"
#: What intent does not read: heads of pretraining, items' content, words and summaries of Transformers' models.
UNUSED = r"next_|query\.|item_bias|content$|text$|backbone\.model\.(pooler|wte|embed_tokens|embeddings\.word)"


def trained_by(method, name):
    """Said once more, by names alone."""
    rules = {"full": r"", "head": r"$^", "top": f"{SECOND}|{LAST}", "lora": r".*\.lora_[AB]\."}
    rules |= {"adapter": rf".*\.bottleneck\.|{NORM}", "prefix": r".*\.prefix\."}
    return name.startswith("intent.") or re.match(rules[method], name) is not None


@pytest.mark.parametrize(("kind", "method"), CASES)
def test_what_is_trained_changes_and_all_else_is_the_same_to_the_bit(kind, method):
    model = made(kind)
    adapted = adapt(model, method)
    before = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
    train(model, 3)
    after = model.state_dict()
    assert after.keys() == before.keys()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed == {name for name in after if trained_by(method, name) and not re.match(UNUSED, name)}
    assert (base_hash(model) == adapted.base) is (method in ("head", "lora", "prefix"))


@pytest.mark.parametrize(("kind", "method"), [case for case in CASES if case[1] != "prefix"])
def test_the_start_says_what_the_base_says(kind, method):
    model, inputs = made(kind), batch()
    before = known(model, *inputs)
    adapt(model, method)
    tolerance = 2e-6 if kind in OTHER_KERNELS else 0.0
    torch.testing.assert_close(known(model, *inputs), before, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("kind", "method"), CASES)
def test_what_comes_later_changes_nothing(kind, method):
    model, (ids, seconds, session) = made(kind), batch()
    adapt(model, method)
    disturb(model)
    before = known(model, ids, seconds, session)
    later = ids.clone()
    later[:, 4:] = 2
    after = known(model, later, seconds + torch.tensor([0, 0, 0, 0, 9.0, 9, 9]), session)
    torch.testing.assert_close(before[:, :4], after[:, :4], rtol=0, atol=1e-6)
    assert not torch.allclose(before[:, 4:], after[:, 4:])


@pytest.mark.parametrize(("kind", "method"), CASES)
def test_padding_changes_nothing(kind, method):
    model, inputs = made(kind), batch()
    adapt(model, method)
    disturb(model)
    padded = [torch.cat([part, torch.zeros_like(part[:, :3])], 1) for part in inputs]
    torch.testing.assert_close(known(model, *inputs), known(model, *padded)[:, :7], rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("method", METHODS)
def test_each_way_learns(method):
    model = made()
    adapt(model, method)
    losses = train(model, 30)
    assert min(losses[-5:]) < losses[0] * (0.95 if method in ("head", "prefix") else 0.6)


@pytest.mark.parametrize(("method", "rate"), [("lora", 0.03), ("adapter", 0.03), ("prefix", 0.3)])
def test_what_is_inserted_learns_beside_a_head_that_rests(method, rate):
    model = made()
    adapt(model, method)
    model.intent.requires_grad_(False)
    losses = train(model, 30, rate)
    assert min(losses[-5:]) < losses[0] * 0.85


@pytest.mark.parametrize(
    ("method", "settings", "expected"),
    [
        # The head of 8 inputs: 9. Everything: table 40 x 8, norm 16, biases of 32 distances, 64 times and sessions
        # by 2 heads, two blocks (below), norm 16, types 27, gaps 40 x 9, query (3 + 40 + 25 + 8) x 16 + 72, items.
        ("full", {}, 320 + 16 + 194 + 2 * 888 + 16 + 27 + 360 + 1288 + 10 + 9),
        ("head", {}, 9),
        # A block: qkv 8 x 24 + 24, out 72, up 8 x 32 + 32, down 16 x 8 + 8, gates 2 x 72, norms 2 x 16; last norm 16.
        ("top", {}, 216 + 72 + 288 + 136 + 144 + 32 + 16 + 9),
        ("top", {"layers": 2}, 2 * 888 + 16 + 9),
        # Rank times inputs and outputs: qkv 8 + 24, out 16, up 8 + 32, down 16 + 8, gates 2 x 16; two layers.
        ("lora", {}, 2 * 8 * (32 + 16 + 40 + 24 + 32) + 9),
        ("lora", {"rank": 2}, 2 * 2 * 144 + 9),
        # Four of 8 x 16 + 16 and 16 x 8 + 8; five norms of 16.
        ("adapter", {}, 4 * 280 + 80 + 9),
        ("adapter", {"size": 4, "norms": False}, 4 * (36 + 40) + 9),
        # Two layers, keys and values, 8 wide over the heads.
        ("prefix", {"length": 5}, 2 * 2 * 5 * 8 + 9),
    ],
)
def test_counts_are_those_worked_out_by_hand(method, settings, expected):
    model = made()
    adapted = adapt(model, method, **settings)
    found = adapted.trainable()
    inserted = expected - 9 - 80 * settings.get("norms", True) if method == "adapter" else expected - 9
    every = 4016 + (inserted if method in ("lora", "adapter", "prefix") else 0)
    assert found == trainable(model) == {"trainable": expected, "all": every, "share": expected / every}


@pytest.mark.parametrize("method", ["lora", "adapter", "prefix"])
def test_new_weights_are_those_of_the_seed(method):
    models = [made() for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        torch.manual_seed(int(torch.randint(99, ())))
        state = torch.random.get_rng_state()
        adapt(model, method, seed=seed)
        assert torch.equal(torch.random.get_rng_state(), state)
    one, same, other = (torch.cat([weight.flatten() for weight in model.parameters()]) for model in models)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_training_is_the_same_again():
    assert train(adapt(made(), "adapter").model, 4) == train(adapt(made(), "adapter").model, 4)


def test_a_copy_has_parts_of_its_own():
    for method in ("lora", "adapter", "prefix"):
        model, inputs = made(), batch()
        adapt(model, method)
        disturb(model)
        before, other = known(model, *inputs), copy.deepcopy(model)
        assert torch.equal(known(other, *inputs), before)
        disturb(other, seed=6)
        assert torch.equal(known(model, *inputs), before)
        assert not torch.allclose(known(other, *inputs), before)


@pytest.mark.parametrize(("kind", "method"), REFUSED)
def test_a_backbone_without_a_place_for_it_is_told_and_left(kind, method):
    model = made(kind)
    names = list(model.state_dict())
    with pytest.raises(CartpathError, match="fine-tune it by"):
        adapt(model, method)
    assert list(model.state_dict()) == names
    assert model.config.adaptation == {}
    assert all(weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize(
    ("method", "settings", "told"),
    [
        ("bitfit", {}, "no method 'bitfit'"),
        ("lora", {"depth": 3}, "no setting 'depth'"),
        ("lora", {"rank": 0}, "rank must be at least 1"),
        ("lora", {"dropout": 1.0}, "dropout must be"),
        ("adapter", {"size": 0}, "size must be at least 1"),
        ("prefix", {"length": 0}, "length must be at least 1"),
        ("top", {"layers": 3}, "2 layers, not 3"),
        ("top", {"layers": 0}, "2 layers, not 0"),
        ("head", {"tasks": ["churn"]}, "no head for 'churn', only for intent"),
    ],
)
def test_what_cannot_be_is_told(method, settings, told):
    with pytest.raises(CartpathError, match=told):
        adapt(made(), method, **settings)


def test_a_model_is_adapted_once():
    model = made()
    adapted = adapt(model, "adapter")
    with pytest.raises(CartpathError, match="adapted by adapter already"):
        adapt(model, "head")
    with pytest.raises(CartpathError, match="cannot be folded"):
        adapted.merge()
    model = made()
    adapt(model, "head")
    # First the head, then all of it.
    assert adapt(model, "full").merge() is model


@pytest.mark.parametrize("kind", [kind for kind, method in CASES if method == "lora"])
def test_lora_folds_into_the_weights(kind):
    model, inputs = made(kind), batch()
    names = [name for name, _ in model.named_parameters()]
    adapted = adapt(model, "lora", rank=2, alpha=3.0)
    disturb(model, 0.1)
    before = known(model, *inputs)
    merged = adapted.merge()
    assert [name for name, _ in merged.named_parameters()] == names
    assert not hasattr(merged, "peft_config")
    after = known(merged, *inputs)
    torch.testing.assert_close(after, before, rtol=1e-6, atol=2e-6)
    torch.testing.assert_close(after[..., -1].sigmoid(), before[..., -1].sigmoid(), rtol=0, atol=1e-6)
    assert merged.config.adaptation == {}
    adapt(merged, "lora")


def test_lora_adds_alpha_by_rank_times_its_product():
    model = made()
    weight = model.backbone.blocks[1].feed.up.weight.detach().clone()
    adapted = adapt(model, "lora", rank=2, alpha=3.0)
    disturb(model)
    up = model.backbone.blocks[1].feed.up
    product = up.lora_B["default"].weight.detach() @ up.lora_A["default"].weight.detach()
    adapted.merge()
    torch.testing.assert_close(model.backbone.blocks[1].feed.up.weight.detach(), weight + 3.0 / 2 * product)


def attended(attention, prefix, x, bias):
    """Attention with a prefix, one event after another."""
    b, length, hidden = x.shape
    width, out = hidden // attention.heads, torch.zeros(b, length, hidden)
    query, key, value = attention.qkv(x).split(hidden, -1)
    for user in range(b):
        for head in range(attention.heads):
            mine = slice(head * width, (head + 1) * width)
            for now in range(length):
                keys = torch.cat([prefix.key[head], key[user, : now + 1, mine]])
                values = torch.cat([prefix.value[head], value[user, : now + 1, mine]])
                biases = torch.cat([torch.zeros(len(prefix.key[head])), bias[user, head, now, : now + 1]])
                weights = (keys @ query[user, now, mine] / width**0.5 + biases).softmax(0)
                out[user, now, mine] = weights @ values
    return attention.out(out)


@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_prefix_is_seen_by_every_event_and_has_no_bias(length):
    torch.manual_seed(4)
    attention, prefix, bias = SelfAttention(8, 2), Prefix(length, 2, 4), PathBias(2)
    with torch.no_grad():
        for weight in (*prefix.parameters(), *bias.parameters()):
            weight.normal_()
        x, (_, seconds, session) = torch.randn(2, 7, 8), batch()
        given = bias(seconds, session)
        plain = attention(x, given)
        attention.prefix = prefix
        found = attention(x, given)
        torch.testing.assert_close(found, attended(attention, prefix, x, given), rtol=1e-5, atol=1e-6)
        assert torch.equal(found, plain) is (length == 0)
        assert length == 0 or not (found == plain).all(-1).any()


def test_a_prefix_works_in_bfloat16():
    model, inputs = made(), batch()
    adapt(model, "prefix")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model.intent(model(*inputs)).float().sum().backward()
    assert all(block.attention.prefix.key.grad.abs().sum() > 0 for block in model.backbone.blocks)


def test_only_the_heads_of_the_tasks_are_trained():
    model = made()
    churn, spend = add_head(model, "churn"), add_head(model, "spend", 3)
    assert (churn.out_features, spend.out_features, head_of(model, "spend")) == (1, 3, spend)
    adapt(model, "full", tasks=["churn", "spend"])
    assert [model.intent.weight.requires_grad, churn.weight.requires_grad, spend.bias.requires_grad] == [0, 1, 1]
    adapt(model, "head", tasks=["intent"])
    assert [name for name, weight in model.named_parameters() if weight.requires_grad] == [
        "intent.weight", "intent.bias",
    ]  # fmt: skip


def test_a_head_has_the_weights_of_its_seed_and_a_name_that_fits():
    one, other = (add_head(made(seed=seed), "churn", 2, seed=7) for seed in (1, 2))
    assert torch.equal(one.weight, other.weight)
    model = made()
    head = add_head(model, "churn")
    assert add_head(model, "churn") is head
    assert add_head(model, "intent") is model.intent
    with pytest.raises(CartpathError, match="gives 1 numbers, not 2"):
        add_head(model, "churn", 2)
    for name in ("a b", "", "keys", "a.b"):
        with pytest.raises(CartpathError, match="cannot be called"):
            add_head(model, name)
