"""The command about sources: adapters."""

from __future__ import annotations

from typing import Any

import typer

from cartpath.cli.application import command
from cartpath.cli.options import Json
from cartpath.cli.output import print_json


@command()
def adapters(as_json: Json = False) -> None:
    """List the adapters: what each reads, its options, and the data it was tested on."""
    from cartpath.ingest.describe import describe_all

    found = describe_all()
    if as_json:
        print_json({"adapters": found})
        return
    typer.echo("\n\n".join(_text(adapter) for adapter in found))
    typer.echo("\nEvery adapter takes the options delimiter, decimal, time_zone, time_format and epoch as well.")


def _text(adapter: dict[str, Any]) -> str:
    lines = [f"{adapter['name']}: {adapter['description']}", f"  tested:    {adapter['tested_on']}"]
    if len(adapter["files"]) > 1:
        lines += [f"  {file['role'] + ':':<10} {_file(file)}" for file in adapter["files"]]
    elif adapter["columns"]:
        named = [f"{name}={' or '.join(sources)}" for name, sources in adapter["columns"].items() if sources != [name]]
        lines.append(f"  columns:   {', '.join(named) or 'those with canonical names'}")
    if adapter["events"]:
        lines.append(f"  names:     {', '.join(f'{a} -> {b}' for a, b in adapter['events'].items())}")
    for name, option in adapter["options"].items():
        lines.append(f"  option:    {name}={option['default']}: {option['description']}{_choices(option)}")
    return "\n".join(lines)


def _file(file: dict[str, Any]) -> str:
    names = ", ".join(file["patterns"]) or "any name"
    return f"{file['name']} ({names}): {file['why'] or ', '.join(' or '.join(words) for words in file['columns'])}"


def _choices(option: dict[str, Any]) -> str:
    return f" ({', '.join(option['choices'])})" if option["choices"] else ""
