from __future__ import annotations

import pytest
from hypothesis import given

from cartpath.paths import compare_flows
from cartpath.paths.counting import newcombe
from cartpath.schema import CartpathError
from tests.paths.test_flow import count
from tests.paths.twin import Row, logs
from tests.paths.twin_flow import flow_twin


@given(a=logs, b=logs)
def test_equals_the_twin(a: list[Row], b: list[Row]) -> None:
    found = compare_flows(count(a), count(b), ("old", "new"))
    (nodes_a, edges_a), (nodes_b, edges_b) = flow_twin(a, None, None), flow_twin(b, None, None)
    assert {(row["source"], row["target"]) for row in found.edges} == edges_a.keys() | edges_b.keys()
    for row in found.edges:
        pair = row["source"], row["target"]
        n = [edges.get(pair, (0,))[0] for edges in (edges_a, edges_b)]
        of = [nodes.get(pair[0], (0,))[0] for nodes in (nodes_a, nodes_b)]
        assert [row["n_a"], row["n_b"], row["of_a"], row["of_b"]] == [*n, *of]
        if all(of):
            assert row["difference"] == pytest.approx(n[1] / of[1] - n[0] / of[0])
            assert row["interval"][0] - 1e-12 <= row["difference"] <= row["interval"][1] + 1e-12
        else:
            assert row["difference"] is row["interval"] is None
    assert found.hidden == {"edges": 0, "n_a": 0, "n_b": 0}


def test_an_edge_that_one_group_hides_is_looked_up_and_the_rest_is_counted() -> None:
    a = count([Row(u, t, e) for u in range(3) for t, e in enumerate(("view", "view", "buy"))], top_edges=1)
    b = count([Row(0, 0, "view"), Row(0, 1, "buy"), Row(0, 2, "buy")], top_edges=1)
    found = compare_flows(a, b)
    assert len(found.edges) == len({(r["source"], r["target"]) for r in a.edges + b.edges})
    shown = sum(row["n_a"] for row in found.edges)
    assert found.hidden["n_a"] == a.transitions - shown
    assert [group["transitions"] for group in found.to_dict()["groups"]] == [12, 4]
    assert len(found.frame) == len(found.edges)


def test_groups_of_other_nodes_are_refused() -> None:
    with pytest.raises(CartpathError, match="nodes are event in one graph and device in the other"):
        compare_flows(count([]), count([], node="device"))


def test_the_interval_of_a_difference_is_the_published_one() -> None:
    # Newcombe 1998, table II: 56/70 - 48/80 by method 10 is 0.0524 to 0.3339.
    assert newcombe(48, 80, 56, 70) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert newcombe(0, 0, 1, 2) is None


def test_values_gathered_otherwise_are_warned_of() -> None:
    rows = [Row(0, t, e) for t, e in enumerate(("view", "view", "cart"))]
    other = [Row(0, t, e) for t, e in enumerate(("buy", "buy", "cart"))]
    found = compare_flows(count(rows, most_nodes=1), count(other, most_nodes=1))
    assert "(other) gathers other values" in found.warnings[0]
