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
    """Return findings of the same meaning together."""
    by_meaning: dict[str, list[Finding]] = {}
    for finding in findings:
        by_meaning.setdefault(finding["meaning"], []).append(finding)
    if not by_meaning:
        return ""
    rows = "".join(
        f"<tr><td>{'<br>'.join(_found(finding) for finding in group)}</td><td>{m.text_long(meaning)}</td></tr>"
        for meaning, group in by_meaning.items()
    )
    head = "<thead><tr><th>Found</th><th>What it means</th></tr></thead>"
    return f'<h3>To know</h3><div class="scroll findings"><table>{head}<tbody>{rows}</tbody></table></div>'


def _found(finding: Finding) -> str:
    return f"{m.text_long(finding['title'])} ({percent(finding['share'])})"


def _fine(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    items = m.listing(str(finding["title"]) for finding in findings)
    return f"<details><summary>{len(findings):,} checks without finding</summary>{items}</details>"
