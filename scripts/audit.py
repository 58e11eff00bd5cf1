"""Ask PyPI's advisory service whether any pinned version has a known vulnerability.

    python scripts/audit.py constraints.txt

Ends with 1 where there is one. Where the service cannot be asked, offline or behind a mirror of packages alone, that is
said, and the end is 0: pip-audit itself would then report no known vulnerabilities, having looked at nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_TIMEOUT = 300


def ask(pins: Sequence[str]) -> list[dict[str, Any]] | None:
    """Return what pip-audit says of each pin; None if it could not say anything."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pins.txt"
        file.write_text("\n".join(pins) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip_audit", "-r", str(file), "--no-deps", "--disable-pip"]
        try:
            found = subprocess.run(
                [*command, "--format", "json", "--progress-spinner", "off", "--timeout", "5"],
                capture_output=True,
                text=True,
                timeout=_TIMEOUT,
                check=False,
            )
            dependencies: list[dict[str, Any]] = json.loads(found.stdout)["dependencies"]
        except (subprocess.TimeoutExpired, ValueError, KeyError):
            return None
    return dependencies


def verdict(found: Sequence[dict[str, Any]] | None) -> tuple[int, list[str]]:
    """Return the exit code, and what is printed.

    Examples
    --------
    >>> verdict([{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}])
    (0, ['no known vulnerability in 1 of 2 pinned versions; 1 could not be audited: b'])
    """
    known = [one for one in found or () if "vulns" in one]
    if not found or not known:
        return 0, ["the advisory service cannot be reached from here: NOTHING was audited (run it where PyPI is)"]
    bad = [(one, vulnerability) for one in known for vulnerability in one["vulns"]]
    if bad:
        return 1, [
            f"{one['name']} {one['version']}: {what['id']}, mended in {', '.join(what['fix_versions']) or 'no version'}"
            for one, what in bad
        ]
    skipped = [one["name"] for one in found if "vulns" not in one]
    rest = f"; {len(skipped)} could not be audited: {', '.join(skipped)}" if skipped else ""
    return 0, [f"no known vulnerability in {len(known)} of {len(found)} pinned versions{rest}"]


def main(path: str) -> int:
    """Audit a file of pins; one is asked for first, so that nobody waits for a service that is not there."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    reached = any("vulns" in one for one in ask(pins[:1]) or ())
    code, words = verdict(ask(pins) if reached else None)
    print("\n".join(words))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
