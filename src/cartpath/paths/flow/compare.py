"""Two flow graphs side by side: how the probabilities of their edges differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cartpath.paths.counting import newcombe
from cartpath.paths.flow.view import FlowResult
from cartpath.schema import CartpathError

if TYPE_CHECKING:
    import pandas as pd

_ENDS = ("interval_low", "interval_high")


@dataclass(frozen=True)
class FlowComparison:
    """Two flow graphs, edge by edge.

    Attributes
    ----------
    a, b : FlowResult
    names : tuple of str
        Of the two groups.
    edges : list of dict
        Those that either graph shows, the largest difference first: ``source``, ``target``; ``n_a``, ``of_a``,
        ``probability_a`` and the same of b (``of`` is the visits of the source); ``difference`` (b - a) and its 95%
        ``interval``, both None where a group never visits the source.
    """

    a: FlowResult
    b: FlowResult
    names: tuple[str, str]
    edges: list[dict[str, Any]]

    @property
    def hidden(self) -> dict[str, int]:
        """How many ``edges`` neither graph shows, and the transitions that they carry in each: ``n_a``, ``n_b``."""
        shown = {(row["source"], row["target"]) for row in self.edges}
        found = [{pair: n for pair, n in _counts(graph).items() if pair not in shown} for graph in (self.a, self.b)]
        return {
            "edges": len(found[0].keys() | found[1].keys()),
            "n_a": sum(found[0].values()),
            "n_b": sum(found[1].values()),
        }

    @property
    def frame(self) -> pd.DataFrame:
        """One row an edge, as a pandas frame; interval ends are columns of their own."""
        import pandas as pd

        columns = ["source", "target", *(f"{name}_{g}" for g in "ab" for name in ("n", "of", "probability"))]
        rows = [{**row, **dict(zip(_ENDS, row["interval"] or (None, None), strict=True))} for row in self.edges]
        return pd.DataFrame(rows, columns=[*columns, "difference", *_ENDS])

    @property
    def warnings(self) -> list[str]:
        """What a reader should know first, of either graph."""
        own = [set(graph.nodes_of.names) for graph in (self.a, self.b)]
        mixed = own[0] != own[1] and (self.a.nodes_of.gathered or self.b.nodes_of.gathered)
        found = ["(other) gathers other values in one graph than in the other"] if mixed else []
        both = ((name, graph) for name, graph in zip(self.names, (self.a, self.b), strict=True))
        return found + [f"{name}: {words}" for name, graph in both for words in graph.warnings]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON has it."""
        groups = [
            {
                "name": name,
                **graph.rule.header(graph.basis, (), graph.unit),
                "transitions": graph.transitions,
            }
            for name, graph in zip(self.names, (self.a, self.b), strict=True)
        ]
        edges = [{**row, "interval": list(row["interval"]) if row["interval"] else None} for row in self.edges]
        return {"groups": groups, "edges": edges, "hidden": self.hidden, "warnings": self.warnings}


def compare_flows(a: FlowResult, b: FlowResult, names: Sequence[str] = ("A", "B")) -> FlowComparison:
    """Compare two flow graphs of the same kind of nodes.

    Parameters
    ----------
    a, b : FlowResult
    names : sequence of str
        Of the two groups.

    Returns
    -------
    FlowComparison

    Raises
    ------
    CartpathError
        If the nodes of the two are not values of the same property.

    Notes
    -----
    An edge that one graph hides is looked up there all the same. The interval is that of R. G. Newcombe (Interval
    estimation for the difference between independent proportions, Statistics in Medicine 17, 1998, method 10). It takes
    visits as independent, and does not correct for how many edges are looked at.
    """
    kinds = [graph.nodes_of.of for graph in (a, b)]
    if kinds[0] != kinds[1]:
        raise CartpathError(f"nodes are {kinds[0]} in one graph and {kinds[1]} in the other", "compare like with like")
    shown = dict.fromkeys((row["source"], row["target"]) for graph in (a, b) for row in graph.edges)
    counts, visits = (_counts(a), _counts(b)), (_visits(a), _visits(b))
    edges = [_edge(pair, [n.get(pair, 0) for n in counts], [of.get(pair[0], 0) for of in visits]) for pair in shown]
    edges.sort(key=lambda row: (row["difference"] is None, -abs(row["difference"] or 0), row["source"], row["target"]))
    return FlowComparison(a, b, (str(names[0]), str(names[1])), edges)


def _edge(pair: tuple[str, str], n: list[int], of: list[int]) -> dict[str, Any]:
    rates = [hits / total if total else None for hits, total in zip(n, of, strict=True)]
    a, b = rates
    return {
        "source": pair[0],
        "target": pair[1],
        **{f"{name}_{g}": values[i] for i, g in enumerate("ab") for name, values in _named(n, of, rates)},
        "difference": None if a is None or b is None else b - a,
        "interval": newcombe(n[0], of[0], n[1], of[1]),
    }


def _named(n: list[int], of: list[int], rates: list[float | None]) -> tuple[tuple[str, list[Any]], ...]:
    return (("n", n), ("of", of), ("probability", rates))


def _counts(graph: FlowResult) -> dict[tuple[str, str], int]:
    names = graph.names
    return {
        (names[cell // len(names)], names[cell % len(names)]): n
        for cell, n in zip(graph.counts.cell.tolist(), graph.counts.n.tolist(), strict=True)
    }


def _visits(graph: FlowResult) -> dict[str, int]:
    return {row["event"]: row["n"] for row in graph.nodes}
