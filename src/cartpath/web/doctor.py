"""What doctor says about the data, and what it means for later steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cartpath.web import markup as m


def doctor_section(doctor: Mapping[str, Any]) -> str:
    """Return the section on data quality.

    Parameters
    ----------
    doctor : mapping
        As ``cartpath doctor --json`` prints it, or with the key ``error``.
    """
    if "error" in doctor:
        return m.section("quality", "Data quality", m.paragraph(f"Could not be checked: {doctor['error']}", "warning"))
    plain = [(name, m.number(value)) for name, value in doctor.items() if not isinstance(value, (Mapping, list))]
    return m.section("quality", "Data quality", m.table(("Check", "Found"), plain, numeric=(1,)))
