"""Commands about data: init, ingest, doctor, simulate, forget, rebucket."""

from __future__ import annotations

import shlex
from typing import Annotated, Any

import typer

from cartpath.cli.application import command
from cartpath.cli.options import EngineName, Json, Workspace, known_zone
from cartpath.cli.output import print_json, print_record, print_table, progress, say, warn
from cartpath.schema import CartpathError

Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SOURCE]...", help="Files, folders, globs; or redis:// URLs; none with --database."),
]
MaybeAdapter = Annotated[
    str | None,
    typer.Option(
        "--adapter",
        metavar="NAME",
        help="One of `cartpath adapters`, or a .py file of your own; needed unless only --identities is given.",
    ),
]
AdapterName = Annotated[
    str, typer.Option(metavar="NAME", help="One of `cartpath adapters`, or a .py file of your own.")
]
Map = Annotated[
    list[str] | None, typer.Option("--map", metavar="CANONICAL=COLUMN", help="Which column is which; repeat it.")
]
Items = Annotated[str | None, typer.Option(metavar="FILE", help="Catalogue of items to load.")]
Users = Annotated[str | None, typer.Option(metavar="FILE", help="User attributes to load.")]
Identities = Annotated[
    str | None, typer.Option(metavar="FILE", help="Which anonymous_id belongs to which user_id; see identities.")
]
Impressions = Annotated[bool, typer.Option("--impressions", help="ga4, ga360: keep list impressions as events.")]
Layout = Annotated[
    str | None, typer.Option("--format", metavar="NAME", help="sequences: the layout of a line, if not as it looks.")
]
Options = Annotated[
    list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="Any option of the adapter; repeat it.")
]
Follow = Annotated[bool, typer.Option("--follow", help="Go on: take new files, growing ones and streams as they come.")]
Every = Annotated[str, typer.Option(metavar="DURATION", help="--follow: between two batches.")]
Settle = Annotated[
    str, typer.Option(metavar="DURATION", help="--follow: how long a file must stay as it is to be taken as a whole.")
]
Idle = Annotated[
    str | None, typer.Option(metavar="DURATION", help="--follow: stop after this long without anything new.")
]
Database = Annotated[
    str | None, typer.Option(metavar="URL", help="Read a query from a database, postgresql://...; or env:NAME.")
]
Query = Annotated[str | None, typer.Option(metavar="SQL", help="What to select from --database.")]


@command()
def init(
    shop: Workspace,
    buckets: Annotated[int | None, typer.Option(help="Buckets that users are spread over; 64 by default.")] = None,
    gap: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Inactivity that ends a session without an id; 30m by default."),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            callback=known_zone,
            help="The shop's time zone, an IANA name such as Europe/Berlin; UTC by default.",
        ),
    ] = None,
) -> None:
    """Make a workspace."""
    from cartpath import config, store

    settings = None
    if buckets is not None or gap is not None or time_zone is not None:
        default = config.Settings()
        settings = config.Settings(
            store=config.StoreSettings(default.store.buckets if buckets is None else buckets),
            sessions=config.SessionSettings(default.sessions.gap if gap is None else gap),
            shop=config.ShopSettings(default.shop.time_zone if time_zone is None else time_zone),
        )
    store.init(shop, settings)
    say(f"{shop} is ready; next: cartpath ingest {shlex.quote(str(shop))} SOURCE... --adapter NAME")


@command()
def ingest(
    shop: Workspace,
    sources: Sources = None,
    adapter: MaybeAdapter = None,
    database: Database = None,
    query: Query = None,
    mapping: Map = None,
    items: Items = None,
    users: Users = None,
    identities: Identities = None,
    impressions: Impressions = False,
    layout: Layout = None,
    option: Options = None,
    engine: EngineName = None,
    follow: Follow = False,
    every: Every = "5s",
    settle: Settle = "2s",
    idle: Idle = None,
    as_json: Json = False,
) -> None:
    """Read event logs, files or a query; the same file twice changes nothing."""
    from cartpath import shop as shops

    if (sources or database) and adapter is None:
        raise CartpathError("no adapter named", "say how the sources are written: --adapter NAME")
    options = adapter_options(impressions, layout, option)
    if idle is not None and not follow:
        raise CartpathError("--idle is for following", "add --follow")
    if follow:
        from cartpath.cli.follow import run

        if any(given is not None for given in (items, users, identities, database, query)):
            raise CartpathError(
                "--items, --users, --identities and --database are not followed", "read them first, without --follow"
            )
        pace = {"every": every, "settle": settle, "idle": idle}
        run(
            shops.open(shop, engine),
            sources or [],
            adapter or "generic",
            pairs(mapping, "--map canonical=column"),
            options,
            pace,
            as_json,
        )
        return
    with progress("ingest") as advance:
        summary = shops.open(shop, engine).ingest(
            sources or [],
            adapter or "generic",
            pairs(mapping, "--map canonical=column"),
            items,
            users,
            options,
            advance,
            identities,
            database,
            query,
        )
    warn([f"{cut['file']} ends early: {cut['why']}; what came before is read" for cut in summary.truncated])
    if as_json:
        print_json(summary.to_dict())
        return
    print_summary(summary.to_dict())


