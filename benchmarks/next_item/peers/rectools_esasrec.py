"""RecTools' transformer by the recipe of eSASRec: LiGR layers, sampled softmax, a curve of NDCG@10 by the minute.

    PYTHON_OF_RECTOOLS benchmarks/next_item/peers/rectools_esasrec.py ../shared/data/s3rec/Beauty.txt --minutes 40

Settings are those that its authors give for this data (256 factors, one block, one head, 50 items of a path, dropout
0.2, 256 negatives, batches of 128 paths, learning rate 0.001). Lists come from the model's own ``recommend``.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
import pandas as pd
from judging import Course, Over, Paths, parser, read_paths
from pytorch_lightning import Callback, Trainer, seed_everything
from rectools import Columns, __version__
from rectools.dataset import Dataset
from rectools.models import SASRecModel
from rectools.models.nn.transformers.ligr import LiGRLayers

START = pd.Timestamp("2020-01-01")
SETTINGS: dict[str, Any] = {
    "n_factors": 256,
    "n_blocks": 1,
    "n_heads": 1,
    "session_max_len": 50,
    "dropout_rate": 0.2,
    "loss": "sampled_softmax",
    "n_negatives": 256,
    "transformer_layers_kwargs": {"ff_factors_multiplier": 4},
    "use_key_padding_mask": True,
    "batch_size": 128,
    "lr": 0.001,
}


def dataset_of(rows: list[int], paths: list[list[int]]) -> Dataset:
    lengths = [len(path) for path in paths]
    place = np.concatenate([np.arange(n) for n in lengths])
    return Dataset.construct(
        pd.DataFrame(
            {
                Columns.User: np.repeat(rows, lengths),
                Columns.Item: np.concatenate(paths),
                Columns.Weight: 1.0,
                Columns.Datetime: START + pd.to_timedelta(place, unit="s"),
            }
        )
    )


class Judge(Callback):
    """Judges the model while it is trained, and ends the training in time."""

    def __init__(self, course: Course, paths: Paths, questions: str) -> None:
        self.course, self.model = course, None
        with course.watch.stopped():
            self.rows, known, self.truth = paths.asked(questions)
            self.known = dataset_of(self.rows, known)

    def __deepcopy__(self, memo: Any) -> Judge:
        return self  # RecTools copies its trainer

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if not self.course.due():
            return
        with self.course.watch.stopped():
            places = self.places()
            pl_module.torch_model.train()
        try:
            self.course.judged(trainer.current_epoch + (batch_idx + 1) / trainer.num_training_batches, places)
        except Over:
            trainer.should_stop = True

    def places(self) -> np.ndarray:
        """Return the place of each answer in the list of ten; 11 where it is not there."""
        model: Any = self.model
        model.is_fitted = True
        lists = model.recommend(self.rows, self.known, k=10, filter_viewed=True, on_unsupported_targets="ignore")
        at = {user: place for place, user in enumerate(self.rows)}
        row = lists[Columns.User].map(at).to_numpy()
        hit = lists[Columns.Item].to_numpy() == self.truth[row]
        places = np.full(len(self.rows), 11)
        places[row[hit]] = lists[Columns.Rank].to_numpy()[hit]
        return places


def main() -> None:
    asked = parser(__doc__).parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    seed_everything(asked.seed)
    paths = read_paths(asked.file)
    course = Course(asked.minutes)
    judge = Judge(course, paths, asked.questions)

    def trainer() -> Trainer:
        return Trainer(
            max_epochs=200, accelerator="cpu", devices=1, logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, callbacks=[judge],
        )  # fmt: skip

    model = SASRecModel(transformer_layers_type=LiGRLayers, get_trainer_func=trainer, **SETTINGS)
    judge.model = model
    model.fit(dataset_of(list(range(len(paths.paths))), paths.train()))
    course.tell(contender="RecTools eSASRec", version=f"rectools {__version__}", settings=SETTINGS)


if __name__ == "__main__":
    main()
