"""Keep a case study true: read its commands, run them, draw its figures.

A case study is a page of Markdown whose ``console`` blocks hold a command after ``$ `` and, below it, what the command
prints; a line ``…`` stands for lines left out. ``tests/project/test_case_study.py`` runs every command on the real data
and compares. The figures are drawn by

    python docs/images/case_study.py docs/case-study-merch-store.md

which runs the commands that write one (``--figure NAME.html``) and photographs it in Chromium as
``docs/images/case-NAME.png``.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Quote:
    """A command on the page and what the page says that it prints."""

    section: str
    words: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def figure(self) -> str | None:
        """The name of the figure that it writes, without ``.html``."""
        return Path(self.words[self.words.index("--figure") + 1]).stem if "--figure" in self.words else None

    def arguments(self, shop: Path, data: Path, figures: Path) -> list[str]:
        """Return the words behind ``cartpath``, with real places for SHOP, the data and the figure."""
        places = {"SHOP": str(shop), f"{self.figure}.html": str(figures / f"{self.figure}.html")}
        return [places.get(word, word.replace("../shared/data", str(data))) for word in self.words[1:]]


def quotes(page: str) -> Iterator[Quote]:
    """Yield the commands of a page in order."""
    for section, text in sections(page):
        for block in BLOCK.findall(text):
            for part in re.split(r"^\$ ", block.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
                command, *lines = part.rstrip("\n").split("\n")
                yield Quote(section, tuple(shlex.split(command)), tuple(line.rstrip() for line in lines))


def sections(page: str) -> Iterator[tuple[str, str]]:
    """Yield the headings of a page and the text below each."""
    for part in re.split(r"^##? ", page, flags=re.MULTILINE)[1:]:
        heading, _, text = part.partition("\n")
        yield heading, text


def missing(quoted: tuple[str, ...], printed: list[str]) -> str | None:
    """Return the first quoted line that was not printed where it should be.

    >>> missing(("a", "…", "d"), ["a", "b", "c", "d"])
    >>> missing(("a", "d"), ["a", "b", "c", "d"])
    'd'
    """
    place, anywhere = 0, True
    for line in quoted:
        if line == "…":
            anywhere = True
            continue
        if line not in (printed[place:] if anywhere else printed[place : place + 1]):
            return line
        place, anywhere = printed.index(line, place) + 1, False
    return None


def draw(page: Path, data: Path, folder: Path) -> None:
    """Run the commands of a page that make the shop and its figures, and photograph the figures."""
    from cartpath.cli import app

    for quote in quotes(page.read_text(encoding="utf-8")):
        if quote.figure or quote.words[1] in ("init", "ingest"):
            app(quote.arguments(folder / "shop", data, folder), standalone_mode=False)
        if quote.figure:
            photograph(folder / f"{quote.figure}.html", ROOT / "docs" / "images" / f"case-{quote.figure}.png")


def photograph(html: Path, image: Path) -> None:
    """Write what Chromium shows of a page with a figure into an image."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    page = html.read_text(encoding="utf-8")
    height = int(re.findall(r'"height":\s*(\d+)', page)[-1]) + 20
    # A browser without a pointer shows Plotly's buttons all the time.
    html.write_text(page.replace("</head>", "<style>.modebar {display: none}</style></head>"), encoding="utf-8")
    size = f"--window-size=1100,{height}"
    quiet = ("--headless", "--no-sandbox", "--hide-scrollbars", "--disable-background-networking")
    command = [browser, *quiet, "--virtual-time-budget=10000", size, f"--screenshot={image}", html.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    print(f"{image.relative_to(ROOT)}: {image.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        draw(Path(sys.argv[1]), Path(os.environ.get("CARTPATH_DATA") or ROOT.parent / "shared" / "data"), Path(scratch))
