"""RecBole's SASRec with its own settings (cross-entropy over all items), a curve of NDCG@10 by the minute.

    PYTHON_OF_RECBOLE benchmarks/next_item/peers/recbole_sasrec.py ../shared/data/s3rec/Beauty.txt --minutes 40

RecBole writes the data anew into a folder of its own format, and learns each item of a path from the 50 before it.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from contextlib import chdir, suppress
from pathlib import Path
from typing import Any

import numpy as np
import recbole
import torch
from judging import Course, Over, Paths, parser, ranks, read_paths
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.model.sequential_recommender.sasrec import SASRec
from recbole.trainer import Trainer
from recbole.utils import init_seed

NAME = "paths"


def write(paths: Paths, folder: Path) -> None:
    """Write RecBole's atomic file; the order is the time."""
    (folder / NAME).mkdir()
    with open(folder / NAME / f"{NAME}.inter", "w", encoding="utf-8") as file:
        file.write("user_id:token\titem_id:token\ttimestamp:float\n")
        for user, path in enumerate(paths.paths):
            file.writelines(f"{user}\t{item}\t{place}\n" for place, item in enumerate(path))


def config_of(folder: Path, seed: int) -> Config:
    given: dict[str, Any] = {
        "data_path": str(folder),
        "checkpoint_dir": str(folder / "saved"),
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full", "group_by": "user"},
        "train_neg_sample_args": None,  # cross-entropy needs none
        "epochs": 1000,
        "use_gpu": False,
        "seed": seed,
        "show_progress": False,
        "state": "WARNING",
    }
    # RecBole reads the command line as settings.
    sys.argv = sys.argv[:1]
    return Config(model="SASRec", dataset=NAME, config_dict=given)


class Judged(Trainer):
    """RecBole's trainer, judged while it trains."""

    def __init__(self, config: Config, model: SASRec, course: Course, data: Any, places: Any) -> None:
        super().__init__(config, model)
        self.course, self.data, self.places = course, data, places
        self.batches = 0

    def _train_epoch(self, train_data: Any, epoch_idx: int, loss_func: Any = None, show_progress: bool = False) -> Any:
        def loss(interaction: Any) -> Any:
            if self.course.due():
                with self.course.watch.stopped():
                    places = self.places(self.model, self.data)
                self.course.judged(self.batches / len(train_data), places)
            self.batches += 1
            return self.model.calculate_loss(interaction)

        return super()._train_epoch(train_data, epoch_idx, loss, show_progress)


def places_of(paths: Paths, questions: str, dataset: Any) -> Any:
    """Return a function that judges a model."""
    _, known, _ = paths.asked(questions)
    rows = {row: at for at, row in enumerate(paths.asked(questions)[0])}
    user_of = [int(token) if token.isdigit() else -1 for token in dataset.field2id_token["user_id"]]
    tokens = dataset.field2id_token["item_id"]
    column = {int(token): at for at, token in enumerate(tokens) if token != "[PAD]"}

    @torch.no_grad()
    def places(model: SASRec, data: Any) -> np.ndarray:
        model.eval()
        found = []
        for batch in data:
            interaction = batch[0]
            scores = model.full_sort_predict(interaction).numpy()
            scores[:, 0] = -np.inf  # padding
            users = [user_of[user] for user in interaction["user_id"].tolist()]
            seen = [[column[item] for item in known[rows[user]]] for user in users]
            found.append(ranks(scores, interaction["item_id"].numpy(), seen))
        model.train()
        return np.concatenate(found)

    return places


def main() -> None:
    asked = parser(__doc__).parse_args()
    warnings.filterwarnings("ignore")
    paths = read_paths(asked.file)
    # RecBole writes logs where it stands.
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        course = Course(asked.minutes)
        with course.watch.stopped():
            write(paths, Path(folder))
        config = config_of(Path(folder), asked.seed)
        init_seed(config["seed"], config["reproducibility"])
        dataset = create_dataset(config)
        train, valid, test = data_preparation(config, dataset)
        model = SASRec(config, train.dataset)
        data = test if asked.questions == "test" else valid
        trainer = Judged(config, model, course, data, places_of(paths, asked.questions, dataset))
        with suppress(Over):
            trainer.fit(train, None, verbose=False, saved=False)
        names = ("n_layers", "n_heads", "hidden_size", "inner_size", "hidden_dropout_prob", "attn_dropout_prob",
                 "loss_type", "train_batch_size", "learning_rate", "MAX_ITEM_LIST_LENGTH")  # fmt: skip
        told = {name: config[name] for name in names}
        course.tell(contender="RecBole SASRec", version=f"recbole {recbole.__version__}", settings=told)


if __name__ == "__main__":
    main()
