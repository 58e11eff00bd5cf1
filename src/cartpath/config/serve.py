"""``[serve]`` of ``cartpath.toml``: how the service runs; see ``docs/configuration.md``."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any

from cartpath.config.checks import quoted, whole
from cartpath.schema import CartpathError

#: Live paths in the process itself.
EMBEDDED = "embedded"
#: What can be asked of the service.
SCORERS = ("recommend", "intent", "churn", "next")
_REDIS = ("redis://", "rediss://", "unix://")
_SIZE = re.compile(r"(\d+)\s*(B|kB|MB|GB)")
_UNITS = {"B": 1, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}


@dataclass(frozen=True)
class ServeSettings:
    """``[serve]``: state, limits and processes of the service.

    Attributes
    ----------
    state : str
        ``"embedded"``, or the URL of a Redis, such as ``"redis://localhost:6379/0"``.
    rate_limit : int
        Requests a second and key.
    body_limit : int
        Bytes of a request's body; a text with its unit, such as ``"1MB"``, is read as bytes.
    queue : int
        Requests that wait to be scored; beyond it the service says that it is full.
    workers : int
        Processes; more than one need a state that they share.
    scorers : tuple of str
        What must be loaded before the service is ready, of ``SCORERS``; with none named, whatever is trained is loaded.

    Examples
    --------
    >>> ServeSettings(body_limit="2MB").body_limit
    2000000
    """

    state: str = EMBEDDED
    rate_limit: int = 1000
    body_limit: int = 1_000_000
    queue: int = 1024
    workers: int = 1
    scorers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # What is wrong is not repeated: a URL may have a password.
        if not isinstance(self.state, str) or not (self.state == EMBEDDED or self.state.startswith(_REDIS)):
            raise CartpathError(
                "[serve] state must be embedded or the URL of a Redis", 'such as state = "redis://localhost:6379/0"'
            )
        object.__setattr__(self, "body_limit", _bytes(self.body_limit))
        for name, most in (("rate_limit", 10_000_000), ("queue", 1_000_000), ("workers", 256)):
            whole(f"[serve] {name}", getattr(self, name), 1, most)
        object.__setattr__(self, "scorers", _scorers(self.scorers))
        if self.workers > 1 and self.state == EMBEDDED:
            raise CartpathError(
                f"[serve] workers = {self.workers} need a state that they share",
                'write state = "redis://..." too, or workers = 1',
            )

    def to_toml(self) -> str:
        """Return the settings that are not the defaults as a table of ``cartpath.toml``, empty if there are none.

        Examples
        --------
        >>> print(ServeSettings(queue=64).to_toml(), end="")
        [serve]
        queue = 64
        """
        default = ServeSettings()
        kept = [f.name for f in fields(self) if getattr(self, f.name) != getattr(default, f.name)]
        lines = [f"{name} = {quoted(_written(name, getattr(self, name)))}\n" for name in kept]
        return "".join(["[serve]\n", *lines]) if lines else ""


def _bytes(value: int | str) -> int:
    if isinstance(value, str):
        found = _SIZE.fullmatch(value.strip())
        value = int(found[1]) * _UNITS[found[2]] if found else -1
    if type(value) is not int or not 1000 <= value <= 1_000_000_000:
        raise CartpathError(
            "[serve] body_limit must be a size from 1kB to 1GB", 'a number with its unit, such as body_limit = "1MB"'
        )
    return value


def _scorers(names: object) -> tuple[str, ...]:
    if not isinstance(names, list | tuple) or any(name not in SCORERS for name in names):
        raise CartpathError(
            f"[serve] scorers are of {', '.join(SCORERS)}", 'a list of names, such as scorers = ["recommend", "intent"]'
        )
    return tuple(names)


def _written(name: str, value: Any) -> Any:
    return f"{value}B" if name == "body_limit" else value
