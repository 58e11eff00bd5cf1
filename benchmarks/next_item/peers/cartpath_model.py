"""One of our models on the same questions: the curve of its own fit, judged by the same code afterwards.

    python benchmarks/next_item/peers/cartpath_model.py ../shared/data/s3rec/Beauty.txt --model cartpath --minutes 40

A fit is stopped and curved by validation questions. To have the curve on test questions, as the others have, those are
put in their place: nothing else is then told of such a fit than how good it was when.
"""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace

import numpy as np
from judging import Course, hit_10, ndcg_10, parser

from cartpath import __version__
from cartpath.tasks import Questions
from cartpath.training.next_item import FitOptions, fit_model, judge
from cartpath.training.next_item.source import open_source, split_source


class Meter(threading.Thread):
    """Notes the CPU seconds of this process twice a second, to read them off at a time on the clock."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.wall, self.cpu = [time.perf_counter()], [time.process_time()]
        self.start()

    def run(self) -> None:
        while True:
            time.sleep(0.5)
            self.cpu.append(time.process_time())
            self.wall.append(time.perf_counter())

    def cpu_at(self, seconds: float) -> float:
        n = len(self.wall)
        return float(np.interp(self.wall[0] + seconds, self.wall[:n], self.cpu[:n])) - self.cpu[0]


def main() -> None:
    reader = parser(__doc__)
    reader.add_argument("--model", default="cartpath")
    reader.add_argument("--preset", default="small")
    asked = reader.parse_args()
    split = split_source(open_source(asked.file), "leave-one-out", filter_seen=True)
    questions: Questions = split.test if asked.questions == "test" else split.valid
    options = FitOptions(seed=asked.seed, budget_seconds=60 * asked.minutes, preset=asked.preset)
    course, meter = Course(asked.minutes), Meter()
    fitted = fit_model(
        asked.model, replace(split, valid=questions), options, lambda text, _: print(text, file=sys.stderr)
    )
    seconds = course.watch.read()[0]
    for point in fitted.curve:
        course.curve.append({**point, "cpu_seconds": meter.cpu_at(point["seconds"])})
    places = judge(fitted.model, split, questions)
    course.converged = seconds < 0.98 * 60 * asked.minutes
    course.tell(
        contender=f"Cartpath {asked.model}",
        version=f"cartpath {__version__}",
        settings={"preset": asked.preset, **fitted.chosen},
        seconds=seconds,
        kept={"NDCG@10": ndcg_10(places), "HR@10": hit_10(places)},
    )


if __name__ == "__main__":
    main()
