"""Documentation that cannot fall behind: commands, make targets and links are checked."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cartpath.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def commands(command: Any, name: str) -> Iterator[str]:
    """Yield every leaf command as it is typed: ``cartpath ingest``."""
    children = getattr(command, "commands", None)
    if children is None:
        yield name
        return
    for child, sub in sorted(children.items()):
        yield from commands(sub, f"{name} {child}")


COMMANDS = list(commands(typer.main.get_command(app), "cartpath"))


def targets() -> set[str]:
    """Return the Makefile's documented targets."""
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as they are made on the web."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-") for text in headings}


def test_the_contract_commands_exist() -> None:
    names = "init ingest simulate run status funnel flow pretrain finetune evaluate recommend report doctor forget demo"
    assert {f"cartpath {name}" for name in names.split()} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    assert re.search(rf"{re.escape(command)}\b", text), f"no page in docs/ mentions `{command}`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_on_a_page_exist(page: Path) -> None:
    code = "\n".join(FENCE.findall(page.read_text(encoding="utf-8")))
    for name in re.findall(r"(?:^|[\s`])make ([a-z][a-z-]*)", code):
        assert name in targets(), f"`make {name}` is not in the Makefile"
    known = {command.split()[1] for command in COMMANDS}
    for name in re.findall(r"^(?:\$ )?(?:\.venv/bin/)?cartpath ([a-z][a-z-]*)", code, re.MULTILINE):
        assert name in known, f"`cartpath {name}` is not a command"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.findall(prose):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leaves the project"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{link}: no such heading"


def test_every_page_is_in_the_index() -> None:
    docs = ROOT / "docs"
    linked = {link.partition("#")[0] for link in LINK.findall((docs / "index.md").read_text(encoding="utf-8"))}
    pages = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")} - {"index.md"}
    assert not pages - linked, "add them to docs/index.md"


def test_readme_shows_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {"demo", "test"} <= set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE))


def test_bare_make_lists_every_target() -> None:
    result = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    listed = set(re.findall(r"^\s*make ([a-z-]+)", result.stdout, re.MULTILINE))
    assert listed == targets()
    assert {"setup", "demo", "test", "test-all", "check", "bench", "clean"} <= listed
