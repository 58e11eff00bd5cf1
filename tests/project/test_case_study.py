"""The case studies hold: their commands print what the pages say, and pandas counts the same."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from typer.testing import CliRunner

from cartpath.cli import app

ROOT = Path(__file__).resolve().parents[2]
MERCH, RETAIL = (ROOT / "docs" / f"case-study-{name}.md" for name in ("merch-store", "online-retail"))
NUMBER = re.compile(r"(?<![\w.,/-])\d[\d,]*(?:\.\d+)?%?(?![\w/])")
FENCE = re.compile(r"```.*?```|`[^`\n]*`|<!--.*?-->|\]\([^)]*\)|^#[^\n]*$|\b(?:19|20)\d\d\b", re.DOTALL | re.MULTILINE)
DERIVED = re.compile(r"(\S+) = ([\d./+ -]+?)(?:;| -->)")


def _tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("case_study", ROOT / "docs" / "images" / "case_study.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["case_study"] = module
    spec.loader.exec_module(module)
    return module


tool = _tool()


def _built(page: Path, data: Path, folder: Path) -> Path:
    """Make the shop by the commands of the page."""
    for quote in tool.quotes(page.read_text(encoding="utf-8")):
        if quote.words[1] in ("init", "ingest"):
            place = next((data / word.split("data/")[1] for word in quote.words if "data/" in word), data)
            if not place.exists():
                pytest.skip(f"no data at {place}")
            assert CliRunner().invoke(app, quote.arguments(folder / "shop", data, folder)).exit_code == 0
    return folder / "shop"


@pytest.fixture(scope="module")
def merch(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _built(MERCH, data_dir, tmp_path_factory.mktemp("merch"))


@pytest.fixture(scope="module")
def retail(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _built(RETAIL, data_dir, tmp_path_factory.mktemp("retail"))


def _agrees(page: Path, shop: Path) -> None:
    ran = 0
    for quote in tool.quotes(page.read_text(encoding="utf-8")):
        if quote.words[1] in ("init", "ingest"):
            continue
        found = CliRunner().invoke(app, quote.arguments(shop, Path(), shop.parent))
        assert found.exit_code == 0, (quote.words, found.output)
        lost = tool.missing(quote.lines, [line.rstrip() for line in found.stdout.splitlines()])
        assert lost is None, f"{' '.join(quote.words)} does not print: {lost}\nbut\n{found.stdout}"
        if quote.figure:
            assert (shop.parent / f"{quote.figure}.html").stat().st_size > 10_000
        ran += 1
    assert ran > 5


def test_commands_of_the_merchandise_store_print_what_the_page_says(merch: Path) -> None:
    _agrees(MERCH, merch)


@pytest.mark.slow
def test_commands_of_online_retail_print_what_the_page_says(retail: Path) -> None:
    _agrees(RETAIL, retail)


@pytest.mark.parametrize("page", [MERCH, RETAIL], ids=lambda page: page.stem)
def test_numbers_in_the_text_are_printed_or_worked_out_from_what_is(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    printed = {
        number
        for quote in tool.quotes(text)
        for line in quote.lines
        for piece in re.split(r"[\s():;]|(?<=[\d%])-(?=[<\d])", line)
        for number in [piece.strip(",;."), piece.removesuffix(".0"), *NUMBER.findall(piece)]
    }
    worked_out = dict(DERIVED.findall(text))
    for number, sum_ in worked_out.items():
        for part in re.findall(r"[\d.]+", sum_):
            assert part in {"0", "1"} or {part, f"{float(part):,.10g}"} & printed, f"{part} of {sum_} is not printed"
        assert _as(number, _value(sum_)) == number, f"{number} = {sum_}"
    prose, _, counted_again = FENCE.sub(" ", text.replace("\n## Counted again", "\nCOUNTED")).partition("COUNTED")
    source = Path(__file__).read_text(encoding="utf-8").replace("_", ",")
    assert not [n for n in NUMBER.findall(counted_again) if "," in n.rstrip(",") and n.rstrip(",") not in source]
    loose = {n.rstrip(",") for n in NUMBER.findall(prose) if len(re.sub(r"\D", "", n)) > 2 or "%" in n or "." in n}
    unknown = sorted(loose - printed - set(worked_out) - {"95%"})
    assert not unknown, f"not in what the commands print: {unknown}"


def _value(sum_: str) -> float:
    if "/" in sum_:
        above, below = map(float, sum_.split("/"))
        return above / below
    return sum(float(part.replace(" ", "")) for part in re.findall(r"[+-]?\s*[\d.]+", sum_))


def _as(number: str, value: float) -> str:
    digits = len(number.partition(".")[2].rstrip("%"))
    return f"{100 * value + 1e-9:.{digits}f}%" if number.endswith("%") else f"{value + 1e-9:,.{digits}f}"


@pytest.mark.parametrize("page", [MERCH, RETAIL], ids=lambda page: page.stem)
def test_every_figure_is_drawn_by_a_command_and_small(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    drawn = {f"images/case-{quote.figure}.png" for quote in tool.quotes(text) if quote.figure}
    assert drawn == set(re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text))
    assert all((page.parent / image).stat().st_size < 150_000 for image in drawn)


def _events(shop: Path, *columns: str) -> pd.DataFrame:
    """Read the stored events in path order, with users as numbers."""
    files = sorted((shop / "store" / "events").rglob("*.parquet"))
    columns = [*{"user_id", *columns}]
    log = pd.concat([pd.read_parquet(file, columns=columns) for file in files], ignore_index=True)
    log = log.sort_values(["user_id", "ts"], kind="stable", ignore_index=True)
    return log.assign(user=pd.factorize(log.user_id)[0], at=log.index)


def _reached(log: pd.DataFrame, steps: list[str]) -> list[int]:
    """Count the sessions of the loose funnel: the earliest event of a step after the earliest of the one before."""
    counts, last = [], pd.Series(-1, index=log.session.unique())
    for step in steps:
        of_step = log[log.event == step]
        after = of_step[of_step["at"] > of_step.session.map(last).fillna(len(log))]
        last = after.groupby("session")["at"].min()
        counts.append(len(last))
    return counts


def test_pandas_counts_the_merchandise_store_alike(merch: Path) -> None:
    log = _events(merch, "session_id", "ts", "event", "page", "channel", "order_id", "_hit")
    log = log.assign(session=pd.factorize(log.session_id)[0])
    assert _reached(log, ["view", "add_to_cart", "checkout", "purchase"]) == [29_892, 10_567, 3_760, 2_015]

    steps = log.sort_values(["session", "at"], kind="stable").drop_duplicates(["session", "_hit"])
    again = steps[(steps.page == "/payment.html") & (steps.groupby("session").page.shift() == "/payment.html")]
    assert (len(again), again.user.nunique(), again.session.nunique()) == (2_883, 1_247, 1_443)

    new = steps.session.ne(steps.session.shift()) | steps.event.ne(steps.event.shift())
    paths = steps[new].groupby("session").event.agg(" > ".join)
    assert (paths == "page_view > promotion_click > page_view").sum() == 8_003

    orders = log[log.event == "purchase"].drop_duplicates("order_id")
    last = orders.channel.value_counts()
    assert last[["Referral", "Organic Search", "Direct"]].tolist() == [1_100, 667, 378]
    between = orders.groupby("user").ts.diff().dropna() / pd.Timedelta("1D")
    assert round(between.median(), 3) == 5.868

    waited = orders.groupby("user").ts.min() - log.groupby("user").ts.min()
    assert round(waited.median() / pd.Timedelta("1min"), 1) == 53.3
    week = _periods(log, "America/Los_Angeles", "W")
    assert _back(log, week, "2016-08-29/2016-09-04") == (13_937, 374)

    clock = log.ts.dt.tz_convert("America/Los_Angeles")
    bought, thanked = (
        log[rows].groupby(clock.dt.strftime("%m-%d")).session.nunique()
        for rows in (log.event == "purchase", log.page == "/ordercompleted.html")
    )
    short = (thanked - bought.reindex(thanked.index, fill_value=0)).loc[lambda less: less != 0]
    assert short.to_dict() == {"08-02": 35 - 17, "08-03": 37, "08-04": 27 - 17}
    times = clock[log.event == "purchase"].sort_values()
    around = times[times < "2016-08-03"].iloc[-1], times[times > "2016-08-03"].iloc[0]
    assert [f"{time:%m-%d %H:%M}" for time in around] == ["08-02 12:18", "08-04 11:29"]
    begun = clock.groupby(log.session).min().dt.day_name() == "Saturday"
    assert (begun.sum(), begun[log[log.event == "purchase"].session.unique()].sum()) == (17_365, 126)


@pytest.mark.slow
def test_pandas_counts_online_retail_alike(retail: Path) -> None:
    log = _events(retail, "ts", "event", "order_id")
    bought = log[log.event == "purchase"]
    orders = bought.drop_duplicates("order_id")
    assert (orders.user.value_counts() > 1).sum() == 2_829
    assert round((orders.groupby("user").ts.diff() / pd.Timedelta("1D")).median(), 2) == 22.03
    users, back = _back(bought, _periods(bought, "Europe/London", "M"), "2011-01")
    assert (users, round(100 * back / users, 1)) == (416, 21.9)


def _periods(log: pd.DataFrame, zone: str, unit: str) -> pd.Series:
    return log.ts.dt.tz_convert(zone).dt.tz_localize(None).dt.to_period(unit)


def _back(log: pd.DataFrame, periods: pd.Series, cohort: str) -> tuple[int, int]:
    """Return the users who start in a period and those of them who are there in the next."""
    first = periods.groupby(log.user).min()
    start = pd.Period(cohort, first.dtype.freq)
    started = set(first.index[first == start])
    return len(started), len(started & set(log.user[periods == start + 1]))
