"""``[recommend]`` and ``[serve]``: what is read, what is refused and how, and the example of the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from cartpath import config
from cartpath.config import BoostSettings, NewItemsSettings, RecommendSettings, ServeSettings, Settings
from cartpath.schema import CartpathError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "rules.md"


def load(folder: Path, text: str) -> Settings:
    (folder / config.FILE_NAME).write_text(text, encoding="utf-8")
    return config.load(folder)


FULL = RecommendSettings(
    exclude=("brand=Acme,price<5", 'title~"50% \\" off"'),
    out_of_stock=("stock<=0", "stock=(none)"),
    when_out="demote",
    seen="drop",
    seen_within="30d",
    bought="repurchase",
    due=0.8,
    demote=0.25,
    diversity=0.3,
    diversity_by=("category_1", "text"),
    seed=7,
    caps={"brand": 3, "attributes.seller": 2, 'a "b"': 1},
    new_items=NewItemsSettings("7d", 0.2, "published"),
    boost=(BoostSettings(("brand=Acme",), 1.5, "spring — 🌱"), BoostSettings(("price<5", "price>50"), 0.5)),
)


@pytest.mark.parametrize(
    "mine",
    [
        RecommendSettings(),
        FULL,
        RecommendSettings(caps={"brand": 1}),
        RecommendSettings(new_items=NewItemsSettings()),
        RecommendSettings(boost=(BoostSettings(("brand=Acme",)),)),
    ],
)
def test_what_is_written_is_read_back(tmp_path: Path, mine: RecommendSettings) -> None:
    serve = ServeSettings("redis://:secret@localhost:6379/0", 50, 2_000_000, 64, 4)
    settings = Settings(recommend=mine, serve=serve)
    found = load(tmp_path, settings.to_toml())
    assert found == settings
    assert found.recommend.active is (mine.active)


def test_defaults_are_not_written() -> None:
    assert RecommendSettings().to_toml() == ServeSettings().to_toml() == ""
    assert "[recommend" not in Settings().to_toml()


def test_one_condition_needs_no_list() -> None:
    assert RecommendSettings(exclude="brand=Acme") == RecommendSettings(exclude=["brand=Acme"])  # type: ignore[arg-type]
    assert BoostSettings("brand=Acme") == BoostSettings(("brand=Acme",))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rules", "active"),
    [
        ("", False), ("seed = 3", False), ("due = 0.5\ndemote = 0.1\nseen_within = '3d'", False),
        ("[recommend.new_items]\nshare = 0", False), ("[recommend.new_items]", True), ("diversity = 0.1", True),
        ("seen = 'drop'", True), ("bought = 'demote'", True), ("exclude = 'brand=x'", True),
        ("out_of_stock = 'stock=0'", True), ("[recommend.caps]\nbrand = 2", True),
    ],
)  # fmt: skip
def test_whether_any_rule_is_on(tmp_path: Path, rules: str, active: bool) -> None:
    assert load(tmp_path, f"[recommend]\n{rules}").recommend.active is active


def test_durations_and_sizes_in_units() -> None:
    assert FULL.seen_within_us == 30 * 86_400_000_000
    assert RecommendSettings().seen_within_us is None
    assert NewItemsSettings("7d").within_us == 7 * 86_400_000_000
    sizes = [ServeSettings(body_limit=size).body_limit for size in ("5kB", "1 MB", "1GB", "1000B", 1234)]  # type: ignore[arg-type]
    assert sizes == [5_000, 1_000_000, 1_000_000_000, 1000, 1234]


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("recommend = 3", "recommend must be a table", ""),
        ("[recommend]\nexlude = []", r"unknown setting exlude in \[recommend\]", "exclude"),
        ("[recommend]\nexclude = 3", r"\[recommend\] exclude must be conditions in quotes, not 3", "brand=Acme"),
        ("[recommend]\nexclude = ['']", r"\[recommend\] exclude must be conditions in quotes", "brand=Acme"),
        ("[recommend]\nexclude = 'Acme'", r"\[recommend\] exclude: cannot read 'Acme': .*one of = !=", "brand=Acme"),
        ("[recommend]\nexclude = 'brand='", "a value is missing", "brand=Acme"),
        ("[recommend]\nout_of_stock = 'stock<none'", r"\[recommend\] out_of_stock: .*takes one number", "brand=Acme"),
        ("[recommend]\nwhen_out = 'hide'", r"\[recommend\] when_out cannot be 'hide'", "drop, demote"),
        ("[recommend]\nseen = true", r"\[recommend\] seen cannot be True", "keep, drop, demote"),
        ("[recommend]\nseen = 'repurchase'", r"\[recommend\] seen cannot be 'repurchase'", "keep, drop, demote"),
        ("[recommend]\nseen_within = 30", r"\[recommend\] seen_within: not a duration: 30", "7d"),
        ("[recommend]\nbought = 'never'", r"\[recommend\] bought cannot be 'never'", "repurchase"),
        ("[recommend]\ndue = 0", r"\[recommend\] due must be a number from 0.1 to 10, not 0", ""),
        ("[recommend]\ndemote = 1.5", r"\[recommend\] demote must be a number from 0.001 to 1", ""),
        ("[recommend]\ndiversity = 2", r"\[recommend\] diversity must be a number from 0 to 1, not 2", ""),
        ("[recommend]\ndiversity = nan", r"\[recommend\] diversity must be a number from 0 to 1", ""),
        ("[recommend]\ndiversity = true", r"\[recommend\] diversity must be a number from 0 to 1", ""),
        ("[recommend]\ndiversity_by = []", r"\[recommend\] diversity_by must be names", "brand"),
        ("[recommend]\ndiversity_by = [3]", r"\[recommend\] diversity_by must be names", "brand"),
        ("[recommend]\nseed = -1", r"\[recommend\] seed must be a whole number from 0 to", ""),
        ("[recommend]\ncaps = 3", r"\[recommend.caps\] must be a table, not 3", "brand = 3"),
        ("[recommend.caps]\nbrand = 0", r"\[recommend.caps\] brand must be a whole number from 1 on, not 0", ""),
        ("[recommend.caps]\nbrand = 2.0", r"\[recommend.caps\] brand must be a whole number from 1 on", ""),
        ("[recommend.caps]\nattributes.seller = 2", "attributes is a table", '"attributes.seller"'),
        ("[recommend]\nnew_items = 3", r"\[recommend.new_items\] must be a table", ""),
        ("[recommend.new_items]\ndays = 3", r"unknown setting days in \[recommend.new_items\]", "within"),
        ("[recommend.new_items]\nwithin = 14", r"\[recommend.new_items\] within: not a duration", "7d"),
        ("[recommend.new_items]\nshare = 10", r"\[recommend.new_items\] share must be a number from 0 to 0.5", ""),
        ("[recommend.new_items]\nsince = 3", r"\[recommend.new_items\] since must be the name", ""),
        ("[recommend.boost]\nwhere = 'a=b'", r"\[recommend\] boost must be a list of tables", "[[recommend.boost]]"),
        ("[[recommend.boost]]\nfactor = 2", r"\[\[recommend.boost\]\] has no where", "brand=Acme"),
        ("[[recommend.boost]]\nwhere = 'brand'", r"\[\[recommend.boost\]\] where: cannot read 'brand'", "brand=Acme"),
        ("[[recommend.boost]]\nwhere = 'a=b'\nfactor = 0", r"factor must be a number from 0.001 to 1000, not 0", ""),
        ("[[recommend.boost]]\nwhere = 'a=b'\nfactor = '2'", "factor must be a number", ""),
        ("[[recommend.boost]]\nwhere = 'a=b'\nname = 2", "name must be a text", ""),
        ("[[recommend.boost]]\nwhen = 'a=b'", r"unknown setting when in \[\[recommend.boost\]\]", "where"),
        ("[serve]\nstate = 'memcached://x'", r"\[serve\] state must be embedded or the URL of a Redis", "redis://"),
        ("[serve]\nrate_limit = 0", r"\[serve\] rate_limit must be a whole number from 1", ""),
        ("[serve]\nbody_limit = '10'", r"\[serve\] body_limit must be a size from 1kB to 1GB", '"1MB"'),
        ("[serve]\nbody_limit = 10", r"\[serve\] body_limit must be a size", '"1MB"'),
        ("[serve]\nqueue = 1.5", r"\[serve\] queue must be a whole number", ""),
        ("[serve]\nworkers = 2", r"\[serve\] workers = 2 need a state that they share", "redis://"),
        ("[serve]\nport = 80", r"unknown setting port in \[serve\]", "workers"),
    ],
)
def test_what_is_wrong_is_refused(tmp_path: Path, text: str, says: str, hint: str) -> None:
    with pytest.raises(CartpathError, match=says) as error:
        load(tmp_path, text)
    assert hint in error.value.hint


def test_a_password_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(CartpathError) as error:
        load(tmp_path, "[serve]\nstate = 'redsi://:secret@host'")
    assert "secret" not in str(error.value)


def test_the_example_of_the_page_is_read(tmp_path: Path) -> None:
    example = PAGE.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    found = load(tmp_path, example).recommend
    assert (found.seen, found.bought, found.diversity) == ("demote", "repurchase", 0.2)
    assert found.caps == {"brand": 3, "attributes.seller": 2}
    assert [(boost.name, boost.factor, len(boost.where)) for boost in found.boost] == [
        ("spring campaign", 1.5, 2),
        ("", 0.7, 1),
    ]
    assert load(tmp_path, Settings(recommend=found).to_toml()).recommend == found
