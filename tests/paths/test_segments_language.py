"""The language of segments: what it reads, and what it says where it cannot."""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.paths.segments import parse
from cartpath.paths.segments.tree import (
    Cohort,
    Did,
    Everyone,
    Has,
    Named,
    Period,
    Reached,
    Sample,
    SetOperation,
    UserFile,
)
from cartpath.schema import CartpathError
from tests.paths.twin_segments import Written, segments

AUGUST = Period(1_470_009_600_000_000, 1_472_688_000_000_000)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("everyone", Everyone()),
        ("vip", Named("vip")),
        ("did purchase", Did("purchase")),
        ("did purchase>=2", Did("purchase", ">=", 2)),
        ("did purchase == 2 times", Did("purchase", "=", 2)),
        ("did view[category=shoes,price>50] < 3", Did("view[category=shoes,price>50]", "<", 3)),
        ('did "a & b"|c', Did('"a & b"|c')),
        ("did purchase since 2016-08-01 until 2016-09-01", Did("purchase", period=AUGUST)),
        ("country=Germany", Has("country=Germany")),
        ("country == Germany|France", Has("country=Germany|France")),
        ("country=(not set)", Has("country=(not set)")),
        ('"my column" != "a, b"', Has('"my column"!="a, b"')),
        ("channel=paid-search", Has("channel=paid-search")),
        ("user.age > 30 since 2016-08-01 until 2016-09-01", Has("user.age>30", AUGUST)),
        ("cohort(2016-08-01, 2016-09-01)", Cohort(AUGUST)),
        ("cohort(2016-08-01,)", Cohort(Period(AUGUST.since))),
        ("file(lists/vip list.csv)", UserFile("lists/vip list.csv")),
        ('file("a;b).csv")', UserFile("a;b).csv")),
        ("sample(25%; seed=7)", Sample(0.25, 7)),
        ("sample(.5)", Sample(0.5)),
        (
            "reached(view,purchase; within=7d; order=strict)",
            Reached("view,purchase", None, (("within", "7d"), ("order", "strict"))),
        ),
        ('stopped(view,buy[page="x;y"],purchase)', Reached('view,buy[page="x;y"],purchase', 2)),
        ("stopped(a,b,c; at=1)", Reached("a,b,c", 1)),
        ("a - b", SetOperation("-", (Named("a"), Named("b")))),
        (
            "a && b || !c",
            SetOperation("|", (SetOperation("&", (Named("a"), Named("b"))), SetOperation("!", (Named("c"),)))),
        ),
        ("NOT a AND b", SetOperation("&", (SetOperation("!", (Named("a"),)), Named("b")))),
        ("a|b", SetOperation("|", (Named("a"), Named("b")))),
        ("notable | orders", SetOperation("|", (Named("notable"), Named("orders")))),
    ],
)
def test_read(text: str, tree: object) -> None:
    assert parse(text) == tree
    assert parse(f"  (({text}))\n") == tree


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "segment is empty"),
        ("did", r"did what\?, at its end"),
        ("did purchase &", "an expression is missing, at its end"),
        ("& a", "an expression is missing, at '& a'"),
        ("a b", "an operator is missing, at 'b'"),
        (
            "*[country=Germany] & !a",
            r"an event alone is no set of users, at '\*\[country=Germany\] & !a'\n.*write did \*\[",
        ),
        ("a & view[price>50]", r"an event alone is no set of users, .*\n.*write did view\[price>50\]:"),
        ("*", r"write did \*:"),
        ("(a", r"\( is not closed, at '\(a'"),
        ("(a b)", r"an operator is missing, at 'b\)'"),
        ("a)", "closes nothing, at '\\)'"),
        ("channel=Paid Search", "an operator is missing, at 'Search'"),
        ("country=", "country= needs a value"),
        ("country=a, device=b", "a comma cannot stand here, at ', device=b'"),
        ("did view[price>50", r"\[ is not closed, at '\[price>50'"),
        ('country="Ger', "a quote is not closed"),
        ("did view > many", "a number of times is missing"),
        ("did view since", "since needs one date"),
        ("did view since 2016-08-01 since 2016-08-02", "since needs one date"),
        ("vip since 2016-08-01", "a period cannot stand here, at 'since 2016-08-01'"),
        ("(did view | vip) until 2016-08-01", "a period cannot stand here"),
        ("did view since yesterday", "yesterday"),
        ("did view since 2017-01-01 until 2016-01-01", "the period is empty"),
        ("vips(1)", r"no function vips, at 'vips\(1\)'"),
        ("cohort(2016-08-01)", r"cohort\(\) needs its first day"),
        ("cohort(,)", r"cohort\(\) needs its first day"),
        ("reached()", r"reached\(\) is empty"),
        ("reached(a; speed=9)", "has no option speed"),
        ("reached(a; within)", "cannot read 'within'"),
        ("stopped(a)", "needs two steps or more"),
        ("stopped(a,b; at=2)", "cannot stop at step 2"),
        ("sample(120%)", "cannot draw '120%'"),
        ("sample(50%; seed=x)", "seed must be a whole number"),
        ("file(a.csv; x=1)", "has no option x"),
        ("!" * 100 + "a", "nested too deep"),
        ("(" * 5000 + "a" + ")" * 5000, "nested too deep"),
    ],
)
def test_refused(text: str, problem: str) -> None:
    with pytest.raises(CartpathError, match=problem):
        parse(text)


@given(segments)
def test_every_expression_of_the_twin_is_read(written: Written) -> None:
    assert parse(written.text) == parse(f"({written.text})")


@given(st.text(alphabet='abdi _&|-!()[]";,=<>~.%0129', max_size=30))
def test_whatever_is_written_is_read_or_explained(text: str) -> None:
    # Any other error is a bug.
    with suppress(CartpathError):
        parse(text)


def expressions_of_the_page() -> list[str]:
    """Every expression that the page shows: in its examples, its tables and its text."""
    page = (Path(__file__).parents[2] / "docs" / "segments.md").read_text()
    blocks = re.findall(r"```(\w*)\n(.*?)```", page, re.DOTALL)
    toml = next(text for kind, text in blocks if kind == "toml")
    shell = [text for kind, text in blocks if not kind]
    found = list(tomllib.loads(toml)["segments"].values())
    found += re.findall(r'--(?:name|segment) "([^"]+)"', "\n".join(shell))
    found += [line for text in shell for line in text.splitlines() if line and not line.startswith("cartpath")]
    spans = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", page, flags=re.DOTALL))
    begins = r"(did|cohort|file|reached|stopped|sample|!?country|\*\[)\W"
    return found + [span.replace("\\|", "|") for span in spans if re.match(begins, span) and "()" not in span]


@pytest.mark.parametrize("text", expressions_of_the_page())
def test_every_expression_of_the_page_is_read(text: str) -> None:
    parse(text)


def test_the_page_has_expressions() -> None:
    assert len(expressions_of_the_page()) > 25
