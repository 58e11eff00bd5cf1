"""What an analysis gives back: a frame, a figure, a dictionary."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


class Tabular(Protocol):
    """A result that is a table and a dictionary."""

    @property
    def frame(self) -> pd.DataFrame:
        """The result as a tidy pandas frame."""

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON has it."""


R = TypeVar("R", bound=Tabular)


class Analysis(Generic[R]):
    """A result with its figure, which is drawn when it is asked for.

    Parameters
    ----------
    result : a result of ``cartpath.paths``
    draw : callable
        From the result to its Plotly figure.
    question : str
        That the result answers: the figure's title.
    """

    def __init__(self, result: R, draw: Callable[[R], go.Figure], question: str) -> None:
        self.result = result
        self.question = question
        self._draw = draw

    @property
    def frame(self) -> pd.DataFrame:
        """The result as a tidy pandas frame."""
        return self.result.frame

    @property
    def figure(self) -> go.Figure:
        """The result as a Plotly figure, under the question that it answers."""
        from cartpath.figures import titled

        return titled(self.drawing, self.question)

    @property
    def drawing(self) -> go.Figure:
        """The figure without its title, for a page that has a heading of its own."""
        return self._draw(self.result)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON has it."""
        return self.result.to_dict()

    def __repr__(self) -> str:
        return f"{type(self.result).__name__}\n{self.frame.to_string(index=False, max_rows=20)}"
