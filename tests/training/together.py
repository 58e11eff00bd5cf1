"""A pretraining without dropout; ``torchrun`` starts several of it: ``together.py WORKSPACE [ACCUMULATE]``."""

from __future__ import annotations

import sys
from typing import Any

from cartpath import training
from tests.training.killed import small_pools

#: Everything that is drawn at random in a forward pass is off: processes draw in different orders.
OPTIONS: dict[str, Any] = {
    "epochs": 2,
    "tokens": 400,
    "time_share": 0.0,
    "settings": {"hidden": 16, "dropout": 0.0, "item_dropout": 0.0},
}


def main() -> None:
    small_pools()
    training.pretrain(sys.argv[1], **OPTIONS, accumulate=int(sys.argv[2]) if len(sys.argv) > 2 else 1)


if __name__ == "__main__":
    main()
