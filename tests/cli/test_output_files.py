"""Where --csv, --figure and --out write, and what options refuse."""

from __future__ import annotations

import inspect
import os
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cartpath import store
from cartpath.cli import app


@pytest.fixture
def shop(tmp_path: Path) -> str:
    store.init(tmp_path / "shop")
    return str(tmp_path / "shop")


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


@pytest.mark.parametrize("option", ["--csv", "--figure"])
def test_a_folder_or_a_missing_one_is_refused(shop: str, tmp_path: Path, option: str) -> None:
    (tmp_path / "is.html").mkdir()
    code, said = run("flow", shop, option, str(tmp_path / "is.html"))
    assert code == 2
    assert "is a folder" in said
    code, said = run("flow", shop, option, str(tmp_path / "no" / "a.html"))
    assert code == 2
    assert "mkdir -p" in said
    assert not (tmp_path / "no").exists()


#: What a command needs beside the workspace; a view that is not here must need nothing.
NEEDED = {
    "funnel": ["--steps", "view"],
    "compare": ["flow", "a", "b"],
    "drivers": ["--goal", "purchase"],
}
VIEWS = [
    name
    for command in app.registered_commands
    if command.callback and {"csv", "figure"} <= inspect.signature(command.callback).parameters.keys()
    for name in [command.name or command.callback.__name__.replace("_", "-")]
]


def test_all_views_write_files() -> None:
    assert len(VIEWS) >= 13


@pytest.mark.parametrize("view", VIEWS)
def test_where_to_write_is_checked_before_the_shop_is_even_opened(
    view: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for option in ("--csv", "--figure"):
        code, said = run(view, "nowhere", *NEEDED.get(view, []), option, "no/a.html")
        assert (code, "there is no folder no" in said) == (2, True)
    # There is no such shop either: what can be written is refused for that.
    assert "nowhere" in run(view, "nowhere", *NEEDED.get(view, []), "--csv", "a.csv")[1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--figure", "a.png"), "end the name with .html or .json"),
        (("--csv", "-", "--json"), "both write to standard output"),
        (("--csv", "/dev/stdout", "--json"), "both write to standard output"),
    ],
)
def test_outputs_that_cannot_be_are_refused_first(options: tuple[str, ...], message: str) -> None:
    code, said = run("flow", "nowhere", *options)
    assert (code, message in said) == (2, True)


def test_a_link_is_followed(shop: str, tmp_path: Path) -> None:
    target, link = tmp_path / "a.csv", tmp_path / "latest.csv"
    target.write_text("old")
    link.symlink_to(target)
    assert run("flow", shop, "--csv", str(link))[0] == 0
    assert link.is_symlink()
    assert target.read_text().startswith("source,target")


@pytest.mark.parametrize(
    ("words", "head"),
    [(("flow", "--csv"), "source,target"), (("segments", "--name", "everyone", "--out"), '"user_id"')],
)
def test_a_pipe_is_written_to(shop: str, tmp_path: Path, words: tuple[str, ...], head: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    assert run(words[0], shop, *words[1:], str(pipe))[0] == 0
    reader.join(timeout=10)
    assert pipe.is_fifo()
    assert read[0].startswith(head)


def test_standard_output_may_be_named_as_a_device(shop: str) -> None:
    code, said = run("flow", shop, "--csv", "/dev/stdout")
    assert code == 0
    assert "source,target" in said
    assert "wrote" not in said
    assert run("flow", shop, "--csv", os.devnull)[0] == 0
    assert Path(os.devnull).is_char_device()


@pytest.mark.parametrize("name", ["loop", "file/a.csv", "new/"])
@pytest.mark.parametrize("words", [("flow", "--csv"), ("segments", "--name", "everyone", "--out")])
def test_what_is_no_place_for_a_file_is_refused(shop: str, tmp_path: Path, words: tuple[str, ...], name: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_text("")
    code, said = run(words[0], shop, *words[1:], f"{tmp_path}/{name}")
    assert (code, "hint: " in said) == (2, True)


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--segment", ("flow", "SHOP", "--segment", "")),
        ("--by", ("funnel", "SHOP", "--steps", "view", "--by", "")),
        ("--models", ("attribution", "SHOP", "--models", "")),
        ("--where", ("flow", "SHOP", "--where", "device=mobile", "--where", "")),
        ("--name", ("segments", "SHOP", "--name", "")),
    ],
)
def test_an_empty_option_is_refused(shop: str, flag: str, words: tuple[str, ...]) -> None:
    code, said = run(*(shop if word == "SHOP" else word for word in words))
    assert code == 2
    assert f"{flag} is empty" in said


def test_an_option_that_is_empty_by_default_may_be_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("user_id,ts,event\n1,2020-01-01,view\n")
    assert run("map", str(log))[0] == 0


@pytest.mark.parametrize("words", [("flow", "SHOP"), ("init", "NEW")])
def test_a_time_zone_that_is_none_is_told_of_its_flag(shop: str, tmp_path: Path, words: tuple[str, str]) -> None:
    code, said = run(words[0], {"SHOP": shop}.get(words[1], str(tmp_path / "new")), "--time-zone", "Mars/Phobos")
    assert code == 2
    assert "'--time-zone': no time zone 'Mars/Phobos'" in said
    assert "[shop]" not in said


@pytest.mark.parametrize(("within", "hint"), [("sesion", "did you mean 'session'?"), ("7 parsecs", "such as 90s")])
def test_a_window_is_understood_or_explained(shop: str, within: str, hint: str) -> None:
    code, said = run("funnel", shop, "--steps", "view,purchase", "--within", within)
    assert code == 2
    assert f"not a duration: {within!r}" in said
    assert hint in said
