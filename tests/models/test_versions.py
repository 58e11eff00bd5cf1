import json

import pytest

from cartpath.models import (
    artefacts_of,
    built_on,
    current_version,
    folder_of,
    go_back,
    new_version,
    versions_of,
    write_json,
)
from cartpath.models.artefact import ADAPTATION, CARD, POINTER
from cartpath.schema import CartpathError


def make(workspace, name, **card):
    with new_version(workspace, name) as folder:
        write_json(folder / CARD, card)
    return folder.name


def test_versions_are_told_newest_first_with_the_current_one_named(tmp_path):
    first = make(tmp_path, "behaviour", made="2024-01-01", validation=[{"loss": 3.0}, {"loss": 2.5}], epochs=2)
    second = make(tmp_path, "behaviour", made="2024-01-02", split={"validation": "2024-01-01T00:00:00Z"})
    make(tmp_path, "recommender", made="2024-01-02", ndcg_choose=0.25, blend={"model": 1.0})
    assert artefacts_of(tmp_path) == ["behaviour", "recommender"]
    found = versions_of(tmp_path, "behaviour")
    assert [(version.version, version.current, version.made) for version in found] == [
        (second, True, "2024-01-02"),
        (first, False, "2024-01-01"),
    ]
    assert found[1].figures == {"validation_loss": 2.5, "epochs": 2}
    assert found[0].to_dict()["learned_until"] == "2024-01-01T00:00:00Z"
    assert versions_of(tmp_path)[2].figures == {"ndcg_choose": 0.25}


def test_going_back_and_forth_again(tmp_path):
    names = [make(tmp_path, "m", made=str(n)) for n in range(3)]
    before, after = go_back(tmp_path, "m")
    assert (before.version, after.version, after.current) == (names[2], names[1], True)
    assert current_version(tmp_path, "m", "").name == names[1]
    assert go_back(tmp_path, "m")[1].version == names[0]
    assert [version.version for version in versions_of(tmp_path, "m")] == names[::-1]
    with pytest.raises(CartpathError, match="no version before"):
        go_back(tmp_path, "m")
    assert go_back(tmp_path, "m", names[2])[1].version == names[2]
    assert current_version(tmp_path, "m", "").name == names[2]


def test_a_version_made_after_going_back_is_current_and_the_one_it_replaced_stays(tmp_path):
    names = [make(tmp_path, "m") for _ in range(3)]
    go_back(tmp_path, "m", names[0])
    last = make(tmp_path, "m")
    assert {version.version for version in versions_of(tmp_path, "m")} == {last, names[2], names[1], names[0]}
    newer = make(tmp_path, "m")
    assert [version.version for version in versions_of(tmp_path, "m")] == [newer, last, names[2]]
    assert {path.name for path in folder_of(tmp_path, "m").glob("v-*")} == {newer, last, names[2]}


def test_what_does_not_exist_is_refused_and_nothing_changes(tmp_path):
    only = make(tmp_path, "m")
    pointer = (folder_of(tmp_path, "m") / POINTER).read_text()
    for artefact, to, told in [
        ("other", None, "no model 'other'"),
        ("m", "v-none", "has no version 'v-none'"),
        ("m", only, "is the current version"),
        ("m", None, "no version before"),
    ]:
        with pytest.raises(CartpathError, match=told):
            go_back(tmp_path, artefact, to)
    assert (folder_of(tmp_path, "m") / POINTER).read_text() == pointer
    with pytest.raises(CartpathError, match="cartpath pretrain"):
        go_back(tmp_path / "empty", "m")


def test_a_base_stays_as_long_as_an_adaptation_is_put_onto_it(tmp_path):
    base = make(tmp_path, "behaviour")
    with new_version(tmp_path, "intent-behaviour-lora") as folder:
        write_json(folder / ADAPTATION, {"base_name": base})
    names = [make(tmp_path, "behaviour") for _ in range(4)]
    assert [version.version for version in versions_of(tmp_path, "behaviour")] == [*names[:0:-1], base]
    (folder / ADAPTATION).write_text("{")
    last = make(tmp_path, "behaviour")
    assert [version.version for version in versions_of(tmp_path, "behaviour")] == [last, names[3], names[2]]


def test_a_pointer_of_an_earlier_cartpath_has_one_version(tmp_path):
    name = make(tmp_path, "m")
    (folder_of(tmp_path, "m") / POINTER).write_text(json.dumps({"version": name}))
    assert [version.version for version in versions_of(tmp_path, "m")] == [name]
    new = make(tmp_path, "m")
    assert [version.version for version in versions_of(tmp_path, "m")] == [new, name]


def test_what_is_built_on_another_version_is_out_of_date(tmp_path):
    make(tmp_path, "behaviour", made="monday")
    make(tmp_path, "recommender", pretrained="monday")
    make(tmp_path, "intent-lightgbm", made="monday")
    assert built_on(tmp_path) == [("recommender", True)]
    make(tmp_path, "behaviour", made="tuesday")
    assert built_on(tmp_path) == [("recommender", False)]
    go_back(tmp_path, "behaviour")
    assert built_on(tmp_path) == [("recommender", True)]
