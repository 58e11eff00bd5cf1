"""Why a request is turned away; none of the messages repeats what was sent."""

from __future__ import annotations

from cartpath.schema import CartpathError


class AccessError(CartpathError):
    """A request that its key does not open.

    Attributes
    ----------
    status : int
        Of the HTTP answer.
    reason : str
        One word for metrics.
    """

    status = 401
    reason = "access"


class NoKey(AccessError):
    """The request came without a key.

    Examples
    --------
    >>> NoKey().status
    401
    """

    reason = "no_key"

    def __init__(self) -> None:
        super().__init__("no key", "send one in the header X-API-Key; an administrator makes it: cartpath keys create")


class WrongKey(AccessError):
    """The key is not known, was revoked, or is not whole; which of these is not said."""

    reason = "wrong_key"

    def __init__(self) -> None:
        super().__init__("this key opens nothing", "it may have been revoked; an administrator lists keys by their id")


class TooWeak(AccessError):
    """The key is good, for other things.

    Parameters
    ----------
    scope : str
        What would be needed.
    """

    status = 403
    reason = "too_weak"

    def __init__(self, scope: str) -> None:
        super().__init__(f"this key is not for {scope}", f"use one that was made with --scopes {scope}")
