"""A pretraining without dropout; ``torchrun`` starts several of it: ``together.py WORKSPACE [POINT]``.

At a point of ``killed.POINTS`` the first of them kills itself.
"""

from __future__ import annotations

import sys
from typing import Any

from cartpath import training
from cartpath.training.processes import is_first
from tests.training.killed import POINTS, small_pools

#: Everything that is drawn at random in a forward pass is off: processes draw in different orders.
OPTIONS: dict[str, Any] = {
    "epochs": 2,
    "tokens": 400,
    "time_share": 0.0,
    "settings": {"hidden": 16, "dropout": 0.0, "item_dropout": 0.0},
}


def main() -> None:
    small_pools()
    workspace, *point = sys.argv[1:]
    if point and is_first():
        POINTS[point[0]][0]()
    training.pretrain(workspace, **OPTIONS, save_every=0.0 if point else 20.0)


if __name__ == "__main__":
    main()
