"""What all results share: the level of intervals, and the name of what is gathered."""

from __future__ import annotations

#: Quantile of the normal distribution that has 95% between it and its negative: intervals are at this level.
Z95 = 1.959963984540054
#: What values are called together that are too rare or too many to be told apart.
OTHER = "(other)"
