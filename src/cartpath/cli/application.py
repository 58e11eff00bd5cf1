"""The application, and what all commands share: how errors are told and how processes end."""

from __future__ import annotations

import errno
import functools
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_type_hints

import typer
from typer.models import OptionInfo

from cartpath import __version__
from cartpath.cli.output import check_destinations
from cartpath.schema import CartpathError

INTERRUPTED = 130
# What the machine refuses is no bug: no permission, a read-only or a full disk.
_SURROUNDINGS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)

F = TypeVar("F", bound=Callable[..., Any])

app = typer.Typer(
    name="cartpath",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Purchase paths people can read, and a behaviour model that predicts what comes next.",
    epilog="Exit codes: 0 fine, 1 a bug, 2 bad input or usage, 3 workspace busy, 4 store damaged, 130 interrupted.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cartpath {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def command(name: str | None = None, group: typer.Typer = app) -> Callable[[F], F]:
    """Register a command, of the application or of a group of commands, whose errors become a message and an exit code.

    A ``CartpathError`` is told without a traceback and ends with its own code, an interrupt with 130; anything else
    is a bug, shown with its traceback, and ends with 1.
    """

    def register(function: F) -> F:
        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                _refuse_empty(function, kwargs)
                check_destinations(**kwargs)
                return function(*args, **kwargs)
            except CartpathError as error:
                typer.echo(_message(error), err=True)
                raise typer.Exit(error.exit_code) from None
            except KeyboardInterrupt:
                typer.echo("interrupted; what is stored is whole", err=True)
                raise typer.Exit(INTERRUPTED) from None
            except BrokenPipeError:
                # The reader of our output went away, as `head` does; nothing more can be said to it.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise typer.Exit(0) from None
            except (typer.Exit, typer.Abort):
                raise
            except Exception as error:
                if isinstance(error, OSError) and error.errno in _SURROUNDINGS:
                    where = f": {error.filename}" if error.filename else ""
                    typer.echo(f"error: {str(error.strerror).lower()}{where}", err=True)
                    raise typer.Exit(CartpathError.exit_code) from None
                traceback.print_exc()
                typer.echo("this is a bug in cartpath: please report it with the lines above", err=True)
                raise typer.Exit(1) from error

        group.command(name)(guarded)
        return function

    return register


def _refuse_empty(function: Callable[..., Any], values: dict[str, Any]) -> None:
    """Refuse an option that was given and is empty: a shell variable that is not set, which would count everyone."""
    usual = inspect.signature(function).parameters
    empty = [name for name, value in values.items() if value == "" or (isinstance(value, list) and "" in value)]
    for name in (name for name in empty if values[name] != usual[name].default):
        marks = getattr(get_type_hints(function, include_extras=True)[name], "__metadata__", ())
        option = next((mark for mark in marks if isinstance(mark, OptionInfo)), None)
        if option is not None:
            flag = next((d for d in option.param_decls or () if d.startswith("--")), f"--{name.replace('_', '-')}")
            raise CartpathError(f"{flag} is empty", "leave it out, or check the variable that it comes from")


def _message(error: CartpathError) -> str:
    return f"error: {error.message}" + (f"\n  hint: {error.hint}" if error.hint else "")


def main() -> None:
    """Run the command line and end the process."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
