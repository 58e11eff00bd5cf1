"""Settings: what is read, what is refused, and that every one is documented."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from cartpath import config
from cartpath.config import SessionSettings, Settings, StoreSettings
from cartpath.schema import CartpathError

DOCS = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def load(folder: Path, text: str) -> Settings:
    (folder / config.FILE_NAME).write_text(text, encoding="utf-8")
    return config.load(folder)


def test_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, "") == Settings() == Settings(StoreSettings(64), SessionSettings("30m"))
    assert Settings().sessions.gap_seconds == 1800


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    mine = Settings(StoreSettings(7), SessionSettings("1h30m"))
    assert load(tmp_path, mine.to_toml()) == mine
    assert mine.sessions.gap_seconds == 5400


def test_a_part_may_be_left_out(tmp_path: Path) -> None:
    assert load(tmp_path, "[sessions]\ngap = '5m'") == Settings(sessions=SessionSettings("5m"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[store", "not valid TOML"),
        ("store = 3", "store must be a table"),
        ("[stores]", r"unknown table \[stores\]"),
        ("[store]\nbucket = 3", r"unknown setting bucket in \[store\]"),
        ("[store]\nbuckets = 0", "from 1 to 4096"),
        ("[store]\nbuckets = 4097", "from 1 to 4096"),
        ("[store]\nbuckets = '8'", "from 1 to 4096"),
        ("[store]\nbuckets = 8.0", "from 1 to 4096"),
        ("[store]\nbuckets = true", "from 1 to 4096"),
        ("[sessions]\ngap = 30", "not a duration"),
        ("[sessions]\ngap = '30'", "not a duration"),
        ("[sessions]\ngap = '0m'", "must be positive"),
        ("[sessions]\ngap = ''", "not a duration"),
    ],
)
def test_what_is_wrong_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CartpathError, match=says):
        load(tmp_path, text)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / config.FILE_NAME).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CartpathError, match="not valid TOML"):
        config.load(tmp_path)


def test_a_folder_without_settings_is_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(CartpathError, match="is not a Cartpath workspace") as error:
        config.load(tmp_path)
    assert "cartpath init" in error.value.hint


def test_every_setting_is_documented_and_the_example_is_the_default(tmp_path: Path) -> None:
    text = DOCS.read_text(encoding="utf-8")
    for table in fields(Settings):
        assert f"[{table.name}]" in text
        for setting in fields(table.default_factory):
            assert f"`{setting.name}`" in text
    example = text.split("```toml\n")[1].split("```")[0]
    assert load(tmp_path, example) == Settings()
