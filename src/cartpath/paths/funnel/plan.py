"""What a funnel asks, as scans read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cartpath.paths.calendar import Calendar
from cartpath.paths.conditions import Step
from cartpath.paths.funnel.masks import Masks, masks_by_event, masks_of
from cartpath.paths.matching import Matcher
from cartpath.paths.properties import NUMBER, Property, spread
from cartpath.store import PathView

#: No window: longer than any path.
NO_WINDOW = 2**62

#: Where a property is taken, other than at a step by its number.
FIRST, LAST = -1, -2


@dataclass(frozen=True)
class Breakdown:
    """By which property, and at the event of which step, units are told apart.

    Attributes
    ----------
    property : Property
    step : int
        From 0; ``FIRST`` and ``LAST`` are the first and the last step that a unit reached.
    """

    property: Property
    step: int = FIRST


@dataclass(frozen=True)
class FunnelPlan:
    """What the scan of a bucket needs to know; it may be pickled.

    Attributes
    ----------
    steps : tuple of Step
    matcher : Matcher
        Of the steps and, as one more, of what is excluded.
    unit : str
        ``"users"``, ``"sessions"`` or ``"entries"``.
    order : str
    window : int
        Microseconds from the first step to the last.
    in_session : bool
        Whether all steps must be of one session.
    excluded : tuple of Step
    hold : Property or None
    breakdown : Breakdown or None
    trend : Calendar or None
        Days, weeks or months over the whole store.
    """

    steps: tuple[Step, ...]
    matcher: Matcher
    unit: str = "users"
    order: str = "loose"
    window: int = NO_WINDOW
    in_session: bool = False
    excluded: tuple[Step, ...] = ()
    hold: Property | None = None
    breakdown: Breakdown | None = None
    trend: Calendar | None = None
    warnings: tuple[str, ...] = field(default=(), compare=False)

    @property
    def n_steps(self) -> int:
        """How many steps there are."""
        return len(self.steps)

    @property
    def lane_unit(self) -> str:
        """Whose paths chains are looked for in: ``"users"`` or ``"sessions"``."""
        return "sessions" if self.in_session or self.unit == "sessions" else "users"

    @cached_property
    def lookup(self) -> Masks:
        """What an event can be by its name alone: at its code + 1, so that no code has a place, too."""
        return np.roll(masks_by_event(self.matcher, self.n_steps), 1)

    def masks(self, view: PathView) -> Masks:
        """Return what each event of a bucket can be."""
        return masks_of(view, self.matcher, self.n_steps)

    def held(self, view: PathView) -> npt.NDArray[np.int32] | None:
        """Return for each event a code of the value that is held, -1 for none; None where nothing is held.

        A number is held as it is, not as the bin that breakdowns put it in; its codes are those of this bucket alone.
        """
        if self.hold is None or self.hold.kind != NUMBER:
            return None if self.hold is None else self.hold.of_events(view)
        numbers = spread(self.hold.numbers(view), self.hold.level, view)
        known = ~np.isnan(numbers)
        codes = np.full(len(numbers), -1, np.int32)
        codes[known] = np.unique(numbers[known], return_inverse=True)[1]
        return codes
