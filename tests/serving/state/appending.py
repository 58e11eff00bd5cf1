"""Appends events until it is killed: ``python appending.py SHOP FIRST [URL]``; prints each acknowledged id."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from cartpath.serving.state import open_state
from tests.serving.state.places import event


def main() -> None:
    shop, first = Path(sys.argv[1]), int(sys.argv[2])
    state = open_state(shop, sys.argv[3] if len(sys.argv) > 3 else None)
    state.append([event("nobody")])  # kernels are compiled, or read from their cache, by the first
    telling = threading.Lock()

    def work(thread: int) -> None:
        at = first + thread
        while True:
            ids = [f"{at}-{n}" for n in range(1 + at % 3)]
            done = state.append([event(f"u{at % 7}", at % 3600, event_id=one) for one in ids])
            assert done.accepted == len(ids)
            with telling:
                print(*ids, flush=True)
            at += 3

    print("ready", flush=True)
    for thread in range(3):
        threading.Thread(target=work, args=(thread,), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
