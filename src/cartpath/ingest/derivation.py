"""From a workspace's settings to the paths that readers see: what is fitted when, and what is refused."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from cartpath import config, engine, store
from cartpath.config.cleaning import DWELL
from cartpath.ingest import cleaning
from cartpath.ingest.cleaning import Partial, Plan
from cartpath.schema import CartpathError, Columns, iso
from cartpath.store import ALWAYS_SHAPED, NEVER_SHAPED
from cartpath.store.derivation import Derivation, Derived, Pending, RawRuns
from cartpath.store.links import LINKS, no_links
from cartpath.store.owners import Resolution, resolve
from cartpath.store.run import Run

#: Rules of missing values that look at no other event than the one they change.
_UNLEARNED = ("leave", "constant")


@dataclass(frozen=True)
class Cleaning:
    """Applies a plan to a bucket; can be pickled."""

    plan: Plan
    gap_seconds: int
    events: Sequence[str]

    def __call__(self, run: Run) -> Derived:
        """Clean a raw or stitched run."""
        done = cleaning.apply(run, self.plan, self.gap_seconds, self.events)
        return Derived(done.run, done.removed, done.counts)


@dataclass(frozen=True)
class _Scan:
    """Looks at a bucket's raw values for fitting; can be pickled."""

    raw: RawRuns
    settings: config.CleaningSettings
    events: Sequence[str]

    def __call__(self, bucket: int) -> Partial | None:
        run = self.raw[bucket]
        return None if run is None else cleaning.scan(run, self.settings, self.events, self.raw.gap_seconds)


def deriving(
    workspace: Path | str, *, refit: bool = False, accept: bool = False
) -> Callable[[Pending], Derivation | None]:
    """Return what ``store.Writer.commit`` asks how paths are derived.

    Parameters
    ----------
    workspace : Path
    refit : bool
        Fit statistics anew and take changed settings, as ``cartpath clean`` does. Otherwise what was fitted stays,
        and settings that have changed since are refused.
    accept : bool
        Fit anew only where settings have changed, which is not refused then.

    Raises
    ------
    CartpathError
        When it is asked, if the settings are others than the paths were derived with.
    """
    settings = config.load(Path(workspace))

    def derived(pending: Pending) -> Derivation | None:
        changed = accept and _differ(settings, pending.record, pending.was_empty)
        return _derivation(settings, pending, refit or changed)

    return derived


def check_settings(workspace: Path | str) -> None:
    """Refuse settings that have changed since the paths were made, before anything is read.

    Raises
    ------
    CartpathError
        If ``cartpath clean`` has to be run first.
    """
    if changed_settings(workspace):
        raise _changed_error(Path(workspace))


def changed_settings(workspace: Path | str) -> bool:
    """Whether ``[cleaning]`` or ``[identity]`` changed since the paths were made, so that ``clean`` would change them.

    Examples
    --------
    >>> import tempfile
    >>> shop = tempfile.mkdtemp() + "/shop"
    >>> store.init(shop)
    >>> changed_settings(shop)
    False
    """
    settings = config.load(Path(workspace))
    with store.open_snapshot(workspace) as snapshot:
        found = snapshot.derivation
        empty = not any(entry["stats"].get("events") for entry in snapshot.manifest.data["buckets"])
    return _differ(settings, None if found is None else found["record"], empty)


def _wanted(settings: config.Settings) -> dict[str, Any]:
    # Time zones act while files are read, and change nothing that is stored.
    cleaning = {name: value for name, value in settings.cleaning.to_dict().items() if name != "time_zones"}
    return _plain({"cleaning": cleaning, "identity": asdict(settings.identity)})


def _derivation(settings: config.Settings, pending: Pending, refit: bool) -> Derivation | None:
    wanted, before = _wanted(settings), pending.record
    if not refit and _differ(settings, before, pending.was_empty):
        raise _changed_error(pending.snapshot.workspace)
    fitted = None if refit or before is None else before["plan"]
    if fitted is not None and not fitted["fitted_on"]:
        fitted = None  # there was nothing yet to fit on
    plan = _plan(settings.cleaning, pending, fitted)
    found = resolve(pending.table(LINKS, no_links()), settings.identity)
    stitched = settings.identity.stitch and len(found.owners) > 0
    linked_until = _linked_until(pending, settings.identity) if settings.identity.stitch else NEVER_SHAPED
    if plan is None and not stitched and linked_until == NEVER_SHAPED:
        return None
    record = {
        "settings": wanted,
        "plan": None if plan is None else plan.to_dict(),
        "identity": _identity(found) if stitched else None,
        "shaped_until": max(_fitted_until(plan), linked_until),
    }
    events = pending.codes.text("event")
    gap = int(pending.manifest.data["gap_seconds"])
    transform = None if plan is None else Cleaning(plan, gap, events)
    return Derivation(_plain(record), found.owners if stitched else None, transform)


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """Return what JSON makes of a value, so that it equals what is read back."""
    plain: dict[str, Any] = json.loads(json.dumps(value, default=str))
    return plain


