from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from cartpath.cli import app
from tests.web.shops import make


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make(tmp_path_factory.mktemp("cli") / "shop").path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["funnel", *arguments])


def test_every_option_reaches_the_answer(shop: str) -> None:
    found = json.loads(
        run(
            *(shop, "--steps", "view,add_to_cart|wishlist,purchase[order_value>5]", "--within", "7d", "--json"),
            *("--order", "any", "--exclude", "refund", "--hold", "weekday", "--count", "entries"),
            *("--by", "weekday@last", "--trend", "day", "--where", "hour=00|01|02|03", "--since", "1970-01-01"),
        ).stdout
    )
    assert (found["order"], found["hold"], found["exclude"], found["count"]) == (
        "any",
        "weekday",
        ["refund"],
        "entries",
    )
    assert [step["event"] for step in found["steps"]][1:] == ["add_to_cart|wishlist", "purchase[order_value>5]"]
    assert found["by"]["taken_at"] == "the last step reached"
    assert found["filter"] == "hour is 00 or 01 or 02 or 03"
    assert found["trend"]["grain"] == "day"
    sums = [sum(group["n"][step] for group in found["by"]["groups"]) for step in range(3)]
    assert sums == [step["n"] for step in found["steps"]]
    assert sums[0] > 0


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ((), "of previous"),
        (("--by", "hour@purchase"), "(step not reached)"),
        (("--trend", "week"), "1969-12-29"),
        (("--show", "times"), "median s"),
        (("--show", "instead"), "(end)"),
        (("--order", "strict", "--within", "session"), "nothing in between, within a session"),
    ],
)
def test_each_table_is_printed_with_its_rule(shop: str, arguments: tuple[str, ...], shown: str) -> None:
    result = run(shop, "--steps", "view,add_to_cart,purchase", *arguments)
    assert result.exit_code == 0
    assert shown in result.stdout
    assert "users in all" in result.stdout
    assert "that made the last step" in result.stdout


def test_csv_and_figure_are_those_of_the_table_shown(shop: str, tmp_path: Path) -> None:
    csv, figure = tmp_path / "by.csv", tmp_path / "by.html"
    arguments = ("--by", "hour", "--top", "2", "--csv", str(csv), "--figure", str(figure))
    assert run(shop, "--steps", "view,purchase", *arguments).exit_code == 0
    assert list(pd.read_csv(csv)["value"].unique())[-1] == "(other)"
    assert "share of users of the group that began" in figure.read_text("utf-8")


def test_bad_options_are_a_message_and_code_2(shop: str) -> None:
    for arguments, message in (
        (("--order", "tight"), "one of: loose, strict, any"),
        (("--by", "pric"), "did you mean 'price'?"),
        (("--show", "by"), "there is no 'by' to show"),
    ):
        result = run(shop, "--steps", "view,purchase", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in result.stderr


def test_one_step_takes_no_time(shop: str) -> None:
    assert "nine in ten" not in run(shop, "--steps", "view").stdout
    assert "nine in ten" in run(shop, "--steps", "view,add_to_cart").stdout
