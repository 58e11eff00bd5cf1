"""A simulated shop with logins: stitched paths are those of the log with users throughout."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from cartpath import store
from cartpath.config import IdentitySettings
from cartpath.ingest import ingest
from cartpath.simulate import simulate
from cartpath.store.owners import resolve
from tests.ingest.logins import COOKIE, compare, write_anonymised
from tests.store.stitching import derive
from tests.store.twin import workspace


def test_users_who_are_anonymous_until_they_buy_get_their_path_back(tmp_path: Path) -> None:
    simulate(tmp_path / "simulated", 500, 60, 3)
    log = tmp_path / "simulated" / "events.parquet"
    write_anonymised(log, tmp_path / "anonymous.parquet")
    names = pq.read_table(tmp_path / "anonymous.parquet").column_names
    assert COOKIE in names
    one, two = workspace(tmp_path / "one", 3), workspace(tmp_path / "two", 3)
    first = ingest(one, [str(log)], adapter="cartpath")
    second = ingest(two, [str(tmp_path / "anonymous.parquet")], adapter="cartpath", options={"anonymous": COOKIE})
    assert (first.read, first.stored, first.quarantined) == (second.read, second.stored, second.quarantined)
    with store.open_snapshot(one) as original, store.open_snapshot(two) as raw:
        owners = resolve(raw.links, IdentitySettings())
        runs = derive([raw.raw_run(bucket) for bucket in range(3)], owners.owners, raw.gap_seconds)
        found = compare(original, raw, (run.view() for run in runs if run is not None))
    assert found.linked + found.unlinked == found.users == first.users
    assert found.same == found.linked > 20
    assert found.same_unlinked == found.unlinked > 20
    assert found.merged_events > 500
    assert owners.merged_ids == owners.users == owners.links == found.linked
