"""Who is one person: a user, and every anonymous id that is linked with that user alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.config import IdentitySettings
from cartpath.schema import Columns
from cartpath.store.hashing import hash_strings
from cartpath.store.owners import resolve

Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Person:
    """The ids of one person.

    Attributes
    ----------
    ids : list of str
        The id asked for first.
    owner : str or None
        The user the id asked for is merged with, if it is another's.
    """

    ids: list[str]
    owner: str | None = None


def person_of(links: pa.Table, user_id: str, settings: IdentitySettings) -> Person:
    """Return all ids of the person that an id stands for.

    An id that is merged with a user stands for that user, also where stitching is off or the link came after
    ``until``: a person is the same whatever an experiment may know. A shared device is nobody's.

    Parameters
    ----------
    links : pyarrow.Table
    user_id : str
        Of a user, or anonymous.
    settings : IdentitySettings
        Only ``max_ids`` counts: an id of a user who has more is not merged, and stands for itself.

    Examples
    --------
    >>> from cartpath.store.links import FILE, noted
    >>> links = noted(pa.array(["a", "b", "s", "s"]), pa.array(["u", "a", "u", "v"]), None, FILE)
    >>> person_of(links, "b", IdentitySettings())
    Person(ids=['b', 'a', 'u'], owner='u')
    """
    key = hash_strings(pa.array([user_id]))
    owners = resolve(links, IdentitySettings(max_ids=settings.max_ids)).owners
    row = int(owners.find(key)[0])
    owner = None if row < 0 else str(owners.owner_id[row].as_py())
    anonymous, user = (hash_strings(links[name]) for name in (Columns.anonymous_id, Columns.user_id))
    ids = _closed(anonymous, user, key if row < 0 else owners.owner_key[[row]])
    mine = np.flatnonzero(np.isin(anonymous, ids))
    names = set(links[Columns.anonymous_id].take(pa.array(mine)).to_pylist()) | {owner}
    return Person([user_id, *sorted(name for name in names if name not in (None, user_id))], owner)


def _closed(anonymous: Keys, user: Keys, start: Keys) -> Keys:
    """Add every anonymous id that is linked with none but those there already."""
    found = start
    while True:
        inside = np.isin(user, found) | (anonymous == user)
        new = np.setdiff1d(anonymous[np.isin(user, found)], np.append(anonymous[~inside], found))
        if not len(new):
            return found
        found = np.append(found, new)
