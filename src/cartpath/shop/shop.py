"""A shop's workspace, as a notebook and the command line use it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cartpath import config
from cartpath.schema import microseconds_of
from cartpath.shop.models import ShopModels
from cartpath.shop.on_engine import on_engine
from cartpath.shop.views import PathViews

if TYPE_CHECKING:
    from cartpath.shop.pipeline import StepOutcome
    from cartpath.store import Snapshot

Progress = Callable[..., Any]


def open(path: str | os.PathLike[str], engine: str | None = None) -> Shop:
    """Open a workspace.

    Parameters
    ----------
    path : str or path-like
    engine : str, optional
        What counts and ingests: ``"threads"``, ``"spark"``, or a Spark master such as ``"spark://host:7077"``; threads
        by default.

    Returns
    -------
    Shop

    Raises
    ------
    CartpathError
        If the folder is not a workspace.
    """
    return Shop(path, engine)


class Shop(PathViews, ShopModels):
    """A workspace. Opening it reads only ``cartpath.toml``; every method reads the newest generation.

    Parameters
    ----------
    path : str or path-like
        A folder made by ``cartpath init``.
    engine : str, optional
        As ``open`` takes it.

    Examples
    --------
    >>> import tempfile
    >>> from cartpath import store
    >>> folder = tempfile.mkdtemp() + "/shop"
    >>> store.init(folder)
    >>> Shop(folder).funnel("view,purchase", within="7d").to_dict()["within_seconds"]
    604800
    """

    def __init__(self, path: str | os.PathLike[str], engine: str | None = None) -> None:
        self.path = Path(path)
        self.settings = config.load(self.path)
        self.engine = engine

    def __repr__(self) -> str:
        return f"Shop({str(self.path)!r})"

    @cached_property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Pin the newest generation, for several questions to the same state: ``with shop.snapshot() as snap``."""
        from cartpath import store

        return store.open_snapshot(self.path)

    def warnings(self) -> list[str]:
        """Return what a reader of numbers should know first: settings that changed since the paths were made."""
        from cartpath.ingest.derivation import changed_settings

        if not changed_settings(self.path):
            return []
        where = shlex.quote(str(self.path))
        return [
            f"[cleaning] or [identity] of {config.FILE_NAME} changed since the paths were made; numbers are as before"
            f" until: cartpath clean {where}"
        ]

    @on_engine
    def doctor(self) -> Any:
        """Look at the state of the store and at the quality of its data."""
        from cartpath.ingest.doctor.diagnosis import diagnose

        return diagnose(self.path)

    @on_engine
    def ingest(
        self,
        sources: Sequence[str | os.PathLike[str]] = (),
        adapter: str = "generic",
        mapping: Mapping[str, str] | None = None,
        items: str | Path | None = None,
        users: str | Path | None = None,
        options: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
        identities: str | Path | None = None,
        database: str | None = None,
        query: str | None = None,
    ) -> Any:
        """Read sources, or a query, into the store; the same file twice changes nothing.

        Parameters
        ----------
        sources : sequence of str or path
            Files, folders and globs.
        adapter : str
            ``ga360``, ``rees46``, ``sequences`` or ``generic``.
        mapping : mapping, optional
            From canonical column to the source's column.
        items, users : path, optional
            Catalogue and user attributes.
        options : mapping, optional
            Of the adapter.
        progress : callable, optional
        identities : path, optional
            Which anonymous id belongs to which user.
        database, query : str, optional
            A database's URL, or ``env:NAME``, and what to select there, in place of ``sources``.

        Returns
        -------
        cartpath.ingest.IngestSummary
        """
        from cartpath.ingest.run import ingest

        return ingest(
            self.path,
            [str(source) for source in sources],
            adapter=adapter,
            mapping=dict(mapping or {}),
            items=items,
            users=users,
            options=dict(options or {}),
            database=database,
            query=query,
            progress=progress,
            identities=identities,
        )

    def identities(self, user: str | None = None) -> dict[str, Any]:
        """Say what the links between ids do, or what they say of one user.

        Parameters
        ----------
        user : str, optional
            An id, anonymous or of a user.

        Returns
        -------
        dict
            See ``cartpath.ingest.identity_report``.
        """
        from cartpath.ingest import identity_report

        with self.snapshot() as snap:
            settings = config.load(self.path).identity
            if user is None:
                return identity_report.overview(snap, settings)
            return identity_report.of_user(snap, settings, user)

    def follow(
        self,
        sources: Sequence[str | os.PathLike[str]],
        adapter: str,
        mapping: Mapping[str, str] | None = None,
        options: Mapping[str, Any] | None = None,
        **pace: Any,
    ) -> Iterator[Any]:
        """Read sources into the store as they grow, each event once; yield what each batch did.

        Parameters
        ----------
        sources : sequence of str or path
            Folders, files, and ``redis://`` URLs of streams.
        adapter : str
        mapping, options : mapping, optional
            As ``ingest`` takes them.
        **pace
            ``every``, ``settle``, ``idle`` (durations), ``stop`` (a ``threading.Event``) and ``say``, as
            ``cartpath.ingest.follow.loop.follow`` takes them.

        Yields
        ------
        cartpath.ingest.follow.batch.Batch
        """
        from cartpath.ingest.follow.loop import follow

        yield from follow(
            self.path,
            [str(source) for source in sources],
            adapter=adapter,
            mapping=dict(mapping or {}),
            options=dict(options or {}),
            **pace,
        )

    def features(self, at: str | int, progress: Progress | None = None) -> Any:
        """Describe each user active before a moment by what happened before it.

        Parameters
        ----------
        at : str or int
            A date or time in the shop's time zone, or microseconds since 1970 UTC.
        progress : callable, optional
            Called with buckets done and buckets in all.

        Returns
        -------
        cartpath.features.UserFeatures
            ``.frame`` is a pandas frame, ``.columns`` say what its columns are. All users are held in memory;
            ``write_features`` holds a bucket.
        """
        from cartpath.features import snapshot_features

        with self.snapshot() as snap:
            return snapshot_features(snap, self._moment(at), self.settings.shop.time_zone, progress)

    def write_features(
        self, at: str | int, out: str | os.PathLike[str], progress: Progress | None = None
    ) -> dict[str, Any]:
        """Write the same as Parquet or CSV, by the file's ending, a bucket at a time.

        Returns
        -------
        dict
            ``rows columns at time_zone generation out warnings``.
        """
        from cartpath.features import check_ending, write_features

        path, moment = check_ending(Path(out)), self._moment(at)
        with self.snapshot() as snap:
            return write_features(snap, moment, path, self.settings.shop.time_zone, progress)

    def feature_columns(self) -> list[dict[str, str]]:
        """Return name, unit and documentation of each column of ``features``."""
        from cartpath.features import People, feature_columns

        with self.snapshot() as snap:
            return [column.to_dict() for column in feature_columns(People.of(snap.users))]

    def _moment(self, at: str | int) -> int:
        return at if isinstance(at, int) else microseconds_of(at, self.settings.shop.zone)

    @on_engine
    def report(self, steps: Sequence[str] | str | None = None, within: str | None = None) -> Path:
        """Write the report, one HTML file that opens without a network.

        Parameters
        ----------
        steps, within : optional
            Of its funnel, as ``funnel`` takes them.

        Returns
        -------
        Path
            ``reports/report.html`` in the workspace.
        """
        from cartpath.shop.content import gather

        # Pages are made by a room above this one, which reads ``ReportContent`` from here: found by name, so that
        # the order of rooms holds.
        path: Path = import_module("cartpath.web.report").write(gather(self, steps, within))
        return path

    @on_engine
    def run(
        self, sources: Sequence[str | os.PathLike[str]] = (), adapter: str = "generic", **options: Any
    ) -> list[StepOutcome]:
        """Do everything in order: ingest, analyse, pretrain, fine-tune, evaluate, recommend, report.

        A step is skipped while nothing that it depends on has changed, so a run that was cut goes on.

        Parameters
        ----------
        sources : sequence of str or path
        adapter : str
        **options
            Of ``cartpath.shop.everything.everything``.

        Returns
        -------
        list of StepOutcome
        """
        from cartpath.shop.everything import everything

        return everything(self, [str(source) for source in sources], adapter, **options)
