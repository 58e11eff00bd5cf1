import json
import os
import time

import pytest

from cartpath.models import current_version, folder_of, has_version, new_version, read_json, write_json
from cartpath.schema import CartpathError


def test_a_version_is_current_once_it_is_whole(tmp_path):
    with new_version(tmp_path, "m") as first:
        (first / "weights").write_text("1")
        assert not has_version(tmp_path, "m")
    assert current_version(tmp_path, "m", "") == first
    with new_version(tmp_path, "m") as second:
        (second / "weights").write_text("2")
    assert current_version(tmp_path, "m", "") == second


def test_the_last_versions_and_one_being_written_are_kept(tmp_path):
    made = []
    for age in (40, 30, 20, 10):
        with new_version(tmp_path, "m") as folder:
            made.append(folder)
        os.utime(folder, (time.time() - age,) * 2)
    being_written = folder_of(tmp_path, "m") / "v-of-another-process"
    being_written.mkdir()
    left_over = folder_of(tmp_path, "m") / "v-of-a-crash"
    left_over.mkdir()
    os.utime(left_over, (time.time() - 50,) * 2)
    with new_version(tmp_path, "m") as last:
        pass
    assert current_version(tmp_path, "m", "") == last
    assert set(folder_of(tmp_path, "m").glob("v-*")) == {*made[-2:], being_written, last}


def test_a_failure_leaves_the_version_before(tmp_path):
    with new_version(tmp_path, "m") as first:
        pass
    with pytest.raises(KeyboardInterrupt), new_version(tmp_path, "m"):
        raise KeyboardInterrupt
    assert current_version(tmp_path, "m", "") == first
    assert [path.name for path in folder_of(tmp_path, "m").glob("v-*")] == [first.name]


def test_no_version_says_how_to_make_one(tmp_path):
    with pytest.raises(CartpathError, match="cartpath pretrain"):
        current_version(tmp_path, "behaviour", "cartpath pretrain")


def test_what_json_cannot_hold_becomes_null(tmp_path):
    write_json(tmp_path / "a" / "b.json", {"x": float("nan"), "y": [float("inf"), 1.5], "z": (1, "t")})
    assert json.loads((tmp_path / "a" / "b.json").read_text()) == {"x": None, "y": [None, 1.5], "z": [1, "t"]}


def test_damaged_json_is_a_clear_error(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(CartpathError, match="damaged"):
        read_json(tmp_path / "x.json")
    assert read_json(tmp_path / "absent.json") is None
