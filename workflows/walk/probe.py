"""The probe: before a walk turns around, what would not return if it had happened is taken back first.

If it had happened, forward is the only way left. The same holds while nobody can say: when the undo is refused, or
another step stands on this one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Protocol, TypeAlias

from holdfast.errors import Letter
from holdfast.run import Fate
from workflows.walk.hands import Failed
from workflows.walk.memory import Memory, Node
from workflows.walk.tasks import was_cancelled
from workflows.walk.words import GONE, INTERRUPTED, cut_off, uncertain

Before: TypeAlias = tuple[Node, Fate, Letter | None]  # a node that was taken back, and what it was before


class Undo(Protocol):
    """Takes one node back. Raises `Failed`."""

    def __call__(self, node: Node, *, repeated: bool) -> Awaitable[None]: ...


async def probe(
    memory: Memory, undo: Undo, moved: Callable[[int], None], gone: set[int], asks_undo: Collection[int]
) -> list[Before]:
    """Take back whatever is in doubt, and put into `gone` what cannot be. Returns what was taken back."""
    taken_back: list[Before] = []
    for node in memory.doubtful():
        before = (node, node.fate, node.letter)
        if memory.bears(node):
            gone.add(node.step.seq)
            continue
        try:
            await _at_once(node, undo, repeated=node.fate is Fate.undoing or node.step.seq in asks_undo)
            taken_back.append(before)
        except (Failed, asyncio.CancelledError) as end:
            if was_cancelled():
                raise
            gone.add(node.step.seq)
            found = uncertain(end.letter) if isinstance(end, Failed) else cut_off(node.step)
            if node.fate is Fate.waiting:  # it happened before a reset: it is adopted in its turn, if that comes
                node.letter = found if found.error == GONE else node.letter
                continue
            node.letter = node.letter or found
            memory.put(node, Fate.failed)
            moved(node.step.seq)
    return taken_back


def walk_on(memory: Memory, taken_back: Iterable[Before]) -> None:
    """What the probe took back shall be walked over after all."""
    for node, fate, letter in taken_back:
        if fate is Fate.undoing:  # an operator had asked for no more than this
            memory.leave_out(node)
        else:
            memory.afresh(node, fate, letter)


async def _at_once(node: Node, undo: Undo, *, repeated: bool) -> None:
    """While nothing else is walked: whatever the cloud gives up on is asked anew here."""
    while True:
        try:
            return await undo(node, repeated=repeated)
        except Failed as failure:
            if failure.letter.error != INTERRUPTED:
                raise
        node.anew, node.given_up, repeated = node.anew + 1, node.given_up + 1, True
