"""Workers that end without a result: ``python -m tests.training.dying JOB``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

if __name__ == "__main__":
    if "killed" in Path(sys.argv[1], "job.json").read_text(encoding="utf-8"):
        os.kill(os.getpid(), signal.SIGKILL)
    print("no memory left on the moon", file=sys.stderr)
    sys.exit(7)
