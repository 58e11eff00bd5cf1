"""A follower that is killed: ``python followed.py SHOP SOURCE [N | ack]``.

With ``N`` the process kills itself at its N-th operation on files, with ``ack`` between the manifest's swap and the
acknowledgement; without, it follows until somebody kills it. It says ``ready``, then each batch.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from cartpath.ingest.follow import loop, stream
from tests.store.killed import count_operations

loop._LOOK = 0.02
FAST = loop.Pace(every=0.05, settle=0.1)


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    shop, source, *when = sys.argv[1:]
    if when == ["ack"]:
        stream.StreamSource.committed = die  # type: ignore[method-assign]
    elif when:
        count_operations(int(when[0]))
    loop.Pace.of = lambda *_: FAST  # type: ignore[method-assign,assignment]
    print("ready", flush=True)
    for batch in loop.follow(shop, [source], say=lambda text: print(text, file=sys.stderr)):
        print(json.dumps(batch.to_dict()), flush=True)


if __name__ == "__main__":
    main()
