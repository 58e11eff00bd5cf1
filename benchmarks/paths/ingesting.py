"""Ingest a log into a new store: ``python ingesting.py EVENTS FOLDER``; prints the seconds, importing included."""

import time

BEGAN = time.perf_counter()

import json
import sys
from pathlib import Path

from cartpath import store
from cartpath.ingest.run import ingest

if __name__ == "__main__":
    source, folder = sys.argv[1:]
    store.init(Path(folder) / "shop")
    ingest(Path(folder) / "shop", [source], adapter="cartpath")
    print(json.dumps({"seconds": time.perf_counter() - BEGAN}))
