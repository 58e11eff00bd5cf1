"""A workspace whose users' future can be known, and a network of random weights in place of a pretrained one."""

from __future__ import annotations

from pathlib import Path

from cartpath import config, store
from cartpath.features import read_log
from cartpath.models import new_version
from cartpath.tasks import TimeSplit
from cartpath.training.card import write_card
from cartpath.training.pretrain import NAME
from tests.training.at_cutoffs import SPLIT, base_of, shop_rows, table_of_rows


def cutoff_shop(folder: Path, users: int = 80, split: TimeSplit = SPLIT) -> Path:
    """Make it; the network learned nothing, so it saw nothing at or after the first cut."""
    store.init(folder, config.Settings(store=config.StoreSettings(4)))
    with store.writer(folder) as writer:
        writer.add(table_of_rows(shop_rows(users, days=65)))
        writer.commit()
    with store.open_snapshot(folder) as snapshot, new_version(folder, NAME) as home:
        log = read_log(snapshot)
        base_of(log, home, split.train_until)
        write_card(home, log, split, 0, size="tiny")
    return folder
