"""Paths that later events shaped are refused where only what came before a moment may be known."""

from __future__ import annotations

from cartpath.schema import MICROSECONDS, CartpathError, iso


def check_known_before(shaped_until: int, at: int) -> None:
    """Refuse paths that were shaped by what came after a moment.

    Parameters
    ----------
    shaped_until : int
        ``Snapshot.shaped_until``.
    at : int
        Microseconds since 1970 UTC.

    Raises
    ------
    CartpathError
        If values were cleaned by figures of later events, or paths joined by links first seen later.

    Examples
    --------
    >>> check_known_before(10, 10)
    """
    if shaped_until > at:
        day = iso(at - at % (86_400 * MICROSECONDS))
        raise CartpathError(
            f"paths before {iso(at)} were cleaned or joined by what is known from later events",
            f'set until = "{day[:10]}" in [cleaning] and [identity] of cartpath.toml, then run: cartpath clean SHOP'
            " (links need times, or untimed_known = true)",
        )
