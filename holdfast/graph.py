"""Who stands on whom: order, circles and closures, each in time linear in nodes and edges.

What the nodes are, and where the edges come from, is left to the caller.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

from holdfast.errors import InvalidInput
from holdfast.model import Address

N = TypeVar("N")

_PATIENCE = 50  # how often the search for the shortest circle may look at each edge, on average


class Graph(Generic[N]):
    """What each node needs. The order of the mapping is the document's, and every answer keeps it.

    Edges to nodes that the mapping does not hold are left out: a ledger may remember what is long gone.
    """

    def __init__(self, needs: Mapping[N, Iterable[N]]) -> None:
        self._needs: dict[N, tuple[N, ...]] = {
            node: tuple(dict.fromkeys(n for n in below if n in needs)) for node, below in needs.items()
        }
        self._needed_by: dict[N, list[N]] = {node: [] for node in self._needs}
        for node, below in self._needs.items():
            for n in below:
                self._needed_by[n].append(node)

    def __contains__(self, node: N) -> bool:
        return node in self._needs

    def __len__(self) -> int:
        return len(self._needs)

    def needs(self, node: N) -> tuple[N, ...]:
        """What a node stands on directly; nothing for a node that is not here."""
        return self._needs.get(node, ())

    def needed_by(self, node: N) -> tuple[N, ...]:
        """What stands directly on a node; nothing for a node that is not here."""
        return tuple(self._needed_by.get(node, ()))

    def below(self, starts: Iterable[N]) -> set[N]:
        """The starts and everything they stand on, however far down."""
        return _reach(starts, self._needs)

    def above(self, starts: Iterable[N]) -> set[N]:
        """The starts and everything that stands on them, however far up."""
        return _reach(starts, self._needed_by)

    def order(self) -> list[N]:
        """Every node after what it needs, and otherwise as in the document.

        Raises `InvalidInput` naming the shortest circle when there is one.
        """
        order, closing = self._walk()
        if closing:
            circle = self.cycle()
            first = circle[0]
            raise InvalidInput(
                f"these need each other in a circle: {explain(circle)}",
                address=first if isinstance(first, Address) else None,
                next="remove one of these references, or one `depends_on`",
            )
        return order

    def acyclic(self) -> Graph[N]:
        """The same graph without the edges that close a circle, for edges that are only believed to be there."""
        _, closing = self._walk()
        if not closing:
            return self
        return Graph({n: [b for b in below if (n, b) not in closing] for n, below in self._needs.items()})

    def cycle(self) -> tuple[N, ...]:
        """The shortest circle, its first node repeated at the end; empty when there is none.

        In a knot of many thousand nodes the search ends after a bounded effort, with the shortest found so far.
        """
        _, closing = self._walk()
        best: tuple[N, ...] = ()
        effort = _PATIENCE * (len(self._needs) + sum(map(len, self._needs.values())))
        # Every circle holds a closing edge, so we only look for the shortest way from its end back to its start. They
        # are tried first; a shorter circle may avoid the closing edge's own start, so the rest of the knot follows.
        suspects = dict.fromkeys(node for edge in closing for node in edge)
        for start in [*suspects, *(n for n in self._needs if closing and n not in suspects)]:
            found, seen = self._round(start, len(best) - 1 if best else None)
            best = found or best
            effort -= seen
            if effort < 0 and best:
                break
        return best

    def _round(self, start: N, shorter_than: int | None) -> tuple[tuple[N, ...], int]:
        """The shortest circle through `start`, if it has fewer edges than asked, and how many edges were looked at."""
        came: dict[N, N] = {}
        queue = deque([(start, 0)])
        seen = 0
        while queue:
            node, depth = queue.popleft()
            if shorter_than is not None and depth + 1 >= shorter_than:
                break
            for below in self._needs[node]:
                seen += 1
                if below == start:
                    way = [start, node]
                    while way[-1] != start:
                        way.append(came[way[-1]])
                    return tuple([start, *reversed(way[1:-1]), start] if node != start else [start, start]), seen
                if below not in came:
                    came[below] = node
                    queue.append((below, depth + 1))
        return (), seen

    def _walk(self) -> tuple[list[N], set[tuple[N, N]]]:
        """Depth first, without recursion: the order, and the edges that lead back into what is still open."""
        order: list[N] = []
        done: dict[N, bool] = {}  # False while open
        closing: set[tuple[N, N]] = set()
        for root in self._needs:
            if root in done:
                continue
            done[root] = False
            stack = [(root, iter(self._needs[root]))]
            while stack:
                node, below = stack[-1]
                for n in below:
                    if n not in done:
                        done[n] = False
                        stack.append((n, iter(self._needs[n])))
                        break
                    if not done[n]:
                        closing.add((node, n))
                else:
                    done[node] = True
                    order.append(node)
                    stack.pop()
        return order, closing


def explain(circle: Iterable[object]) -> str:
    """A circle as people read it: `a -> b -> a`."""
    return " -> ".join(map(str, circle))


def _reach(starts: Iterable[N], edges: Mapping[N, Iterable[N]]) -> set[N]:
    reached = {s for s in starts if s in edges}
    queue = list(reached)
    while queue:
        for n in edges[queue.pop()]:
            if n not in reached:
                reached.add(n)
                queue.append(n)
    return reached
