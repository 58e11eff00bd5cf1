"""What is kept of each followed file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from cartpath.ingest.follow.fingerprint import Fingerprint
from cartpath.ingest.follow.listing import Seen

Look = tuple[int, int, int]


@dataclass(frozen=True)
class Kept:
    """What is kept of a followed file.

    Attributes
    ----------
    name : str
        Within the followed folder.
    device, inode : int
    look : tuple of int
        Of a file taken as a whole: size, time and inode when it was.
    fingerprint : Fingerprint, optional
        Of a file that is read as it grows: how far.
    gone : str, optional
        Since when it is no longer in the folder, ISO 8601.
    """

    name: str
    device: int
    inode: int
    look: Look = (0, 0, 0)
    fingerprint: Fingerprint | None = None
    gone: str | None = None

    @classmethod
    def of(cls, file: Seen, fingerprint: Fingerprint | None = None) -> Self:
        """Return what is kept of a file as it was seen."""
        return cls(file.name, file.device, file.inode, file.look, fingerprint)

    @property
    def grows(self) -> bool:
        """Whether it is read as it grows."""
        return self.fingerprint is not None

    @property
    def offset(self) -> int:
        """Bytes read of a file that grows."""
        return self.fingerprint.offset if self.fingerprint is not None else 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read of it, so that nothing tells it from others."""
        return not self.offset

    def renamed(self, name: str) -> Kept:
        """Return it under another name."""
        return replace(self, name=name)

    def gone_since(self, when: str | None) -> Kept:
        """Return it as gone, or as there."""
        return self if when == self.gone else replace(self, gone=when)

    def to_json(self) -> dict[str, Any]:
        """Return it for the manifest."""
        common = {"device": self.device, "inode": self.inode} | ({"gone": self.gone} if self.gone else {})
        if self.fingerprint is not None:
            return common | self.fingerprint.to_json()
        return common | {"size": self.look[0], "mtime_ns": self.look[1]}

    @classmethod
    def from_json(cls, name: str, entry: dict[str, Any]) -> Self:
        """Return what ``to_json`` wrote."""
        device, inode, gone = entry["device"], entry["inode"], entry.get("gone")
        if "offset" in entry:
            return cls(name, device, inode, fingerprint=Fingerprint.from_json(entry), gone=gone)
        return cls(name, device, inode, (entry["size"], entry["mtime_ns"], inode), gone=gone)
