"""Finds resources that wait for each other, and names the round they go.

`graph` stops at the shortest circle of all; a person who corrects a document wants to hear of every one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

N = TypeVar("N")


def cycles(edges: Mapping[N, Sequence[N]]) -> list[list[N]]:
    """One shortest cycle for each knot of nodes that wait for each other, in the order of `edges`.

    A cycle `[a, b]` says that a waits for b and b for a. Nodes that are not keys of `edges` are passed over.
    """
    order = {node: at for at, node in enumerate(edges)}
    found = []
    for knot in _knots(edges):
        first = min(knot, key=order.__getitem__)
        if len(knot) > 1 or first in edges[first]:
            found.append(_round(first, set(knot), edges))
    return sorted(found, key=lambda cycle: order[cycle[0]])


def _round(first: N, members: set[N], edges: Mapping[N, Sequence[N]]) -> list[N]:
    """The shortest way from `first` back to it, within its knot."""
    came: dict[N, N] = {}
    queue = deque([first])
    while queue:
        node = queue.popleft()
        for after in edges[node]:
            if after == first:
                way = [node]
                while way[-1] != first:
                    way.append(came[way[-1]])
                return way[::-1]
            if after in members and after not in came:
                came[after] = node
                queue.append(after)
    raise AssertionError("a knot without a way round")


def _knots(edges: Mapping[N, Sequence[N]]) -> Iterator[list[N]]:
    """Strongly connected components, by Tarjan's algorithm, on a stack of our own."""
    index: dict[N, int] = {}
    low: dict[N, int] = {}
    path: list[N] = []
    on_path: set[N] = set()
    for root in edges:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        path.append(root)
        on_path.add(root)
        work = [(root, iter(edges[root]))]
        while work:
            node, rest = work[-1]
            for after in rest:
                if after not in edges:
                    continue
                if after not in index:
                    index[after] = low[after] = len(index)
                    path.append(after)
                    on_path.add(after)
                    work.append((after, iter(edges[after])))
                    break
                if after in on_path:
                    low[node] = min(low[node], index[after])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    at = path.index(node) if path[-1] != node else len(path) - 1
                    knot = path[at:]
                    del path[at:]
                    on_path.difference_update(knot)
                    yield knot
