from __future__ import annotations

import dataclasses
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cartpath.shop import ReportContent, gather
from cartpath.web import markup, render, write
from tests.web.shops import HOSTILE, QUOTES, calibration, make, metrics

URL = re.compile(r"https?://|//[a-z0-9.-]+\.[a-z]{2,}/", re.IGNORECASE)


class Reader(HTMLParser):
    """Gathers tags, links, and the text outside scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._inside = tag
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> ReportContent:
    shop = make(tmp_path_factory.mktemp("web") / "shop<b>")
    found = gather(shop, ["view", "add_to_cart", "purchase", "nothing"], within="1d")
    return dataclasses.replace(found, metrics=metrics(), calibration=calibration())


@pytest.fixture(scope="module")
def page(content: ReportContent) -> str:
    return render(content)


def test_the_page_refers_to_nothing_outside(page: str) -> None:
    reader = read(page)
    assert all(link.startswith("#") for link in reader.links)
    assert not {"link", "iframe", "img", "object", "embed", "form"} & set(reader.tags)
    assert "default-src 'none'" in page


def test_plotly_is_there_once(page: str) -> None:
    assert page.count("plotly.js v") == 1
    assert read(page).tags.count("script") == 2 + page.count('class="figure"')


def test_hostile_names_stay_text(page: str) -> None:
    reader = read(page)
    assert HOSTILE in "".join(reader.text)
    assert QUOTES in "".join(reader.text)
    assert "img" not in reader.tags
    assert "<script>window" not in page
    assert "shop<b>" in "".join(reader.text)


def test_every_section_has_its_numbers(page: str) -> None:
    text = " ".join(read(page).text)
    for words in ("Overview", "Funnel", "Flow", "Models", "Data quality"):
        assert words in text
    assert "within 1 day" in text
    assert "no event 'nothing' was ever seen" in text
    assert "n = 1,234, 56 of them positive" in text
    assert "0.9000 0.8900 – 0.9100" in text
    assert "seed 3" in text
    assert "generation 1" in text


def test_numbers_are_those_of_the_views(content: ReportContent, page: str) -> None:
    text = " ".join(read(page).text)
    assert f"{content.status.events:,} events of {content.status.users:,} users" in text
    for n in content.funnel.result.counts:
        assert f"{n:,}" in text


def test_an_empty_store_gives_a_page_that_says_so(tmp_path: Path) -> None:
    page = render(gather(make(tmp_path / "shop", [])))
    text = " ".join(read(page).text)
    assert "The store is empty." in text
    assert "No model has been evaluated yet" in text


def test_it_is_written_whole_or_not_at_all(content: ReportContent, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(content)
    before = path.read_bytes()
    assert before.startswith(b"<!doctype html>")
    monkeypatch.setattr("cartpath.web.report.render", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(content)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


def test_json_cannot_end_its_script() -> None:
    script = markup.json_script('{"a": "</script><!--\u2028"}', "x")
    assert script.count("<") == 2
    assert "\u2028" not in script


def test_the_page_draws_its_figures_in_a_browser(content: ReportContent, chromium: str, tmp_path: Path) -> None:
    path = write(content)
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--no-first-run", f"--user-data-dir={tmp_path}",
        "--virtual-time-budget=10000", "--dump-dom", path.resolve().as_uri(),
    ]  # fmt: skip
    dom = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True).stdout
    figures = dom.count('role="img"')
    assert figures == 5
    assert f'data-figures="{figures}"' in dom
    assert dom.count('class="main-svg"') >= figures
    reader = read(dom)
    assert all(link.startswith("#") for link in reader.links)
    assert "hacked" not in "".join(re.findall(r"<html[^>]*>", dom))
    assert not re.search(r"<img|<script>window", dom)
