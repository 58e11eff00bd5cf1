"""One of our models on the same questions: the curve of its own fit, judged by the same code afterwards.

    python benchmarks/next_item/peers/cartpath_model.py ../shared/data/s3rec/Beauty.txt --model cartpath --minutes 40

The fit is what it always is, stopped by validation questions; each time it was validated the test questions are asked
as well, with the watch stopped (the fit's own budget runs on), and the last point is the model that the fit returned.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from itertools import count

from judging import Course, Over, hit_10, ndcg_10, parser

from cartpath import __version__
from cartpath.models import NextItemModel
from cartpath.training.next_item import FitOptions, fit_model, judge
from cartpath.training.next_item.source import open_source, split_source


def main() -> None:
    reader = parser(__doc__)
    reader.add_argument("--model", default="cartpath")
    reader.add_argument("--preset", default="small")
    asked = reader.parse_args()
    split = split_source(open_source(asked.file), "leave-one-out", filter_seen=True)
    questions = split.test if asked.questions == "test" else split.valid
    course, epochs = Course(asked.minutes), count(1)

    def judged(model: NextItemModel) -> None:
        with course.watch.stopped():
            places = judge(model, split, questions)
        with suppress(Over):
            course.judged(next(epochs), places)

    options = FitOptions(seed=asked.seed, budget_seconds=60 * asked.minutes, preset=asked.preset, judged=judged)
    fitted = fit_model(asked.model, split, options, lambda text, _: print(text, file=sys.stderr))
    seconds, chosen = course.watch.read()[0], fitted.chosen
    with course.watch.stopped():
        places = judge(fitted.model, split, questions)
    with suppress(Over):
        course.judged(fitted.epochs or 0, places)
    course.converged = (fitted.epochs or 0) - chosen["best_epoch"] >= chosen["patience"]
    course.tell(
        contender=f"Cartpath {asked.model}",
        version=f"cartpath {__version__}",
        settings={"preset": asked.preset, **chosen},
        seconds=seconds,
        kept={"NDCG@10": ndcg_10(places), "HR@10": hit_10(places)},
    )


if __name__ == "__main__":
    main()
