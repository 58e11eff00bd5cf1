"""``cartpath run``: ingest, analyse, pretrain, fine-tune, evaluate, recommend, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cartpath
from cartpath import config
from cartpath.ingest.derivation import changed_settings, clean
from cartpath.shop.pipeline import Step, StepOutcome, fingerprint, read_state, run_steps
from cartpath.store import write_json

if TYPE_CHECKING:
    from cartpath.shop.shop import Shop

STATE_FILE = "run.json"
#: Users that recommendations are shown for.
_EXAMPLES = 3

#: From a step's name to something that shows progress while the step works, as its room reports it.
ProgressFor = Callable[[str], AbstractContextManager[Callable[..., Any] | None]]


@dataclass(frozen=True)
class Everything:
    """Settings of a run.

    Attributes
    ----------
    sources, adapter, mapping, items, users, options, database, query
        As ``Shop.ingest`` takes them.
    steps, within
        Of the funnel; by default the usual way to an order, without a limit in time.
    epochs, minutes : optional
        Of each training; by default what training itself chooses.
    seed : int
    """

    sources: Sequence[str]
    adapter: str
    mapping: Mapping[str, str] = field(default_factory=dict)
    items: str | None = None
    users: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    database: str | None = None
    query: str | None = None
    steps: str | None = None
    within: str | None = None
    epochs: int | None = None
    minutes: float | None = None
    seed: int = 0

    @property
    def training(self) -> dict[str, Any]:
        """What both trainings are told."""
        return {"epochs": self.epochs, "minutes": self.minutes, "seed": self.seed}


def everything(
    shop: Shop,
    sources: Sequence[str],
    adapter: str,
    *,
    begin: Callable[[str], None] = lambda _: None,
    end: Callable[[StepOutcome], None] = lambda _: None,
    progress_for: ProgressFor = lambda _: nullcontext(),
    **settings: Any,
) -> list[StepOutcome]:
    """Do everything in order, skipping what has not changed.

    Parameters
    ----------
    shop : Shop
    sources : sequence of str
    adapter : str
    begin, end : callable
        Told the name of each step that starts working, and each outcome.
    progress_for : callable
        Shows progress within a step.
    **settings
        Fields of ``Everything``.

    Returns
    -------
    list of StepOutcome

    Raises
    ------
    CartpathError
        If the sources cannot be read. A model that cannot be trained does not stop the report.
    """
    wanted = Everything(sources, adapter, **settings)
    return run_steps(steps_of(shop, wanted, progress_for), shop.path / STATE_FILE, begin, end)


def steps_of(shop: Shop, wanted: Everything, progress_for: ProgressFor) -> list[Step]:
    """Lay out the steps of a run."""
    path = shop.path

    def files(*names: str) -> Callable[[], list[Path]]:
        return lambda: [path / name for name in names]

    def data(*more: Any) -> Callable[[], list[Any]]:
        return lambda: [_generation(shop), cartpath.__version__, *more]

    def shown(name: str, work: Callable[[Callable[..., Any] | None], Any]) -> Callable[[], dict[str, Any]]:
        def run() -> dict[str, Any]:
            with progress_for(name) as progress:
                return _figures_only(_as_dict(work(progress)))

        return run

    def reading(progress: Callable[..., Any] | None) -> Any:
        if changed_settings(path):
            clean(path)
        given = (wanted.mapping, wanted.items, wanted.users, wanted.options)
        return shop.ingest(wanted.sources, wanted.adapter, *given, progress, wanted.database, wanted.query)

    tables = [name for name in (wanted.items, wanted.users) if name]
    told: list[Any] = [wanted.adapter, dict(wanted.mapping), dict(wanted.options)]
    if wanted.query:  # its answer changes: read again, unless the run that read it did not come to its end
        told += [wanted.database, wanted.query, read_state(path / STATE_FILE).get("report", {}).get("finished")]
    return [
        Step(
            "ingest",
            shown("ingest", reading),
            inputs=lambda: [_rules(path), fingerprint([*wanted.sources, *tables]), *told],
            outputs=files("store/manifest.json"),
            vital=True,
        ),
        Step(
            "analyse",
            lambda: analyse(shop, wanted.steps, wanted.within),
            inputs=data(wanted.steps, wanted.within),
            outputs=files("reports/status.json", "reports/funnel.json", "reports/flow.json"),
            after=("ingest",),
        ),
        Step(
            "pretrain",
            shown("pretrain", lambda told: shop.pretrain(**wanted.training, progress=told)),
            inputs=data(wanted.training),
            outputs=files("models/behaviour/current.json"),
            after=("ingest",),
        ),
        Step(
            "finetune",
            shown("finetune", lambda told: shop.finetune(**wanted.training, progress=told)),
            inputs=data(wanted.training),
            outputs=files("models/intent/best.json"),
            after=("pretrain",),
        ),
        Step(
            "evaluate",
            shown("evaluate", lambda told: shop.evaluate(seed=wanted.seed, progress=told)),
            inputs=data(wanted.seed),
            outputs=files("models/intent/metrics.json", "models/recommender/metrics.json"),
            after=("finetune",),
        ),
        Step(
            "recommend",
            lambda: recommend_examples(shop),
            inputs=data(),
            outputs=files("reports/recommendations.json"),
            after=("pretrain",),
        ),
        Step(
            "report",
            lambda: {"report": str(shop.report(wanted.steps, wanted.within))},
            inputs=lambda: [*data(wanted.steps, wanted.within)(), _changes(path / "models")],
            outputs=files("reports/report.html"),
        ),
    ]


def analyse(shop: Shop, steps: str | None, within: str | None) -> dict[str, Any]:
    """Count status, funnel and flow of one generation and keep them as JSON in ``reports``."""
    from cartpath import paths

    with shop.snapshot() as snap:
        found = {
            "status": paths.status(snap).to_dict(),
            "funnel": shop.funnel(steps, within, snap=snap).to_dict(),
            "flow": shop.flow(snap=snap).to_dict(),
        }
    for name, value in found.items():
        write_json(shop.path / "reports" / f"{name}.json", value)
    status = found["status"]
    return {name: status[name] for name in ("events", "users", "sessions", "orders", "revenue")}


def recommend_examples(shop: Shop) -> dict[str, Any]:
    """Recommend items to a few of the latest users and to one nobody knows; keep it as JSON in ``reports``."""
    with shop.snapshot() as snap:
        view = next((v for b in range(snap.n_buckets) if (v := snap.bucket(b)).n_users), None)
        users = []
        if view is not None:
            last = view.ts[view.offsets[1:] - 1]
            users = [view.user_id[int(row)].as_py() for row in last.argsort()[::-1][:_EXAMPLES]]
    unknown = "(unknown user)"
    found = {user: shop.recommend(user) for user in [*users, unknown]}
    write_json(shop.path / "reports" / "recommendations.json", found)
    return {"users": len(users)}


def _rules(path: Path) -> dict[str, Any]:
    """Return how paths are to be cleaned and stitched."""
    settings = config.load(path)
    return {"cleaning": settings.cleaning.to_dict(), "identity": vars(settings.identity)}


def _generation(shop: Shop) -> int:
    with shop.snapshot() as snap:
        return snap.generation


def _changes(folder: Path) -> list[list[Any]]:
    return [[str(path), path.stat().st_mtime_ns] for path in sorted(folder.glob("*/metrics.json"))]


def _figures_only(result: dict[str, Any]) -> dict[str, Any]:
    # The state file keeps what fits a line; the rest is in the files that the step wrote.
    return {name: value for name, value in result.items() if isinstance(value, (str, int, float, bool, type(None)))}


def _as_dict(result: Any) -> dict[str, Any]:
    found: dict[str, Any] = result if isinstance(result, dict) else result.to_dict()
    return found
