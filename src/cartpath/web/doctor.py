"""What doctor says about the data, and what it means for later steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cartpath.figures.style import percent
from cartpath.web import markup as m

Finding = Mapping[str, Any]

_TITLE = "Data quality"


def doctor_section(doctor: Mapping[str, Any]) -> str:
    """Return the section on data quality.

    Parameters
    ----------
    doctor : mapping
        As ``cartpath doctor --json`` prints it, or with the key ``error``. Users that it names are not shown.
    """
    if "error" in doctor:
        return m.section("quality", _TITLE, m.paragraph(f"Could not be checked: {doctor['error']}", "warning"))
    findings: Sequence[Finding] = doctor.get("findings", [])
    serious = [f for f in findings if f["level"] in ("error", "warning")]
    notes = [f for f in findings if f["level"] == "note"]
    fine = [f for f in findings if f["level"] == "ok"]
    words = (
        f"{len(findings):,} checks: {len(serious):,} to act on, {len(notes):,} to know, {len(fine):,} without finding."
    )
    state = doctor.get("state", {}).get("last_good", "")
    return m.section(
        "quality",
        _TITLE,
        m.paragraph(f"{words} Store: {state}." if state else words, "quiet"),
        *(_card(finding) for finding in serious),
        "" if serious else m.paragraph("Nothing here calls for action.", "good"),
        _notes(notes),
        _fine(fine),
    )


def _card(finding: Finding) -> str:
    return (
        f'<div class="finding {m.text(finding["level"])}"><strong>{m.text_long(finding["title"])}</strong>'
        f"{m.paragraph(finding['meaning'])}</div>"
    )


def _notes(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    rows = [(f["title"], percent(f["share"]), f["meaning"]) for f in findings]
    return "<h3>To know</h3>" + m.table(("Found", "Share", "What it means"), rows, numeric=(1,), kind="findings")


def _fine(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    items = m.listing(str(finding["title"]) for finding in findings)
    return f"<details><summary>{len(findings):,} checks without finding</summary>{items}</details>"
