"""The keys as a running service has them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from cartpath.access.errors import NoKey, TooWeak, WrongKey
from cartpath.access.key_file import SCOPES, KeyInfo, StoredKey, key_path, new_key, parts, read_keys
from cartpath.schema import CartpathError

_LOG = logging.getLogger(__name__)
#: Seconds for which the file is taken to be as it was: a look costs a system call, on a network drive a round trip.
LOOK_AGAIN = 0.5
_Stamp = tuple[int, int, int]


class Keyring:
    """Keys in memory, read anew once their file was replaced. Threads may share it.

    Parameters
    ----------
    path : Path
    clock : callable
        Seconds that never go back.

    Examples
    --------
    >>> import tempfile
    >>> from cartpath import store
    >>> from cartpath.access import create_key
    >>> shop = tempfile.mkdtemp()
    >>> store.init(shop)
    >>> key = create_key(shop, ["recommend:read"], "front page")
    >>> ring = Keyring.load(shop)
    >>> ring.check(key, "recommend:read").name
    'front page'
    >>> ring.check(key, "admin")
    Traceback (most recent call last):
        ...
    cartpath.access.errors.TooWeak: this key is not for admin
      use one that was made with --scopes admin
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._stamp = _stamp(path)  # before reading: a change in between is seen the next time
        self._keys = read_keys(path)
        self._looked = clock()
        # What an unknown id is compared with, so that it takes as long as a known one.
        self._nobody = new_key(KeyInfo("", (), ""))[1]

    @classmethod
    def load(cls, workspace: Path | str) -> Keyring:
        """Read the keys of a workspace; there may be none yet.

        Raises
        ------
        CorruptStoreError
            If the file is damaged.
        """
        return cls(key_path(workspace))

    def __len__(self) -> int:
        """Return how many keys are good."""
        return sum(key.info.revoked is None for key in self._current().values())

    def check(self, key: str | None, scope: str) -> KeyInfo:
        """Return whose key this is.

        Parameters
        ----------
        key : str or None
            As the request has it.
        scope : str
            What the request needs, one of ``SCOPES``.

        Raises
        ------
        NoKey, WrongKey, TooWeak
        """
        if scope not in SCOPES:
            raise ValueError(f"no scope {scope!r}")
        if not key:
            raise NoKey
        key_id, secret = parts(key)
        stored = self._current().get(key_id, self._nobody)
        if not stored.fits(secret) or stored.info.revoked is not None:
            raise WrongKey
        if scope not in stored.info.scopes:
            raise TooWeak(scope)
        return stored.info

    def _current(self) -> dict[str, StoredKey]:
        now = self._clock()
        if now - self._looked >= LOOK_AGAIN:
            self._looked = now
            stamp = _stamp(self._path)
            if stamp != self._stamp:
                self._read(stamp)
        return self._keys

    def _read(self, stamp: _Stamp | None) -> None:
        try:
            self._keys = read_keys(self._path)
        except (CartpathError, OSError) as error:
            # Closed rather than open: whoever damaged the file may have meant to revoke.
            self._keys = {}
            _LOG.error("no key is accepted until this is put right: %s", error)
        self._stamp = stamp


def _stamp(path: Path) -> _Stamp | None:
    """Return what changes when a file is replaced or written to; None where it cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
