"""The counting rule of a question, in the shop's time zone unless it names another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cartpath.config import Settings
    from cartpath.paths import Counting


def rule_in(settings: Settings, options: Mapping[str, Any], **more: Any) -> Counting:
    """Read the options of the counting rule.

    Parameters
    ----------
    settings : Settings
        ``[shop] time_zone`` is that of dates and clock times where ``options`` has none.
    options : mapping
        As ``cartpath.paths.counting.CountingOptions`` has them.
    **more
        Of ``Counting.of``.

    Returns
    -------
    Counting

    Examples
    --------
    >>> from cartpath.config import Settings, ShopSettings
    >>> rule_in(Settings(shop=ShopSettings("America/Los_Angeles")), {"since": "2016-08-01"}).words
    'all events from 2016-08-01T00:00 on (America/Los_Angeles)'
    """
    from cartpath.paths import Counting

    zone = options.get("time_zone") or settings.shop.time_zone
    return Counting.of(**{**options, **more, "time_zone": zone})
