"""Who may ask: keys with scopes, limits of how often, and a record of what administrators did.

``create_key(workspace, scopes, name=None) -> str``
    The key itself, shown this once; ``list_keys`` and ``revoke_key`` manage those that are there.
``Keyring.load(workspace).check(key, scope) -> KeyInfo``
    Raises ``NoKey``, ``WrongKey`` or ``TooWeak``; sees a revocation within half a second.
``RateLimits().take(key_id) -> Allowed``
    A bucket of tokens for each key, and what the headers of an answer say of it.
``Audit.open(workspace).write(actor, act, target, outcome)``
    A line a deed, with salted hashes in place of people.
"""

from cartpath.access.audit import Audit, Deed
from cartpath.access.errors import AccessError, NoKey, TooWeak, WrongKey
from cartpath.access.key_file import SCOPES, KeyInfo
from cartpath.access.keyring import Keyring
from cartpath.access.keys import create_key, list_keys, revoke_key
from cartpath.access.limits import Allowed, RateLimits

__all__ = [
    "SCOPES",
    "AccessError",
    "Allowed",
    "Audit",
    "Deed",
    "KeyInfo",
    "Keyring",
    "NoKey",
    "RateLimits",
    "TooWeak",
    "WrongKey",
    "create_key",
    "list_keys",
    "revoke_key",
]
