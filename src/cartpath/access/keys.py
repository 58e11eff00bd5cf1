"""Making, listing and revoking keys."""

from __future__ import annotations

import math
import re
import secrets
import shlex
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cartpath import config
from cartpath.access.audit import LOCAL, Audit
from cartpath.access.key_file import SCOPES, KeyInfo, changing, key_path, new_key, read_keys
from cartpath.schema import CartpathError

_ID_BYTES = 6
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,100}")


def create_key(
    workspace: Path | str, scopes: Collection[str], name: str | None = None, *, rate: float | None = None
) -> str:
    """Make a key and return it; only a hash of it is kept, so it cannot be shown again.

    Parameters
    ----------
    workspace : Path
    scopes : collection of str
        Of ``SCOPES``. None implies another: a key for administration does not read scores.
    name : str, optional
        For people who look through the list, such as ``checkout page``.
    rate : float, optional
        Requests a second of this key; by default what the service gives each.

    Returns
    -------
    str

    Raises
    ------
    CartpathError
        If this is no workspace, or a scope, the name or the rate cannot be.
    """
    config.load(Path(workspace))
    wanted = _scopes(scopes)
    if name is not None and not _NAME.fullmatch(name):
        raise CartpathError("the name of a key has 1 to 100 characters, all of them printable", "choose another name")
    if rate is not None and not (math.isfinite(rate) and rate > 0):
        raise CartpathError(f"a rate of {rate:g} requests a second lets nothing through", "give a number above 0")
    with changing(key_path(workspace)) as keys:
        fresh = next(key_id for key_id in iter(lambda: secrets.token_hex(_ID_BYTES), "") if key_id not in keys)
        key, keys[fresh] = new_key(KeyInfo(fresh, wanted, _now(), name, rate=rate))
    Audit.open(workspace).write(LOCAL, "key.create", about=fresh)
    return key


def list_keys(workspace: Path | str) -> list[KeyInfo]:
    """Return all keys, revoked ones too, the oldest first.

    Raises
    ------
    CartpathError
        If this is no workspace.
    """
    config.load(Path(workspace))
    return [key.info for key in read_keys(key_path(workspace)).values()]


def revoke_key(workspace: Path | str, key_id: str) -> None:
    """End a key for good; running services see it within half a second.

    Raises
    ------
    CartpathError
        If there is no such key. One that is revoked already stays so, with its first time.
    """
    config.load(Path(workspace))
    with changing(key_path(workspace)) as keys:
        if key_id not in keys:
            # Somebody may give the key itself, which should not be repeated on a screen.
            raise CartpathError("no key has this id", f"see: cartpath keys list {shlex.quote(str(workspace))}")
        found = keys[key_id]
        keys[key_id] = replace(found, info=replace(found.info, revoked=found.info.revoked or _now()))
    Audit.open(workspace).write(LOCAL, "key.revoke", about=key_id)


def _scopes(scopes: Collection[str]) -> tuple[str, ...]:
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        wrong = f"unknown scope {unknown[0]!r}" if unknown else "a key without a scope opens nothing"
        raise CartpathError(wrong, f"scopes are: {', '.join(SCOPES)}")
    return tuple(scope for scope in SCOPES if scope in scopes)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
