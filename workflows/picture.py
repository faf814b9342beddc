"""What a run looks like from outside at this moment, from the walk's own memory."""

from __future__ import annotations

from datetime import datetime, timedelta

from holdfast.contract import State
from holdfast.progress import Progress, Row
from holdfast.run import Charge, Fate
from holdfast.tree import LINES, finished
from workflows.walk import Walk
from workflows.walk.memory import Node


class Picture:
    """Draws the progress of one run. Knows when each step last moved; knows no clock of its own."""

    def __init__(self, charge: Charge) -> None:
        self._charge = charge
        self._since: dict[int, datetime] = {}
        self._began: datetime | None = None
        self._ended_before = 0
        self.waiting = ""

    def begin(self, walk: Walk, now: datetime) -> None:
        """The walk starts, or goes on in a new execution, or turns around: the pace is measured from here."""
        self._began = now
        self._ended_before = finished(self._bare(walk, walk.state))

    def moved(self, seq: int, now: datetime) -> None:
        """A step's fate changed."""
        self._since[seq] = now

    def progress(self, walk: Walk | None, state: State, now: datetime, *, lines: int | None = None) -> Progress:
        """The whole picture; or, with `lines`, only as many rows as a person reads, those that matter first."""
        if walk is None:
            return self._bare(None, state).model_copy(update={"now": now})
        bare = self._bare(walk, state)
        nodes = walk.memory.nodes.values() if lines is None else walk.memory.foremost(lines)
        return bare.model_copy(
            update={
                "rows": tuple(self._row(n) for n in nodes),
                "now": now,
                "left": self._left(bare, now),
                "questions": tuple(q.step.address for q in walk.questions),
                "cause": walk.cause,
            }
        )

    def _bare(self, walk: Walk | None, state: State) -> Progress:
        tally = walk.memory.tally if walk else {}
        return Progress(
            run=self._charge.run,
            stack=self._charge.request.stack,
            operation=self._charge.request.operation,
            state=state,
            identity=self._charge.request.identity,
            counts={fate.value: n for fate, n in tally.items() if n},
            total=len(walk.memory.nodes) if walk else 0,
            started=self._charge.started,
            waiting=self.waiting,
        )

    def _row(self, node: Node) -> Row:
        step = node.step
        return Row(
            address=step.address,
            verb=step.verb,
            fate=node.fate,
            letter=node.letter,
            since=self._since.get(step.seq),
            remote_id=node.remote_id,
            seq=step.seq,
        )

    def _left(self, bare: Progress, now: datetime) -> timedelta | None:
        """As long again as the rest would take at the pace so far. None until something has ended."""
        ended = finished(bare) - self._ended_before
        if self._began is None or ended <= 0:
            return None
        return (now - self._began) / ended * (bare.total - finished(bare))


__all__ = ["LINES", "Fate", "Picture"]
