from __future__ import annotations

import json

import plotly.graph_objects as go
import pytest

from cartpath.figures import flow_comparison_figure, flow_figure, step_matrix_figure, step_view_figure
from cartpath.figures.flow import select
from cartpath.paths import FlowResult
from tests.paths.test_flow import count as count_flow
from tests.paths.test_step_view import count as count_steps
from tests.paths.twin import Row


def words(figure: go.Figure) -> str:
    return str(json.loads(figure.to_json())).replace("<br>", " ")


def graph() -> FlowResult:
    rows = [Row(user, t, ("view", "view", "cart", "buy")[t % 4]) for user in range(5) for t in range(8)]
    return count_flow(rows)


def test_a_flow_draws_an_arc_for_each_edge_chosen_but_loops() -> None:
    found = graph()
    shown = select(found.frame, found.node_frame, share=1.0)
    loops = [edge for edge in shown.edges if edge["source"] == edge["target"]]
    figure = flow_figure(found.frame, found.node_frame, shown)
    arcs = [trace for trace in figure.data if trace.mode == "lines"]
    assert len(loops) == 1
    assert len(arcs) == len(shown.edges) - len(loops) == len(found.edges) - 1
    assert shown.coverage == 1.0
    assert (shown.nodes[0], shown.nodes[-1]) == ("(start)", "(end)")
    assert shown.nodes.index("view") < shown.nodes.index("cart") < shown.nodes.index("buy")


def test_a_flow_says_what_it_leaves_out() -> None:
    found = graph()
    shown = select(found.frame, found.node_frame, most_nodes=1, share=0.5)
    assert shown.nodes == ["(start)", "view", "(end)"]
    assert "1 of 3 nodes" in shown.words
    assert "1 of 3 nodes" not in words(flow_figure(found.frame, found.node_frame, shown))
    carried = sum(edge["n"] for edge in shown.edges)
    assert shown.coverage == pytest.approx(carried / found.frame["n"].sum())


def test_every_node_drawn_keeps_its_strongest_edge() -> None:
    found = graph()
    shown = select(found.frame, found.node_frame, share=0.01)
    for name in shown.nodes:
        assert any(name in (edge["source"], edge["target"]) for edge in shown.edges)


def test_a_flow_without_steps_says_so() -> None:
    found = count_flow([])
    assert "nothing to draw" in words(flow_figure(found.frame, found.node_frame))


def test_a_flow_of_its_own_choice_says_what_is_hidden() -> None:
    rows = [Row(user, t, ("view", "view", "cart", "buy")[t % 4]) for user in range(5) for t in range(8)]
    found = count_flow(rows, min_share=0.2)
    text = words(flow_figure(found.frame, found.node_frame))
    hidden = 1 - found.coverage
    assert f"Edges that carry {hidden:.1%} were hidden before" in text
    nothing = count_flow(rows, min_share=0.9)
    assert "No edge carries as much" in words(flow_figure(nothing.frame, nothing.node_frame))


def test_times_stand_in_the_hover_text() -> None:
    found = count_flow([Row(0, 0, "view"), Row(0, 5400, "buy")])
    assert "after 1.5 h (median)" in words(flow_figure(found.frame, found.node_frame))


def test_two_flows_on_one_picture() -> None:
    a = count_flow([Row(u, t, e) for u in range(4) for t, e in enumerate(("view", "cart" if u else "buy"))])
    b = count_flow([Row(u, t, e) for u in range(4) for t, e in enumerate(("view", "buy"))])
    text = words(flow_comparison_figure(a.frame, b.frame, ("few <b>", "many")))
    assert "75.0% | 0.0%" in text
    assert "25.0% | 100.0%" in text
    assert "difference +75.0 percentage points" in text
    assert "few &lt;b&gt;: 12 transitions, 100.0% drawn; many: 12, 100.0% drawn. 3 of 3 nodes, 5 of 5 edges" in text
    assert "4 | 4" in text


def test_a_node_that_a_group_never_visits_has_no_rate() -> None:
    a, b = count_flow([Row(0, 0, "view")]), count_flow([Row(0, 0, "cart")])
    assert "100.0% | –" in words(flow_comparison_figure(a.frame, b.frame, ("A", "B")))


def test_nothing_to_compare_says_so() -> None:
    some, none = count_flow([Row(0, 0, "view")]), count_flow([])
    assert "No steps of new" in words(flow_comparison_figure(some.frame, none.frame, ("old", "new")))


@pytest.mark.parametrize("backwards", [False, True])
def test_a_step_view_is_a_sankey_and_a_matrix(backwards: bool) -> None:
    rows = [Row(u, t, e) for u in range(4) for t, e in enumerate(("view", "cart", "buy")[: 2 + u % 2])]
    found = count_steps(rows, **({"end": "cart"} if backwards else {"start": "view"}), steps=2)
    sankey = step_view_figure(found.frame, found.link_frame, backwards, found.note)
    links = sankey.data[0].link
    assert sum(links.value) == 8
    across = sankey.data[0].node.x
    assert all(across[source] < across[target] for source, target in zip(links.source, links.target, strict=True))
    assert "4 sessions with" in words(sankey)
    matrix = step_matrix_figure(found.frame, backwards, found.note).data[0]
    assert [sum(row[i] for row in matrix.z) for i in range(3)] == pytest.approx([1, 1, 1])


def test_who_has_left_is_drawn_once() -> None:
    found = count_steps([Row(0, 0, "view")], steps=3)
    figure = step_view_figure(found.frame, found.link_frame)
    assert len(figure.data[0].node.x) == 2
    assert list(figure.data[0].link.value) == [1]


def test_a_step_view_of_nobody_says_so() -> None:
    found = count_steps([Row(0, 0, "view")], start="buy")
    assert "nothing to draw" in words(step_view_figure(found.frame, found.link_frame))
    assert "nothing to draw" in words(step_matrix_figure(found.frame))
