"""What commands print: JSON alone on standard output, all else as plain tables; progress goes to standard error."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import typer

from cartpath.schema import CartpathError

#: Names of standard output.
_STDOUT = ("-", "/dev/stdout")


class Deliverable(Protocol):
    """What a view gives back."""

    @property
    def frame(self) -> Any:
        """The result as a tidy pandas frame."""

    @property
    def figure(self) -> Any:
        """The result as a Plotly figure."""

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON has it."""


def print_json(value: Mapping[str, Any]) -> None:
    """Print JSON; NaN, which JSON does not have, becomes null."""
    typer.echo(json.dumps(_plain(value), ensure_ascii=False, indent=2, allow_nan=False))


def check_destinations(as_json: bool = False, csv: str | None = None, figure: str | None = None, **_: Any) -> None:
    """Refuse a command's options of output before anything is counted, which can take minutes.

    Parameters
    ----------
    as_json, csv, figure : bool, str or None
        As ``deliver`` takes them; a command's other options may be given as well.

    Raises
    ------
    CartpathError
        If both JSON and CSV would go to standard output, the figure's file has another ending, or a file cannot be
        written where it is to be.
    """
    if as_json and csv in _STDOUT:
        raise CartpathError("--json and --csv - both write to standard output", "give --csv a file")
    if figure is not None and Path(figure).suffix not in (".html", ".json"):
        raise CartpathError(f"cannot write a figure as {Path(figure).name!r}", "end the name with .html or .json")
    for name in (csv, figure):
        if name is not None and name not in _STDOUT:
            destination(name)


def deliver(analysis: Deliverable, as_json: bool, csv: str | None, figure: str | None) -> bool:
    """Write and print what was asked for instead of the table; ``check_destinations`` has let it pass.

    Parameters
    ----------
    analysis : object with ``frame``, ``figure`` and ``to_dict()``
    as_json : bool
        Print JSON on standard output.
    csv : str or None
        File for the frame; ``-`` or ``/dev/stdout`` is standard output.
    figure : str or None
        File for the figure, ``.html`` or ``.json``.

    Returns
    -------
    bool
        Whether standard output is taken, so that no table is printed.
    """
    csv = "-" if csv in _STDOUT else csv
    if figure is not None:
        _write_figure(analysis, figure)
    if csv is not None and csv != "-":
        _write(csv, analysis.frame.to_csv(index=False))
    if csv == "-":
        typer.echo(analysis.frame.to_csv(index=False), nl=False)
    if as_json:
        print_json(analysis.to_dict())
    return as_json or csv == "-"


def _write_figure(analysis: Deliverable, figure: str) -> None:
    ending = Path(figure).suffix
    drawn = analysis.figure
    # The bar of buttons would lie over what figures say at their top.
    whole = drawn.to_html(include_plotlyjs=True, config={"displayModeBar": False}) if ending == ".html" else None
    _write(figure, whole or drawn.to_json())


def destination(name: str) -> Path:
    """Return the file that a name stands for, links followed.

    Raises
    ------
    CartpathError
        If it is a folder, or lies in none that can be written to.
    """
    path = Path(name)
    if path.exists() and not path.is_file() and not path.is_dir():
        return path  # a pipe or a device, which is written to and never replaced
    if name.endswith(os.sep) or path.is_dir():
        raise CartpathError(f"{name} is a folder, not a file", "end it with the name of a file")
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    if path.is_symlink():
        raise CartpathError(f"{name} is a link that leads to itself", "name another file")
    if path.parent.exists() and not path.parent.is_dir():
        raise CartpathError(f"{path.parent} is a file, not a folder", "name another folder")
    if not path.parent.is_dir():
        raise CartpathError(
            f"there is no folder {path.parent}", f"make it first: mkdir -p {shlex.quote(str(path.parent))}"
        )
    if not os.access(path.parent, os.W_OK):
        raise CartpathError(f"the folder {path.parent} cannot be written to", "choose another one")
    return path


def _write(name: str, text: str) -> None:
    from cartpath.store.files import write_text

    write_text(destination(name), text)
    say(f"wrote {name}")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def interval(ends: Sequence[float] | None) -> str:
    """Return the ends of an interval of a rate as people read them."""
    return "-" if ends is None else f"{percent(ends[0])}-{percent(ends[1])}"


def warn(words: Sequence[str]) -> None:
    """Print warnings to standard error."""
    for text in words:
        typer.echo(f"warning: {text}", err=True)


def say(text: str) -> None:
    """Print a message to standard error."""
    typer.echo(text, err=True)


def print_table(headers: Sequence[str], rows: Sequence[Sequence[Any]], numeric: Sequence[int] = ()) -> None:
    """Print rows in columns as wide as their content; those in ``numeric`` to the right."""
    cells = [list(headers), *[[_cell(value) for value in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headers))]
    for row in cells:
        line = [v.rjust(w) if i in numeric else v.ljust(w) for i, (v, w) in enumerate(zip(row, widths, strict=True))]
        typer.echo("  ".join(line).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 100 else f"{value:,.2f}"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))


def print_record(record: Mapping[str, Any]) -> None:
    """Print names and values; what is nested is left to ``--json``."""
    flat = [(name, value) for name, value in record.items() if not isinstance(value, (Mapping, list, tuple))]
    width = max((len(name) for name, _ in flat), default=0)
    for name, value in flat:
        typer.echo(f"{name.ljust(width)}  {_cell(value)}")


def percent(rate: float | None) -> str:
    """Return a rate as people read it."""
    if rate is None:
        return "-"
    if 0 < rate < 0.0001:
        return "<0.01%"
    return f"{rate:.1%}" if rate >= 0.01 or rate == 0 else f"{rate:.2%}"


def duration(seconds: float) -> str:
    """Return a duration as people read it."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.3g} seconds"


@contextmanager
def progress(label: str) -> Iterator[Callable[..., None]]:
    """Show a progress bar on standard error; what it yields takes work done, work in all, and optionally a label.

    Where standard error is no terminal, nothing is drawn.
    """
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(bar_width=30))
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=None)

        def advance(done: float, total: float | None = None, words: str | None = None) -> None:
            bar.update(task, completed=done, total=total or None, description=words or label)

        yield advance
