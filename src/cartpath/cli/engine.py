"""The option that says what does the work."""

from __future__ import annotations

from typing import Annotated

import typer

EngineName = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="What does the work: threads (the default), spark, or a Spark master such as spark://host:7077.",
    ),
]
