from __future__ import annotations

import errno
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import cartpath
from cartpath.cli import app
from cartpath.cli.application import main
from cartpath.schema import CartpathError, CorruptStoreError, WorkspaceBusyError
from cartpath.shop import Shop, StepOutcome
from tests.web.shops import make

Run = Callable[..., Result]
CONTRACT = (
    "init ingest run status funnel flow pretrain finetune evaluate "
    "recommend report doctor simulate demo forget rebucket"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make(tmp_path_factory.mktemp("cli") / "shop").path)


@pytest.fixture
def run() -> Run:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return invoke


def test_every_command_of_the_contract_has_help(run: Run) -> None:
    listed = run("--help").stdout
    for name in CONTRACT.split():
        assert f"  {name} " in listed
        assert run(name, "--help").exit_code == 0


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"cartpath {cartpath.__version__}\n"


def test_json_is_alone_on_standard_output(run: Run, shop: str) -> None:
    result = run("funnel", shop, "--steps", "view,purchse", "--within", "7d", "--json")
    found = json.loads(result.stdout)
    assert found["within_seconds"] == 604800
    assert [step["n"] for step in found["steps"]][1] == 0
    assert "did you mean 'purchase'?" in result.stderr
    assert result.exit_code == 0


def test_status_json_has_the_contracts_fields(run: Run, shop: str) -> None:
    found = json.loads(run("status", shop, "--json").stdout)
    fields = ["events", "users", "sessions", "items", "events_by_type", "orders", "revenue", "refunds", "first", "last"]
    assert set(fields) <= set(found)
    assert found["orders"] > 0
    assert found["revenue"] == pytest.approx(9.5 * found["orders"])


def test_flow_json(run: Run, shop: str) -> None:
    found = json.loads(run("flow", shop, "--json").stdout)
    assert {"nodes", "edges", "count"} <= set(found)


def test_tables_show_denominators_and_periods(run: Run, shop: str) -> None:
    shown = run("funnel", shop, "--steps", "view,add_to_cart", "--until", "1970-01-02", "--count", "sessions").stdout
    assert "before 1970-01-02T00:00:00Z" in shown
    assert "sessions in all" in shown
    assert "add_to_cart" in run("status", shop).stdout
    flow = run("flow", shop, "--top", "2").stdout
    assert "more edges" in flow
    assert "steps of" in flow


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--steps", "view", "--within", "7"), "not a duration"),
        (("--steps", ""), "--steps is empty"),
        (("--steps", "view", "--count", "visits"), "cannot count"),
        (("--steps", "view", "--since", "2016-99-99"), "not a date"),
        (("--steps", "view", "--since", "2016-02-02", "--until", "2016-02-01"), "period is empty"),
    ],
)
def test_bad_input_is_a_message_and_code_2(run: Run, shop: str, arguments: tuple[str, ...], message: str) -> None:
    result = run("funnel", shop, *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_no_workspace_and_wrong_usage_end_with_2(run: Run, tmp_path: Path) -> None:
    result = run("status", str(tmp_path))
    assert (result.exit_code, "hint: make one: cartpath init" in result.stderr) == (2, True)
    assert run("funnel", str(tmp_path)).exit_code == 2
    assert run("nothing").exit_code == 2
    assert run("simulate", str(tmp_path), "--users", "0").exit_code == 2


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (CartpathError("wrong", "do this"), 2, "error: wrong\n  hint: do this"),
        (WorkspaceBusyError("busy"), 3, "error: busy"),
        (CorruptStoreError("damaged"), 4, "error: damaged"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ValueError("a bug"), 1, "Traceback"),
    ],
)
def test_how_a_command_ends(
    run: Run, shop: str, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, shown: str
) -> None:
    def fail(_: Shop) -> None:
        raise error

    monkeypatch.setattr(Shop, "status", fail)
    result = run("status", shop)
    assert result.exit_code == code
    assert shown in result.stderr


def test_an_interrupt_outside_a_command_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cartpath.cli.application.app", interrupted)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130


