"""The environments of contenders that Cartpath does not depend on: found, or made with pip, or left out with a word."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

#: What pip installs. pm4py is under the AGPL: it is measured here, in its own environment, and nothing more.
PACKAGES = {
    "retentioneering": ("retentioneering==5.*", "pyarrow"),
    "pm4py": ("pm4py==2.7.*", "pyarrow"),
}


def python_of(name: str, folder: Path) -> Path | None:
    """Return the Python of a contender's environment, made if it is not there; None, and say why, if it cannot be."""
    python = folder / name / "bin" / "python"
    if not _imports(python, name):
        print(f"making an environment for {name} in {folder / name}", file=sys.stderr)
        for command in (
            [sys.executable, "-m", "venv", str(folder / name)],
            [str(python), "-m", "pip", "install", "--quiet", *PACKAGES[name]],
        ):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                print(f"{name} is left out: {(done.stderr or done.stdout).strip().splitlines()[-1]}", file=sys.stderr)
                return None
    return python


def version_of(name: str, python: Path) -> str:
    """Return what is installed there, such as ``pm4py 2.7.23``."""
    code = f"from importlib.metadata import version as v; print({name!r}, v({name!r}), '(pandas', v('pandas') + ')')"
    return subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def _imports(python: Path, name: str) -> bool:
    find = f"import importlib.util as u; raise SystemExit(u.find_spec({name!r}) is None)"
    return python.exists() and subprocess.run([str(python), "-c", find]).returncode == 0
