"""Order, circles and closures."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InvalidInput
from holdfast.graph import Graph, explain
from holdfast.testing.sim import address

edges = st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=3), max_size=10)


@given(edges)
def test_an_order_or_a_circle(needs: dict[int, list[int]]) -> None:
    """Every graph has an order that puts each after what it needs, or a circle that really is one; never both."""
    graph = Graph(needs)
    circle = graph.cycle()
    if circle:
        assert circle[0] == circle[-1]
        assert all(b in graph.needs(a) for a, b in pairwise(circle))
        with pytest.raises(InvalidInput, match=" -> "):
            graph.order()
        assert sorted(graph.acyclic().order()) == sorted(needs)
        return
    order = graph.order()
    assert sorted(order) == sorted(needs)
    assert all(order.index(below) < order.index(n) for n in needs for below in graph.needs(n))
    assert graph.acyclic() is graph


@given(edges)
def test_the_circle_is_the_shortest(needs: dict[int, list[int]]) -> None:
    """No circle is shorter than the one that is named."""
    graph = Graph(needs)
    shortest = 0
    for length in range(1, 11):
        paths = {(n, n) for n in needs}
        for _ in range(length):
            paths = {(a, c) for a, b in paths for c in graph.needs(b)}
        if any(a == b for a, b in paths):
            shortest = length
            break
    assert max(0, len(graph.cycle()) - 1) == shortest


@given(edges, st.integers(0, 9))
def test_closures_mirror_each_other(needs: dict[int, list[int]], start: int) -> None:
    """What stands above something is exactly what has it below."""
    graph = Graph(needs)
    assert graph.above([start]) == {n for n in needs if start in graph.below([n])}


def test_an_order_keeps_the_documents() -> None:
    """What needs nothing of the other stays in the document's order."""
    assert Graph({"c": [], "a": ["z"], "b": [], "z": []}).order() == ["c", "z", "a", "b"]


def test_a_circle_is_explained_by_name() -> None:
    """The letter names the circle, and whose it is."""
    a, b, c = (address(n) for n in "abc")
    with pytest.raises(InvalidInput) as refused:
        Graph({a: [b], b: [c, a], c: [a]}).order()
    assert explain([a, b, a]) in str(refused.value) or explain([b, a, b]) in str(refused.value)
    assert refused.value.letter.address in {a, b}


def test_ten_thousand_in_a_ring() -> None:
    """A very long chain, or a very long circle, takes neither recursion nor patience."""
    chain = Graph({n: [n + 1] for n in range(10_000)})
    assert chain.order()[0] == 9_999
    ring = Graph({n: [(n + 1) % 10_000] for n in range(10_000)})
    assert len(ring.cycle()) == 10_001
