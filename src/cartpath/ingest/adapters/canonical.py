"""``cartpath``: files with canonical columns, as the simulator writes them."""

from __future__ import annotations

from cartpath.ingest.adapter import Adapter

ADAPTER = Adapter(
    "cartpath",
    "files with Cartpath's own column names, such as the simulator's",
    identity=True,
    tested_on="untested on real data: simulated logs of up to 10 million events",
)
