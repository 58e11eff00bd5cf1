"""The file of keys: what is kept of each, how a key reads, and how the file is written.

A key is ``cpk_ID_SECRET``: a mark by which scanners of leaked secrets find it, an id that may be shown and logged,
and 32 bytes of the system's random generator. What is kept is BLAKE2b of the secret with a salt of its own. A slow hash
(scrypt, Argon2) is for passwords, which people choose and others guess; nobody goes through 2^256 secrets, so a fast
one gives nothing away, and a check costs microseconds where a slow one would cost each request tens of milliseconds.
The salt keeps two files apart that hold the same key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cartpath.schema import CartpathError, CorruptStoreError
from cartpath.store.files import atomic, exclusive

#: What keys may be for: send events, read scores of any kind, manage (erase, reload).
SCOPES = ("events:write", "recommend:read", "admin")

#: Folder of a workspace with the keys and the audit log; and the variable that names a key file elsewhere.
FOLDER = "access"
VARIABLE = "CARTPATH_KEYS"

_MARK = "cpk"
_SECRET_BYTES, _SALT_BYTES = 32, 16
_VERSION = 1


@dataclass(frozen=True)
class KeyInfo:
    """What may be told of a key.

    Attributes
    ----------
    id : str
    scopes : tuple of str
    created : str
        ISO time, UTC.
    name : str or None
    revoked : str or None
        ISO time, None while it is good.
    rate : float or None
        Requests a second; None is what the service has for all.
    """

    id: str
    scopes: tuple[str, ...]
    created: str
    name: str | None = None
    revoked: str | None = None
    rate: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self) | {"scopes": list(self.scopes)}


@dataclass(frozen=True)
class StoredKey:
    """A key as the file has it: what may be told, a salt, and the hash of the secret."""

    info: KeyInfo
    salt: bytes
    digest: bytes

    def fits(self, secret: str) -> bool:
        """Return whether this is the secret, in a time that does not depend on how much of it is right."""
        return hmac.compare_digest(_digest(secret, self.salt), self.digest)


def new_key(info: KeyInfo) -> tuple[str, StoredKey]:
    """Return a new key and what is kept of it.

    Examples
    --------
    >>> key, stored = new_key(KeyInfo("0a1b2c", ("admin",), "2026-12-01T00:00:00+00:00"))
    >>> key[:11], len(key)
    ('cpk_0a1b2c_', 54)
    >>> stored.fits(parts(key)[1]), stored.fits("guess")
    (True, False)
    """
    secret, salt = secrets.token_urlsafe(_SECRET_BYTES), secrets.token_bytes(_SALT_BYTES)
    return f"{_MARK}_{info.id}_{secret}", StoredKey(info, salt, _digest(secret, salt))


def parts(key: str) -> tuple[str, str]:
    """Return the id and the secret of a key, both empty where it is none.

    Examples
    --------
    >>> parts("cpk_0a1b2c_x_y"), parts("Bearer abc")
    (('0a1b2c', 'x_y'), ('', ''))
    """
    mark, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    return (key_id, secret) if mark == _MARK and secret else ("", "")


def _digest(secret: str, salt: bytes) -> bytes:
    return hashlib.blake2b(secret.encode("utf-8", "replace"), digest_size=32, salt=salt).digest()


def key_path(workspace: Path | str) -> Path:
    """Return where a workspace's keys are: what ``CARTPATH_KEYS`` names, else ``access/keys.json``."""
    return Path(os.environ.get(VARIABLE) or Path(workspace) / FOLDER / "keys.json")


def read_keys(path: Path) -> dict[str, StoredKey]:
    """Read the keys by their id; none where there is no file.

    Raises
    ------
    CorruptStoreError
        If the file is not what ``write_keys`` writes.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != _VERSION:
            raise CartpathError(f"{path} is of version {data['version']}", "use the Cartpath that wrote it")
        return {key.info.id: key for key in map(_stored, data["keys"])}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptStoreError(f"{path} is damaged: {error}", "restore it, or delete it and make new keys") from None


def _stored(row: dict[str, Any]) -> StoredKey:
    kept = {name: row[name] for name in ("id", "created", "name", "revoked", "rate")}
    return StoredKey(
        KeyInfo(scopes=tuple(row["scopes"]), **kept), bytes.fromhex(row["salt"]), bytes.fromhex(row["hash"])
    )


@contextmanager
def changing(path: Path) -> Iterator[dict[str, StoredKey]]:
    """Yield the keys to be changed, alone, and write them once the block ends well; nobody else may read the file.

    Raises
    ------
    WorkspaceBusyError
        If another process is changing them.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    busy = f"process {{holder}} is changing {path}"
    with exclusive(path.with_suffix(".lock"), busy, "try again when it has ended"):
        keys = read_keys(path)
        yield keys
        rows = [
            key.info.to_dict() | {"salt": key.salt.hex(), "hash": key.digest.hex()}
            for key in sorted(keys.values(), key=lambda key: (key.info.created, key.info.id))
        ]
        text = json.dumps({"version": _VERSION, "keys": rows}, indent=1)
        with atomic(path) as temporary, open(temporary, "x", opener=_private, encoding="utf-8") as file:
            file.write(text)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
