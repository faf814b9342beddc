"""What planning costs in the kernel, for stacks of growing size, from nothing and over a stack that stands.

A third of the resources refers to the third before it, so references and their order are paid for too.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from holdfast.desired import Desired, Goal
from holdfast.planners.converge import Facts, converge
from holdfast.testing import sim
from holdfast.testing.byhand import Book, carry_out, look
from holdfast.testing.world import World

COUNTS = (1_000, 3_000, 10_000)


async def main(counts: Sequence[int] = COUNTS) -> None:
    """Print a line for each count: seconds, and microseconds a resource, which stay flat when it is linear."""
    catalog = sim.catalog()
    print("resources    make all   µs each    change a tenth   µs each")
    for count in counts:
        goal = _goal(count)
        made = _timed(partial(converge, catalog, Facts(owner=sim.OWNER, goal=goal)))
        facts = _standing(count)
        changed = _timed(partial(converge, catalog, facts))
        print(f"{count:9} {made:10.2f}s {1e6 * made / count:9.0f} {changed:16.2f}s {1e6 * changed / count:9.0f}")


def _goal(count: int, size: int = 1) -> Goal:
    def one(n: int) -> Desired:
        needs: dict[str, Any] = {"base": sim.ref(f"t{n - count // 3}")} if n >= count // 3 else {}
        return sim.want(f"t{n}", size=size if n % 10 == 0 else 1, **needs)

    return sim.goal(*(one(n) for n in range(count)))


def _standing(count: int) -> Facts:
    """The facts of a stack that stands, and of which a tenth shall change."""
    catalog, world, book = sim.catalog(), World(), Book(sim.OWNER)
    world.guarded = False
    goal = _goal(count)
    carry_out(catalog, world, book, converge(catalog, Facts(owner=sim.OWNER, goal=goal)))
    return look(catalog, world, book, _goal(count, size=2))


def _timed(work: Callable[[], object]) -> float:
    """The best of three: what else goes on only ever adds to it."""
    times = []
    for _ in range(3):
        gc.collect()
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)
