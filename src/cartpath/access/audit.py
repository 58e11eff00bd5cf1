"""What administrators did: a line of JSON a deed, appended and never changed."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from cartpath.access.key_file import FOLDER
from cartpath.store.files import sync

#: Who is written where a person at the machine used the command line.
LOCAL = "local"


@dataclass(frozen=True)
class Deed:
    """One line of the log.

    Attributes
    ----------
    time : str
        ISO, UTC, by this machine's clock.
    actor : str
        Id of the key that asked, or ``local``.
    act : str
        Such as ``user.erase``.
    target : str or None
        Salted hash of whom it was done to.
    outcome : str
        Such as ``done``, ``refused`` or ``failed``.
    about : str or None
        What it was done to, where that is no person: the id of a key, a version of a model.
    """

    time: str
    actor: str
    act: str
    target: str | None = None
    outcome: str = "done"
    about: str | None = None


class Audit:
    """The log ``access/audit.jsonl`` of a workspace; processes may append at the same time.

    Examples
    --------
    >>> import tempfile
    >>> shop = tempfile.mkdtemp()
    >>> audit = Audit.open(shop)
    >>> audit.write("0a1b2c", "user.erase", "anna@example.org", "done")
    >>> [(deed.actor, deed.act, deed.outcome) for deed in Audit.open(shop).read(target="anna@example.org")]
    [('0a1b2c', 'user.erase', 'done')]
    >>> "anna" in (Path(shop) / "access" / "audit.jsonl").read_text()
    False
    """

    def __init__(self, path: Path, salt: bytes) -> None:
        self._path = path
        self._salt = salt

    @classmethod
    def open(cls, workspace: Path | str) -> Audit:
        """Open the log of a workspace, and make its salt the first time."""
        folder = Path(workspace) / FOLDER
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(folder / "audit.jsonl", _salt(folder / "audit.salt"))

    def hash(self, target: str) -> str:
        """Return what stands in the log for a person; without the workspace's salt nobody can match it."""
        return hashlib.blake2b(target.encode("utf-8", "replace"), key=self._salt, digest_size=16).hexdigest()

    def write(
        self, actor: str, act: str, target: str | None = None, outcome: str = "done", *, about: str | None = None
    ) -> None:
        """Append a deed; it is on disk when this returns.

        Parameters
        ----------
        actor : str
            Id of a key, never the key.
        act : str
        target : str, optional
            Whom it was done to, as the request names them; hashed here, so that no caller can forget to.
        outcome : str
        about : str, optional
            What it was done to, in words that name no person.
        """
        hashed = None if target is None else self.hash(target)
        when = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps(asdict(Deed(when, actor, act, hashed, outcome, about)), separators=(",", ":"))
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            # One write, so that lines of two processes do not mix; a line that a crash cut short is closed first.
            os.write(descriptor, (_closing(descriptor) + line + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self, *, target: str | None = None) -> Iterator[Deed]:
        """Yield the deeds, the oldest first; a line that was cut short is left out.

        Parameters
        ----------
        target : str, optional
            Only what was done to this person.
        """
        wanted = None if target is None else self.hash(target)
        if not self._path.exists():
            return
        with open(self._path, encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    deed = Deed(**json.loads(line))
                except (ValueError, TypeError):
                    continue
                if wanted is None or deed.target == wanted:
                    yield deed


def _closing(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    return "\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else ""


def _salt(path: Path) -> bytes:
    """Return the salt that is there; else make one, of which the first of several processes wins."""
    if not path.exists():
        temporary = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        sync(temporary)
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return bytes.fromhex(path.read_text(encoding="ascii"))
