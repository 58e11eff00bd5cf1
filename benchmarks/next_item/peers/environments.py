"""The environments of RecTools and RecBole: found, or made with pip, or left out with a word."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

TORCH = f"torch=={torch.__version__.partition('+')[0]}"
#: What pip installs after PyTorch, which has to be the same for all. RecBole was made for NumPy 1, and its Ray for an
#: older setuptools.
PACKAGES = {
    "rectools": ("rectools[torch]==0.19.0",),
    "recbole": ("recbole==1.2.1", "numpy<2", "pandas<2.3", "scipy<1.13", "setuptools<81"),
}


def python_of(name: str, folder: Path) -> Path | None:
    """Return the Python of a peer's environment, made if it is not there; None, and say why, if it cannot be."""
    python = folder / name / "bin" / "python"
    if _imports(python, name):
        return python
    print(f"making an environment for {name} in {folder / name}", file=sys.stderr)
    pip = [str(python), "-m", "pip", "install", "--quiet"]
    for command in ([sys.executable, "-m", "venv", str(folder / name)], [*pip, TORCH], [*pip, TORCH, *PACKAGES[name]]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(f"{name} is left out: {(done.stderr or done.stdout).strip().splitlines()[-1]}", file=sys.stderr)
            return None
    return python


def _imports(python: Path, name: str) -> bool:
    find = f"import importlib.util as u; raise SystemExit(u.find_spec({name!r}) is None)"
    return python.exists() and subprocess.run([str(python), "-c", find]).returncode == 0
