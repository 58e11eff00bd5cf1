"""What is asked about the next item: of which kind of event it is to be, and when."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

#: In place of an event type: the next item that is not the one touched last, whatever the type.
DIFFERENT = 0
#: In place of an event type: the item of the next event that has one, whatever the type.
ANY = 1
#: Buckets of the time to the next event.
GAPS = 40
_HOURS, _WEEKDAYS = 25, 8
_DAY = 86_400


@dataclass(frozen=True)
class QueryTime:
    """The time a question is about, in buckets (n,), int64; 0 is unknown.

    Attributes
    ----------
    gap : bucket of the time since the latest event
    hour, weekday : 1 plus the hour, and 1 plus the day of the week (Monday 0), UTC
    """

    gap: Tensor
    hour: Tensor
    weekday: Tensor

    @classmethod
    def at(cls, seconds: Tensor, gap: Tensor) -> QueryTime:
        """Return the buckets of moments.

        Parameters
        ----------
        seconds : int64 tensor (n,)
            Since 1970 UTC.
        gap : float tensor (n,)
            Seconds since the latest event.

        Examples
        --------
        >>> when = QueryTime.at(torch.tensor([3600 * 5]), torch.tensor([60.0]))
        >>> when.gap.item(), when.hour.item(), when.weekday.item()
        (6, 6, 4)
        """
        # 1970-01-01 was a Thursday.
        return cls(gap_bucket(gap), seconds % _DAY // 3600 + 1, (seconds // _DAY + 3) % 7 + 1)

    def hidden_where(self, drop: Tensor) -> QueryTime:
        """Return it with some of the times unknown (``drop``: bool tensor (n,))."""
        return QueryTime(*(values.masked_fill(drop, 0) for values in (self.gap, self.hour, self.weekday)))


def gap_bucket(seconds: Tensor) -> Tensor:
    """Put times to the next event into buckets: 1 below two seconds, then one a doubling.

    Examples
    --------
    >>> gap_bucket(torch.tensor([0.0, 2.0, 1e12])).tolist()
    [1, 2, 39]
    """
    scale = 1 + torch.log2(seconds.clamp(min=1).double()).floor().long()
    return scale.clamp(max=GAPS - 1)


class ItemQuery(nn.Module):
    """Turns what is known into what items are compared with: ``W((1 + a) * h + b)`` with a and b of the question.

    It starts as the identity, so that items begin as what they are as input (Perez et al., 2018, FiLM).

    Parameters
    ----------
    hidden, n_events : int
    """

    def __init__(self, hidden: int, n_events: int) -> None:
        super().__init__()
        self.given = nn.Embedding(max(n_events, ANY + 1), 2 * hidden)
        self.gap = nn.Embedding(GAPS, 2 * hidden, padding_idx=0)
        self.hour = nn.Embedding(_HOURS, 2 * hidden, padding_idx=0)
        self.weekday = nn.Embedding(_WEEKDAYS, 2 * hidden, padding_idx=0)
        self.out = nn.Linear(hidden, hidden)
        self.start()

    def start(self) -> None:
        """Make it the identity."""
        for table in (self.given, self.gap, self.hour, self.weekday):
            nn.init.zeros_(table.weight)
        nn.init.eye_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, hidden: Tensor, given: Tensor, when: QueryTime | None) -> Tensor:
        """Return query vectors (n, hidden)."""
        change = self.given(given)
        if when is not None:
            change = change + self.gap(when.gap) + self.hour(when.hour) + self.weekday(when.weekday)
        stretch, shift = change.chunk(2, dim=-1)
        query: Tensor = self.out((1 + stretch) * hidden + shift)
        return query
