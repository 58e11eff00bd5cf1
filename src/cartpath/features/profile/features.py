"""Features of users as of a moment: one function for the table of all users and for a live path."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from cartpath.features.log import Log
from cartpath.features.profile import activity, habits, orders, prices, text, variety, windows
from cartpath.features.profile.column import Column, UserFeatures
from cartpath.features.profile.past import Past
from cartpath.features.profile.people import People
from cartpath.features.profile.reference import Reference, fit_reference
from cartpath.features.shaped import check_known_before
from cartpath.features.text import Texts

#: Columns that every shop has; those of its table of users follow.
PROFILE_COLUMNS: tuple[Column, ...] = (
    *activity.COLUMNS,
    *orders.COLUMNS,
    *prices.COLUMNS,
    *variety.COLUMNS,
    *windows.COLUMNS,
    *habits.COLUMNS,
)


def feature_columns(people: People | None = None, texts: Mapping[str, int] | None = None) -> list[Column]:
    """Return the columns of ``user_features``, in order.

    Parameters
    ----------
    people : People, optional
    texts : mapping of str to int, optional
        Length of the vectors of each vectoriser of text, as ``Texts.dims`` has them.

    Examples
    --------
    >>> feature_columns()[0].to_dict()
    {'name': 'visits', 'unit': 'visits', 'about': 'Sessions with an event.'}
    """
    return [*PROFILE_COLUMNS, *(people.columns if people is not None else ()), *text.columns(texts or {})]


def user_features(
    log: Log, at: int, zone: str = "UTC", reference: Reference | None = None, texts: Texts | None = None
) -> UserFeatures:
    """Describe each user active before a moment by what happened before it.

    Parameters
    ----------
    log : Log
        Any number of users; a bucket, or one live path.
    at : int
        Microseconds since 1970 UTC. No event at it or after it changes a value.
    zone : str
        IANA name of the shop's time zone: of days, hours and weekdays.
    reference : Reference, optional
        What is read beside the paths; by default it is gathered from ``log``, which then must hold all users, since
        usual prices are those that all of them saw. The item codes must be those of ``log``, or fewer.
    texts : Texts, optional
        Vectorisers whose columns are added, fitted on what came before the moment.

    Returns
    -------
    UserFeatures
        One row a user, in the order of ``log``; users without an event before the moment are left out.

    Raises
    ------
    CartpathError
        If there is no such time zone, later events shaped the paths, or texts were fitted on later ones.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> from cartpath.features import log_from_table
    >>> when = [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 3, 9)]
    >>> log = log_from_table(pa.table({"user_id": ["u"] * 3, "ts": when, "event": ["view", "purchase", "view"]}))
    >>> found = user_features(log, 1_704_326_400_000_000)  # 4 January, 0:00
    >>> dict(zip(found.names, found.values[0].tolist()))["days_since_purchase"], len(found)
    (1.0, 1)
    """
    check_known_before(log.shaped_until, at)
    reference = reference or fit_reference(log, at)
    past = Past(log, at, zone)
    measured = {
        **activity.activity(past, reference.plan),
        **orders.orders(past),
        **prices.prices(past, reference),
        **variety.variety(past, reference),
        **windows.windows(past),
        **habits.habits(past),
    }
    active = np.flatnonzero(np.diff(past.view.offsets))
    user_id = past.view.user_id.take(pa.array(active))
    values = np.column_stack([measured[column.name] for column in PROFILE_COLUMNS])[active]
    people = reference.people
    described = feature_columns(people, texts.dims if texts is not None else {})
    about = text.text(past, log, texts)[active]
    return UserFeatures(described, user_id, np.column_stack([values, people.rows(user_id), about]))