def adapter_options(impressions: bool, layout: str | None, option: list[str] | None) -> dict[str, Any]:
    """Return an adapter's options as the command line gives them."""
    options: dict[str, Any] = dict(pairs(option, "--option name=value"))
    if impressions:
        options["impressions"] = True
    if layout is not None:
        options["format"] = layout
    return options


def pairs(words: list[str] | None, usage: str) -> dict[str, str]:
    """Read ``name=value`` words.

    Examples
    --------
    >>> pairs(["ts=when", "user_id=who"], "--map canonical=column")
    {'ts': 'when', 'user_id': 'who'}
    """
    found: dict[str, str] = {}
    for word in words or []:
        name, equals, value = word.partition("=")
        if not name.strip() or not equals or not value.strip():
            raise CartpathError(f"cannot read {word!r}", f"write {usage}")
        found[name.strip()] = value.strip()
    return found


def print_summary(summary: dict[str, Any]) -> None:
    """Print what an ingest did."""
    print_record(summary)
    print_identities(summary.get("identities"))
    print_reasons(summary.get("reasons") or {})
    print_tables(summary.get("tables") or [], summary.get("ignored_files") or [])


def print_reasons(reasons: dict[str, int]) -> None:
    """Print why rows were quarantined."""
    if reasons:
        typer.echo("\nquarantined, by reason:")
        print_table(("reason", "rows"), sorted(reasons.items(), key=lambda pair: -pair[1]), numeric=(1,))


def print_tables(tables: list[dict[str, Any]], ignored: list[dict[str, str]]) -> None:
    """Print what became of the files of a set that hold no events."""
    if tables:
        typer.echo("\nfiles that hold no events:")
        rows = [(t["kind"], t["rows"], t["entries"], _reasons(t["left_out"])) for t in tables]
        print_table(("kind", "rows", "entries", "left out"), rows, numeric=(1, 2))
    if ignored:
        typer.echo("\nfiles left alone:")
        print_table(("file", "why"), [(file["file"], file["why"]) for file in ignored])


def _reasons(left_out: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {reason}" for reason, n in left_out.items()) or "-"


def print_identities(read: dict[str, Any] | None) -> None:
    """Print what a file of identities held."""
    if read is not None:
        typer.echo("\nidentities:")
        print_record(read)


@command()
def simulate(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Folder to write to.")],
    users: Annotated[int, typer.Option(min=1, help="Shoppers.")] = 2_000,
    days: Annotated[int, typer.Option(min=1, help="Days.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 0,
    as_json: Json = False,
) -> None:
    """Write a simulated shop with known truth.

    The files are events.parquet, items.parquet, users.parquet, truth_users.parquet and truth.json.
    """
    from cartpath.simulate import simulate as run

    with progress("simulate") as advance:
        summary = run(folder, users, days, seed, progress=advance)
    print_json(summary.to_dict()) if as_json else print_record(summary.to_dict())


@command()
def doctor(shop: Workspace, engine: EngineName = None, as_json: Json = False) -> None:
    """Look at the store's state and the quality of its data."""
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    diagnosis = opened.doctor()
    if as_json:
        print_json(diagnosis.to_dict())
        return
    typer.echo(str(diagnosis))


@command()
def forget(
    shop: Workspace,
    user: Annotated[str, typer.Option(metavar="ID", help="The user's id.")],
    as_json: Json = False,
) -> None:
    """Remove a user everywhere, with evidence; ingest refuses the user from then on."""
    from cartpath.cli.live import purged
    from cartpath.privacy import forget as run

    record = run(shop, user)
    record |= purged(shop)
    warn([] if record["seen"] else [record["note"]])
    warn([f"the list {name} still names the person: edit it by hand" for name in record["lists"]])
    if as_json:
        print_json(record)
        return
    print_record(record)


@command()
def clean(shop: Workspace, engine: EngineName = None, as_json: Json = False) -> None:
    """Make paths anew as [cleaning] and [identity] of cartpath.toml say now.

    Statistics are fitted anew. What was ingested stays, so a rule that is turned off leaves no trace.
    """
    from cartpath import engine as engines
    from cartpath.ingest.derivation import clean as run

    with engines.using(engine):
        done = run(shop)
    if as_json:
        print_json(done)
        return
    print_record(done)
    counts = [*(done["identity"] or {}).items(), *done["counts"].items()]
    if counts:
        typer.echo()
        print_table(("what", "n"), counts, numeric=(1,))


@command()
def rebucket(
    shop: Workspace,
    buckets: Annotated[int | None, typer.Option(help="The new number; by default that of cartpath.toml.")] = None,
    engine: EngineName = None,
) -> None:
    """Build the path table anew.

    For another number of buckets or session gap, or after damage.
    """
    from cartpath import engine as engines
    from cartpath.ingest.derivation import deriving
    from cartpath.store.rebuild import rebuild

    with progress("rebucket") as advance, engines.using(engine):
        generation = rebuild(shop, buckets, advance, engines.map, deriving(shop, accept=True))
    say(f"done: generation {generation}")
