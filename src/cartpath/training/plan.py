"""How to train, where a training is, and how the learning rate moves."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes
    ----------
    epochs : int
        Passes over the data.
    minutes : float, optional
        Stop after this long, wherever that is; the learning rate falls to reach its end by then. A result that
        was cut by time is not the same again, one that was not is, for the same seed, machine and threads.
    rate : float
        Highest learning rate, after the warm-up.
    weight_decay, clip : float
        Of AdamW, on the weights of linear maps alone; limit of the gradient's norm.
    seed : int
    accumulate : int
        Parts that a batch is worked on in, one after another, before a step: less memory, the same step.
    bf16 : bool
        Multiply in bfloat16; weights and sums stay in 32 bits.
    layer_decay : float
        What the rate is multiplied by from each layer of a behaviour model to the one below it; see ``rate_groups``.
    average : float
        Decay of a running average of the weights, which is judged and kept in their place; 0 for none.
    steady : bool
        Whether the rate stays where it is after the warm-up, for trainings that early stopping ends.
    patience : int
        Stop after so many epochs in a row without a better figure on the validation slice.
    save_every : float
        Seconds between checkpoints.
    warm_up : float
        Share of the training over which the rate rises.
    stop : int, optional
        End after so many of the epochs; the rate is on its way to the end of all.
    """

    epochs: int
    minutes: float | None = None
    rate: float = 2e-3
    weight_decay: float = 0.01
    clip: float = 1.0
    seed: int = 0
    accumulate: int = 1
    bf16: bool = False
    layer_decay: float = 1.0
    average: float = 0.0
    steady: bool = False
    patience: int = 2
    save_every: float = 20.0
    warm_up: float = 0.05
    stop: int | None = None

    def fixed(self) -> dict[str, Any]:
        """Return what the weights depend on."""
        return {name: value for name, value in asdict(self).items() if name != "save_every"}


@dataclass
class State:
    """Where a training is; what a checkpoint holds beside weights, optimizer and random state.

    Attributes
    ----------
    epoch, batch : int
        What comes next.
    seconds : float
        Spent so far, earlier runs included.
    judging, before : float
        Of these, on the validation slice, and before training began.
    losses : list of float
        Mean training loss of each epoch; of the last one's part that time was left for.
    trained : float
        Epochs done, the last one in part where time ran out.
    scores : list of dict
        Figures on the validation slice after each epoch; ``loss`` is what the best is chosen by.
    judged_at : list of float
        Seconds spent when each of them was said.
    best : int
        Epoch (from 1) whose weights are the best so far; 0 before there are any.
    events, places : int
        Trained on so far, and with the padding.
    running : list of two floats
        Sum and number of this epoch's losses.
    over : bool
        Whether nothing is left to do.
    resumed : bool
        Whether it went on from a checkpoint.
    """

    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    judging: float = 0.0
    before: float = 0.0
    losses: list[float] = field(default_factory=list)
    trained: float = 0.0
    scores: list[dict[str, float]] = field(default_factory=list)
    judged_at: list[float] = field(default_factory=list)
    best: int = 0
    events: int = 0
    places: int = 0
    running: list[float] = field(default_factory=lambda: [0.0, 0.0])
    over: bool = False
    resumed: bool = False

    @property
    def events_per_second(self) -> float:
        """Events trained on in a second, validation and what came before left out."""
        return self.events / max(self.seconds - self.judging - self.before, 1e-9)

    @property
    def padded_share(self) -> float:
        """Share of the places worked on that held no event."""
        return 1 - self.events / self.places if self.places else 0.0


#: Steps over which the rate of a steady training rises.
WARM_STEPS = 200


def steady_schedule(step: int) -> float:
    """Rise over the first steps, then stay.

    Examples
    --------
    >>> [steady_schedule(step) for step in (0, 99, 1000)]
    [0.005, 0.5, 1.0]
    """
    return min((step + 1) / WARM_STEPS, 1.0)


def schedule(done: float, warm_up: float = 0.05) -> float:
    """Rise over a first share, from a tenth, then fall along a cosine to a twentieth.

    Parameters
    ----------
    done : float
        Share done.
    warm_up : float
        Share over which it rises, below 1.

    Examples
    --------
    >>> [round(schedule(done), 3) for done in (0.0, 0.05, 1.0)]
    [0.1, 1.0, 0.05]
    >>> schedule(0.0, warm_up=0.0)
    1.0
    """
    if done < warm_up:
        return 0.1 + 0.9 * done / warm_up
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min((done - warm_up) / (1 - warm_up), 1.0)))


class Clock:
    """Seconds of a training, earlier runs included.

    Parameters
    ----------
    before : float
    """

    def __init__(self, before: float) -> None:
        self._before, self._started = before, time.monotonic()

    @property
    def seconds(self) -> float:
        """Spent so far."""
        return self._before + time.monotonic() - self._started
