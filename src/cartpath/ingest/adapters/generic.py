"""``generic``: any flat file; columns that bear a canonical name are taken, others are named with ``--map``."""

from __future__ import annotations

from cartpath.ingest.adapter import Adapter

ADAPTER = Adapter(
    "generic",
    "any flat file: name its columns with --map canonical=column",
    identity=True,
    tested_on="real data: the YooChoose clicks with --map; else files made by hand and fuzzed ones",
)