def test_init_makes_a_workspace_once(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    assert run("init", str(folder), "--buckets", "8", "--gap", "45m").exit_code == 0
    text = (folder / "cartpath.toml").read_text()
    assert "buckets = 8" in text
    assert 'gap = "45m"' in text
    assert run("init", str(folder)).exit_code == 2


def test_ingest_forget_and_rebucket(run: Run, tmp_path: Path) -> None:
    folder, log = tmp_path / "shop", tmp_path / "a.csv"
    log.write_text("who,when,what\n" + "".join(f"u{i % 5},2024-01-0{1 + i % 9},view\n" for i in range(20)))
    run("init", str(folder))
    maps = ["--map", "user_id=who", "--map", "ts=when", "--map", "event=what"]
    result = run("ingest", str(folder), str(log), "--adapter", "generic", *maps, "--json")
    found = json.loads(result.stdout)
    fields = (
        "read stored duplicates quarantined source_rows not_requested reasons users sessions items first last seconds"
    )
    assert set(fields.split()) <= set(found)
    assert found["read"] == found["stored"] + found["duplicates"] + found["quarantined"] == 20
    assert run("rebucket", str(folder), "--buckets", "4").exit_code == 0
    evidence = json.loads(run("forget", str(folder), "--user", "u1", "--json").stdout)
    assert "Trained weights change only with the next training" in evidence["limits"]
    assert json.loads(run("status", str(folder), "--json").stdout)["users"] == 4
    again = run("ingest", str(folder), str(log), "--adapter", "generic", *maps)
    assert again.exit_code == 0
    assert "read" in again.stdout


@pytest.mark.parametrize("word", ["ts", "=x", "ts="])
def test_a_map_that_cannot_be_read(run: Run, shop: str, word: str) -> None:
    result = run("ingest", shop, "a.csv", "--adapter", "generic", "--map", word)
    assert (result.exit_code, "--map canonical=column" in result.stderr) == (2, True)


def test_simulate(run: Run, tmp_path: Path) -> None:
    result = run("simulate", str(tmp_path / "a"), "--users", "20", "--days", "7", "--seed", "1", "--json")
    assert json.loads(result.stdout)["users"] == 20
    assert (tmp_path / "a" / "truth.json").exists()
    assert "rows" in run("simulate", str(tmp_path / "b"), "--users", "20", "--days", "7").stdout


def outcomes(*states: str) -> list[StepOutcome]:
    return [StepOutcome(f"step{i}", state, 1.0, "why", {"report": "/r.html"}) for i, state in enumerate(states)]


@pytest.mark.parametrize(
    ("states", "code"),
    [(("done", "done"), 0), (("unchanged", "missing", "done"), 0), (("done", "failed", "waiting", "done"), 2)],
)
def test_run_tells_of_every_step_and_ends_as_they_did(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, states: tuple[str, ...], code: int
) -> None:
    def everything(_: Shop, sources: list[str], adapter: str, *, end: Any, **__: Any) -> list[StepOutcome]:
        for outcome in outcomes(*states):
            end(outcome)
        return outcomes(*states)

    monkeypatch.setattr(Shop, "run", everything)
    result = run("run", str(tmp_path / "shop"), "a.csv", "--adapter", "generic")
    assert result.exit_code == code
    assert result.stdout.splitlines()[-1] == "/r.html"
    for i in range(len(states)):
        assert f"step{i}: " in result.stderr
    as_json = run("run", str(tmp_path / "shop"), "a.csv", "--adapter", "generic", "--json")
    assert [step["state"] for step in json.loads(as_json.stdout)["steps"]] == list(states)


def test_demo_prints_the_report_last_and_keeps_to_one_simulation(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def everything(_: Shop, sources: list[str], adapter: str, **settings: Any) -> list[StepOutcome]:
        asked.append((sources, adapter, settings["items"]))
        return outcomes("done")

    monkeypatch.setattr(Shop, "run", everything)
    small = ("--users", "30", "--days", "5")
    result = run("demo", str(tmp_path / "demo"), *small)
    assert result.exit_code == 0
    assert result.stdout == "/r.html\n"
    assert Path(asked[0][0][0]).exists()
    assert run("demo", str(tmp_path / "demo"), *small).exit_code == 0
    other = run("demo", str(tmp_path / "demo"), "--users", "31", "--days", "5")
    assert (other.exit_code, "other settings" in other.stderr) == (2, True)


def test_model_commands_pass_their_settings_on(run: Run, shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def recommend(_: Path, user_id: str, k: int) -> list[dict[str, Any]]:
        return [{"item_id": f"i{i}", "title": None, "score": 0.5, "why": user_id} for i in range(k)]

    def room(name: str) -> Any:
        def note(kind: str) -> Callable[..., dict[str, Any]]:
            judged = {"target": "purchase", "slice": "test", "best": "gru", "positives": 0, "k": 1}
            judged |= {"results": [{"model": "gru", "k": 1, "auc": 0.5}, {"model": "lstm", "k": 1, "error": "no luck"}]}
            said = {"n": 1, "list": [{"a": 2}]} if kind != "evaluate" else {"n": 1, **judged}
            return lambda *args, **options: asked.update({kind: (args[1:], options)}) or said

        kinds = ("pretrain", "finetune", "evaluate", "evaluate_recommender", "recommend_all")
        row = dict.fromkeys(("task", "model", "metric", "value", "low", "high", "n", "slice"), 1)
        return SimpleNamespace(**{kind: note(kind) for kind in kinds}, metrics=lambda _: [row], recommend=recommend)

    monkeypatch.setattr("cartpath.shop.models._room", room)
    assert json.loads(run("pretrain", shop, "--minutes", "1.5", "--seed", "4", "--json").stdout) == {
        "n": 1,
        "list": [{"a": 2}],
    }
    assert asked["pretrain"][1]["minutes"] == 1.5
    assert (asked["pretrain"][1]["seed"], asked["pretrain"][1]["resume"]) == (4, True)
    assert "list:" in run("finetune", shop, "--fresh").stdout
    assert (asked["finetune"][1]["task"], asked["finetune"][1]["resume"]) == ("intent", False)
    told = run("evaluate", shop, "--slice", "test", "--at-k", "1,3", "--models", "all")
    assert "metric" in told.stdout
    assert "gru" in told.stdout
    assert "lstm failed: no luck" in told.stderr
    assert (asked["evaluate"][1]["at_k"], asked["evaluate"][1]["models"]) == ([1, 3], "all")
    assert run("evaluate", shop, "--at-k", "soon").exit_code == 2
    assert json.loads(run("evaluate", shop, "--task", "intent", "--slice", "test", "--json").stdout)["best"] == "gru"
    assert asked["evaluate"][1]["slice"] == asked["evaluate_recommender"][1]["slice"] == "test"
    found = json.loads(run("recommend", shop, "--user", "u1", "--k", "3", "--json").stdout)
    assert [item["item_id"] for item in found["items"]] == ["i0", "i1", "i2"]
    assert "i9" in run("recommend", shop, "--user", "u1").stdout


def test_recommend_for_many_users_goes_to_a_file(run: Run, shop: str, tmp_path: Path, monkeypatch: Any) -> None:
    asked: dict[str, Any] = {}

    def recommend_all(path: Path, out: Path, **options: Any) -> dict[str, Any]:
        asked.update(options, out=out)
        return {"users": 2, "rows": 6, "users_unknown": 1, "out": str(out)}

    monkeypatch.setattr("cartpath.shop.models._room", lambda name: SimpleNamespace(recommend_all=recommend_all))
    out = tmp_path / "slates.jsonl"
    told = run("recommend", shop, "--users", "all", "-k", "3", "--out", str(out), "--json")
    assert json.loads(told.stdout)["rows"] == 6
    assert (asked["users"], asked["k"], asked["out"]) == ("all", 3, out)
    assert "1 of the users asked for are not in the shop" in told.stderr
    for wrong in (
        ["--users", "all"],
        ["--user", "u", "--users", "all", "--out", str(out)],
        [],
        ["--user", "u", "--out", "a"],
    ):
        found = run("recommend", shop, *wrong)
        assert (found.exit_code, "--user" in found.stderr) == (2, True)


def test_without_pytorch_the_hint_names_the_extra(run: Run, shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("cartpath.shop.models.import_module", absent)
    result = run("pretrain", shop)
    assert (result.exit_code, "pip install 'cartpath[models]'" in result.stderr) == (2, True)


def test_output_into_a_closed_pipe_is_no_error(shop: str, cartpath_command: list[str]) -> None:
    words = " ".join(f"'{word}'" for word in [*cartpath_command, "flow", shop, "--json"])
    result = subprocess.run(
        f"{words} | head -n 1", shell=True, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.stdout == "{\n"
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_what_the_machine_refuses_is_no_bug(monkeypatch: pytest.MonkeyPatch, run: Run, shop: str, number: int) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, "Not Possible", "SHOP/writer.lock")

    monkeypatch.setattr(Shop, "status", refuse)
    result = run("status", shop)
    assert result.exit_code == 2
    assert result.stderr == "error: not possible: SHOP/writer.lock\n"
