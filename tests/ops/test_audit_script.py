"""What the audit of pins says, with and without the advisory service."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLEAN = {"name": "a", "version": "1.0", "vulns": []}
BAD = {"name": "b", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"], "aliases": []}]}
SKIPPED = {"name": "c", "skip_reason": "Dependency not found on PyPI"}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit_script", ROOT / "scripts" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answers: dict[str, Any] | str | None
) -> tuple[int, list[list[str]]]:
    """Return the exit code where pip-audit knows ``answers``, and the pins it was asked for."""
    asked: list[list[str]] = []

    def pip_audit(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        pins = Path(command[command.index("-r") + 1]).read_text().split()
        asked.append(pins)
        if answers is None:
            raise subprocess.TimeoutExpired(command, 1)
        if isinstance(answers, str):
            return subprocess.CompletedProcess(command, 1, answers, "")
        found = {"dependencies": [answers[pin.split("==")[0]] for pin in pins], "fixes": []}
        return subprocess.CompletedProcess(command, 0, json.dumps(found), "")

    monkeypatch.setattr(subprocess, "run", pip_audit)
    (tmp_path / "pins.txt").write_text("# pins\na==1.0\nb==2.0\nc==3.0\n")
    return audit.main(str(tmp_path / "pins.txt")), asked


def test_a_vulnerability_ends_with_1_and_says_what_mends_it(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, asked = run(audit, monkeypatch, tmp_path, {"a": CLEAN, "b": BAD, "c": SKIPPED})
    assert code == 1
    assert capsys.readouterr().out == "b 2.0: PYSEC-1, mended in 2.1\n"
    assert asked == [["a==1.0"], ["a==1.0", "b==2.0", "c==3.0"]]


def test_the_first_pin_counts_too(audit: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code, _ = run(audit, monkeypatch, tmp_path, {"a": BAD, "b": CLEAN, "c": CLEAN})
    assert code == 1


def test_what_was_not_looked_at_is_said(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = run(audit, monkeypatch, tmp_path, {"a": CLEAN, "b": CLEAN, "c": SKIPPED})
    assert code == 0
    assert capsys.readouterr().out.startswith("no known vulnerability in 2 of 3 pinned versions; 1 could not be")


@pytest.mark.parametrize("answers", [None, "", "{}", {"a": SKIPPED}], ids=["slow", "offline", "other", "mirror"])
def test_without_the_service_nothing_fails_and_nobody_is_reassured(
    audit: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    answers: dict[str, Any] | str | None,
) -> None:
    code, asked = run(audit, monkeypatch, tmp_path, answers)
    assert code == 0
    assert "NOTHING was audited" in capsys.readouterr().out
    assert asked == [["a==1.0"]], "the others are not asked for"


def test_make_check_audits() -> None:
    recipe = (ROOT / "Makefile").read_text().split("check: ")[1].split("\n\n")[0]
    assert "scripts/audit.py constraints.txt" in recipe
