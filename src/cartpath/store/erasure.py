"""Users who asked to be forgotten: only salted hashes are kept, so that ingest can refuse them."""

from __future__ import annotations

import hashlib
import json
import secrets
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.store.files import write_json


class Forgotten:
    """The list of forgotten users of a workspace.

    Attributes
    ----------
    salt : str
        Of this workspace; without it a hash cannot be matched across workspaces.
    hashes : set of str
    """

    def __init__(self, path: Path, salt: str, hashes: set[str]) -> None:
        self._path = path
        self.salt = salt
        self.hashes = hashes

    @classmethod
    def load(cls, workspace: Path) -> Forgotten:
        """Read the list; an empty one if nobody was forgotten."""
        path = Path(workspace) / "store" / "forgotten.json"
        if not path.exists():
            return cls(path, secrets.token_hex(16), set())
        data = json.loads(path.read_text(encoding="utf-8"))
        return cls(path, data["salt"], set(data["hashes"]))

    def hash(self, user_id: str) -> str:
        """Return the salted hash of a user."""
        return hashlib.blake2b(user_id.encode(), key=self.salt.encode(), digest_size=16).hexdigest()

    def add(self, *user_ids: str) -> list[str]:
        """Put ids on the list and save it; return their salted hashes."""
        digests = [self.hash(user_id) for user_id in user_ids]
        self.hashes.update(digests)
        write_json(self._path, {"salt": self.salt, "hashes": sorted(self.hashes)})
        return digests

    def mask(self, user_ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
        """Mark forgotten users (n,)."""
        if not self.hashes:
            return np.zeros(len(user_ids), np.bool_)
        encoded = user_ids.dictionary_encode()
        encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
        bad = np.array(
            [u is not None and self.hash(u) in self.hashes for u in encoded.dictionary.to_pylist()] + [False]
        )
        index = encoded.indices.fill_null(len(bad) - 1).to_numpy(zero_copy_only=False)
        marked: npt.NDArray[np.bool_] = bad[index]
        return marked
