"""The command line: one thin function a command; rooms are imported inside them, so that ``--help`` is quick."""

# Commands register themselves when their modules are read; their order is that of ``--help``.
from cartpath.cli import data, sources, mapping, identity, status, funnel, flow, step_view  # noqa: F401, I001
from cartpath.cli import variants, attribution, drivers, models, search, evaluate, predict, explain, whole  # noqa: F401
from cartpath.cli import retention, lifecycle, repurchase  # noqa: F401
from cartpath.cli import segments, compare  # noqa: F401
from cartpath.cli import benchmark, features, keys, serve  # noqa: F401
from cartpath.cli import live, refresh  # noqa: F401
from cartpath.cli.application import app, main

__all__ = ["app", "main"]
