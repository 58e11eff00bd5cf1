"""What models are worth to each channel, device or country, and to new and returning users, at one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation import GroupMetrics, by_group
from cartpath.evaluation.groups import MIN_OF_EACH
from cartpath.features import Log
from cartpath.models.artefact import finite
from cartpath.schema import CODED_CONTEXT, OTHER, CartpathError
from cartpath.tasks import IntentRows

Floats = npt.NDArray[np.float64]
RETURNING = "returning"
#: Groups of a property that have a row of their own, the largest; the others are one.
MOST = 12
SMALL = f"fewer than {MIN_OF_EACH} of one answer: too few to judge by"


def check_groups(names: Sequence[str]) -> None:
    """Refuse a property that sessions do not have.

    Raises
    ------
    CartpathError
        If a name is unknown.
    """
    known = (*CODED_CONTEXT, RETURNING)
    if unknown := [name for name in names if name not in known]:
        raise CartpathError(f"models cannot be judged by {unknown[0]!r}", f"known: {', '.join(known)}")


def group_values(log: Log, rows: IntentRows, name: str) -> npt.NDArray[Any]:
    """Return the group of each row, as it was known at the moment it is asked about; None where it was not (n,).

    Parameters
    ----------
    log : Log
    rows : IntentRows (n)
    name : str
        A property of sessions, or ``returning``: ``returning`` where the user has an earlier session, else ``new``.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from cartpath.features import log_from_table
    >>> from cartpath.tasks import TimeSplit, intent_rows
    >>> when = pa.array([0, 9000], pa.timestamp("s", tz="UTC"))
    >>> log = log_from_table(pa.table({"user_id": ["u"] * 2, "ts": when, "event": ["view"] * 2}))
    >>> group_values(log, intent_rows(log, TimeSplit((2**62,) * 3)), "returning").tolist()
    ['new', 'returning']
    """
    sessions = log.view.sessions
    if name == RETURNING:
        first = np.searchsorted(sessions.user, sessions.user[rows.session], side="left")
        return np.where(rows.session > first, RETURNING, "new").astype(object)
    codes, shown = sessions.context[name][rows.session], sessions.context_ts[rows.session]
    known = (codes >= 0) & (shown >= 0) & (log.view.ts[rows.ends - 1] >= shown)
    texts = np.array([*log.codes(name), None], object)
    return texts[np.where(known, codes, -1)]


def group_tables(
    log: Log,
    rows: IntentRows,
    said: Mapping[str, tuple[Floats, Floats]],
    names: Sequence[str],
    step: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Return a row for each property, group and model, the largest groups first.

    Parameters
    ----------
    log : Log
    rows : IntentRows (n)
        Of one step of the slice that is judged.
    said : mapping of str to tuple of float64 arrays (n,)
        Of each model: what rows are ranked by, and the probabilities.
    names : sequence of str
    step : int
    seed : int

    Returns
    -------
    list of dict
        ``by group model k n positives users rate predicted auc auc_ci ap ap_ci log_loss log_loss_ci ece ece_ci note``;
        ``note`` says where a group is too small, and is None elsewhere.
    """
    check_groups(names)
    found = []
    for name in names:
        groups = _largest(group_values(log, rows, name))
        tables = {
            model: by_group(rows.label, p, groups, rows.user, seed=seed, scores=scores)
            for model, (scores, p) in said.items()
        }
        for place in range(len(next(iter(tables.values()), []))):
            found += [_row(name, model, step, table[place]) for model, table in tables.items()]
    return found


def _largest(groups: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Call all groups but the largest ones by one name."""
    texts = np.array(["" if value is None else value for value in groups], object)
    values, counts = np.unique(texts, return_counts=True)
    kept = set(values[np.argsort(-counts, kind="stable")[:MOST]].tolist()) | {""}
    return np.array([text if text in kept else OTHER for text in texts], object)


def _row(by: str, model: str, step: int, group: GroupMetrics) -> dict[str, Any]:
    about = {"by": by, "group": group.group, "model": model, "k": step, "n": group.n, "positives": group.positives}
    about |= {"users": group.users, "rate": group.rate, "predicted": group.predicted}
    for name, figure in (("auc", group.auc), ("ap", group.average_precision), ("log_loss", group.log_loss)):
        about |= {name: figure.value, f"{name}_ci": [figure.low, figure.high]}
    error = group.calibration_error
    about |= {"ece": error.value, "ece_ci": [error.low, error.high], "note": SMALL if group.small else None}
    return dict(finite(about))
