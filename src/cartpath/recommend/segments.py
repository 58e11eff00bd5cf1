"""Who is asked about, by what is known of them: a history or none, the channel, the device."""

from __future__ import annotations

import numpy as np

from cartpath.features import Log
from cartpath.schema import Columns
from cartpath.tasks import NextItemRows

NONE = "(none)"
#: Values of a context that are told apart; others are together.
_MOST = 8


def segments_of(log: Log, rows: NextItemRows) -> dict[str, list[str]]:
    """Return the value of each segment for each row.

    The context is that of the session which the first answer is in: of a user nobody knew there is no earlier one. It
    says who was asked about, and no method was told of it.

    Parameters
    ----------
    log : Log
    rows : NextItemRows
    """
    view = log.view
    known = rows.ends > view.offsets[rows.user]
    found = {"history": ["known" if each else "cold" for each in known]}
    session = view.session[np.minimum(rows.ends, max(view.n_events - 1, 0))]
    for name in (Columns.channel, Columns.device):
        codes = view.sessions.context[name][session]
        if (codes >= 0).any():
            texts = log.codes(name)
            often = np.argsort(-np.bincount(codes[codes >= 0]), kind="stable")[:_MOST]
            kept = set(often.tolist())
            found[name] = [NONE if code < 0 else texts[code] if code in kept else "(other)" for code in codes.tolist()]
    return found