def _differ(settings: config.Settings, before: dict[str, Any] | None, empty: bool) -> bool:
    if before is None:
        return settings.cleaning.active and not empty
    # A setting that came after the paths were made has its default there.
    default, now = _wanted(config.Settings()), _wanted(settings)
    then = {part: {**default[part], **before["settings"][part]} for part in now}
    return any(value != then[part][name] for part, values in now.items() for name, value in values.items())


def _changed_error(shop: Path) -> CartpathError:
    return CartpathError(
        f"[cleaning] or [identity] of {shop / config.FILE_NAME} changed since the paths were made",
        f"make them anew first: cartpath clean {shlex.quote(str(shop))}",
    )


def _plan(settings: config.CleaningSettings, pending: Pending, fitted: dict[str, Any] | None) -> Plan | None:
    if not settings.active:
        return None
    if fitted is not None:
        return Plan.from_dict(fitted)
    raw = pending.raw_runs()
    work = _Scan(raw, settings, pending.codes.text("event"))
    partials = [part for part in pending.mapper(work, range(len(raw))) if part is not None]
    if not partials:
        return cleaning.fit([], settings, work.events, raw.gap_seconds)
    plan = cleaning.finish(reduce(cleaning.merge, partials), settings)
    if not plan.fitted_on and _fitted_until(plan) != NEVER_SHAPED:
        raise CartpathError(
            f"[cleaning] until = {settings.until!r} is before every event, so there is nothing to fit the rules on",
            "choose a later date, or leave until out",
        )
    return plan


def _fitted_until(plan: Plan | None) -> int:
    """Return the moment before which events shaped what cleaning does to others."""
    if plan is None:
        return NEVER_SHAPED
    rules = plan.settings
    learned = [
        getattr(rules.missing, name).partition(":")[0] not in _UNLEARNED for name in (Columns.price, Columns.quantity)
    ]
    learned += [rules.outliers.of(name) is not None for name in (Columns.price, Columns.quantity, DWELL)]
    if not any(learned) and rules.robots == "leave" and rules.clock_skew_us is None:
        return NEVER_SHAPED
    return ALWAYS_SHAPED if plan.until is None else plan.until


def _linked_until(pending: Pending, settings: config.IdentitySettings) -> int:
    """Return the moment by which the last link that counts was first seen; of one without a time nobody knows."""
    links = pending.table(LINKS, no_links())[Columns.first]
    if links.null_count and not settings.untimed_known:
        return ALWAYS_SHAPED
    first = links.drop_null().cast("int64").to_numpy()
    if settings.until_us is not None:
        first = first[first < settings.until_us]
    return int(first.max()) + 1 if len(first) else NEVER_SHAPED


def _identity(found: Resolution) -> dict[str, int]:
    names = ("links", "merged_ids", "users", "shared_devices", "cycles", "too_many_ids", "self_links", "after_until")
    return {name: int(getattr(found, name)) for name in names}


def clean(workspace: Path | str) -> dict[str, Any]:
    """Make a shop's paths anew from what was ingested, as ``[cleaning]`` and ``[identity]`` say now.

    Parameters
    ----------
    workspace : Path

    Returns
    -------
    dict
        ``events``, ``users`` and ``sessions`` that readers see; ``ingested``, the events there are; ``removed``,
        those taken out; ``counts`` by rule; ``fitted_on``, ``identity``, ``shaped_until``; ``generation``.

    Raises
    ------
    CartpathError
        If this is no workspace, or a setting is wrong.
    """
    mapper = engine.map if engine.current().remote else None
    with store.writer(workspace, mapper=mapper) as writer:
        writer.commit(derived=deriving(workspace, refit=True))
    with store.open_snapshot(workspace) as snapshot:
        return _told(snapshot)


def _told(snapshot: store.Snapshot) -> dict[str, Any]:
    totals, found = snapshot.totals, snapshot.derivation
    record = {} if found is None else found["record"]
    ingested = snapshot.ingested
    shaped = snapshot.shaped_until
    return {
        "generation": snapshot.generation,
        "ingested": ingested,
        "events": totals.events,
        "removed": ingested - totals.events,
        "users": totals.users,
        "sessions": totals.sessions,
        "counts": {} if found is None else found["counts"],
        "fitted_on": (record.get("plan") or {}).get("fitted_on"),
        "identity": record.get("identity"),
        "shaped_until": None if shaped == NEVER_SHAPED else "always" if shaped == ALWAYS_SHAPED else iso(shaped),
    }
