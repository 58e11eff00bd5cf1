"""What is asked of an attribution, and checked before anything is counted."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cartpath.paths.attribution.shapley import GAMES
from cartpath.paths.conditions import Step, parse_steps
from cartpath.schema import MICROSECONDS, CartpathError, Columns, Event, seconds

#: The models, in the order in which they are shown.
MODELS: tuple[str, ...] = (
    "first",
    "last",
    "last_non_direct",
    "linear",
    "position",
    "time_decay",
    "markov_1",
    "markov_2",
    "markov_3",
    "shapley",
)

#: Most values that are told apart; the rest is "(other)".
MOST_CHANNELS = 200
#: A lookback without end, in microseconds.
ENDLESS = 2**62


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes
    ----------
    of : str
        The property that is credited.
    goal : Step
        The event that is a conversion.
    lookback, half_life : int
        Microseconds.
    reset : bool
        Whether touches before the previous conversion are spent.
    top : int
        Values told apart.
    models : tuple of str
        Of ``MODELS``.
    game : str
        Of ``shapley.GAMES``.
    """

    of: str
    goal: Step
    lookback: int
    half_life: int
    reset: bool
    top: int
    models: tuple[str, ...]
    game: str

    @classmethod
    def of_options(
        cls,
        of: str = Columns.channel,
        goal: str = Event.purchase,
        lookback: str | None = "30d",
        half_life: str = "7d",
        reset: bool = True,
        top: int = 12,
        models: str | Sequence[str] | None = None,
        game: str = GAMES[0],
    ) -> Question:
        """Read a question as people write it; the options are those of ``cartpath.paths.attribution``.

        Raises
        ------
        CartpathError
            If a model or game is unknown, the goal is not one step, or a duration cannot be read.

        Examples
        --------
        >>> Question.of_options(lookback="7d", models="last,markov").models
        ('last', 'markov_1')
        """
        steps = parse_steps(goal)
        if len(steps) != 1:
            raise CartpathError(
                f"the goal {goal!r} is {len(steps)} steps", "name one, or alternatives: signup|purchase"
            )
        if not 1 <= top <= MOST_CHANNELS:
            raise CartpathError(f"cannot tell {top} values apart", f"--top takes 1 to {MOST_CHANNELS}")
        if game not in GAMES:
            raise CartpathError(f"there is no game {game!r}", f"known: {', '.join(GAMES)}")
        back = ENDLESS if lookback in (None, "", "none") else seconds(str(lookback)) * MICROSECONDS
        return cls(of, steps[0], back, seconds(half_life) * MICROSECONDS, reset, top, _models(models), game)

    def to_dict(self) -> dict[str, Any]:
        """Return the question as JSON has it."""
        return {
            "of": self.of,
            "goal": str(self.goal),
            "lookback_seconds": None if self.lookback == ENDLESS else self.lookback // MICROSECONDS,
            "half_life_seconds": self.half_life // MICROSECONDS,
            "reset": self.reset,
            "game": self.game,
        }

    @property
    def window_words(self) -> str:
        """Which touches count, as a sentence says it."""
        back = "however long before" if self.lookback == ENDLESS else f"up to {_duration(self.lookback)} before"
        return f"{back} the conversion" + (" and since the one before it" if self.reset else "")


def _models(models: str | Sequence[str] | None) -> tuple[str, ...]:
    if not models:
        return MODELS
    asked = models.split(",") if isinstance(models, str) else models
    names = [name.strip().lower().replace("-", "_") for name in asked]
    names = ["markov_1" if name == "markov" else name for name in names]
    for name in names:
        if name not in MODELS:
            near = difflib.get_close_matches(name, MODELS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(MODELS)}"
            raise CartpathError(f"no model {name!r}", hint)
    return tuple(name for name in MODELS if name in names)


def _duration(microseconds: int) -> str:
    total = microseconds // MICROSECONDS
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if total % size == 0:
            return f"{total // size:,} {word}{'' if total == size else 's'}"
    return f"{total:,} seconds"
