"""Let a case happen: a walk over a world, with wishes, answers, drains, resets and recoveries at their moments."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from holdfast.contract import Answer, OnFailure, State
from holdfast.errors import Letter
from holdfast.run import Fate, Journal, Trace
from tests.walk.cases import Case, Wish
from tests.walk.world import Kind, World
from workflows.walk import Ending, Walk

TURNS = 3_000  # a walk that has not ended by then hangs


@dataclass(slots=True)
class Played:
    """What was there to be seen, during the walk and after it."""

    case: Case
    world: World
    walk: Walk
    recovered: bool = False
    doubted: bool = False
    done_before: frozenset[int] = frozenset()  # remembered from before a reset
    hung: bool = False
    bug: BaseException | None = None
    oddities: list[str] = field(default_factory=list)
    drains: int = 0
    record_at_end: int = 0

    @property
    def fates(self) -> dict[int, Fate]:
        """What the walk says became of each step."""
        return {seq: node.fate for seq, node in self.walk.memory.nodes.items()}


class Player:
    """One course of events. `walks` makes the walk, so that a mutant can be played too."""

    def __init__(self, case: Case, walks: Any = Walk) -> None:
        self.case, self._walks = case, walks
        self.world = World(case.steps, case.parts)
        self._wishes, self._answers = list(case.wishes), list(case.answers)
        self._answered = 0

    async def play(self, journal: Journal | None = None, **how: Any) -> Played:
        """From a journal, or the beginning, to the end."""
        drains = 0
        while True:
            walk = self._begin(journal, **how)
            played = await self._run(walk)
            played.drains = drains
            if played.hung or played.bug or walk.state not in {State.walking, State.undoing, State.paused}:
                break
            drains += 1
            self._between(walk)
            journal = carried_over(walk)
            how.pop("doubted", None)  # only the first execution after a reset can tell
        await self._afterwards(played)
        return played

    async def play_until(self, turn: int, journal: Journal | None = None) -> Journal | None:
        """Until the worker dies at some turn, or just before its first undo; returns what was last carried over."""
        self.world.freezes_on_undo = True
        while True:
            walk = self._begin(journal)
            task = asyncio.create_task(walk.run())
            while not task.done() and self.world.turn < turn and not self.world.frozen:
                await self._turn(walk)
            if task.done() and task.exception() is None and task.result() is Ending.drained:
                journal = carried_over(walk)
                continue
            self.world.frozen = True
            await _tear_down(task)
            self.world.frozen = self.world.freezes_on_undo = False
            return journal

    def _begin(self, journal: Journal | None, on_failure: OnFailure | None = None, doubted: bool = False) -> Walk:
        walk: Walk = self._walks(
            self.case.steps,
            self.world,
            on_failure=on_failure or self.case.on_failure,
            journal=journal,
            doubted=doubted,
        )
        return walk

    async def _run(self, walk: Walk) -> Played:
        played = Played(self.case, self.world, walk)
        task = asyncio.create_task(walk.run())
        until = self.world.turn + TURNS
        while not task.done() and self.world.turn < until:
            await self._turn(walk, played)
        if not task.done():
            played.hung = True
            self.world.frozen = True
            await _tear_down(task)
        else:
            played.bug = asyncio.CancelledError() if task.cancelled() else task.exception()
        return played

    async def _turn(self, walk: Walk, played: Played | None = None) -> None:
        await asyncio.sleep(0)
        self.world.tick()
        while self._wishes and self._wishes[0][0] <= self.world.turn:
            self._fulfil(walk, self._wishes.pop(0)[1])
        if self.world.turn - self._answered > self.case.patience:
            self._answer(walk)
        if played is not None and bool(walk.questions) != (walk.state is State.paused):
            played.oddities.append(f"turn {self.world.turn}: {walk.state} with {len(walk.questions)} questions")

    def _between(self, walk: Walk) -> None:
        """A person may speak after a walk has drained, and before it is carried over."""
        if self.world.turn % 3 == 0:
            self._answer(walk)
        if self._wishes and self._wishes[0][1] is not Wish.drain and self._wishes[0][0] < self.world.turn + 8:
            self._fulfil(walk, self._wishes.pop(0)[1])

    def _answer(self, walk: Walk) -> None:
        questions = walk.questions
        if questions:
            self._answered = self.world.turn
            one = questions[self.world.turn % len(questions)].step.seq
            answer = self._answers.pop(0) if self._answers else Answer.skip
            self.world.write(Kind.answered, one, answer)
            walk.resolve(one, answer)

    def _fulfil(self, walk: Walk, wish: Wish) -> None:
        if wish is Wish.drain:
            walk.drain()
            return
        if not walk.backwards:
            self.world.write(Kind.wished, -1, wish)
        walk.cancel(keep=wish is Wish.keep)

    async def _afterwards(self, played: Played) -> None:
        played.record_at_end = len(self.world.record)
        for _ in range(20):
            await asyncio.sleep(0)
            self.world.tick()
        self.world.settle_down()


def carried_over(walk: Walk) -> Journal:
    """A journal as it comes out of a history."""
    return Journal.model_validate_json(walk.journal().model_dump_json(exclude_defaults=True))


def play(case: Case, walks: Any = Walk) -> Played:
    """A case, from its beginning to its end."""
    return asyncio.run(Player(case, walks).play())


def play_reset(case: Case, turn: int, walks: Any = Walk) -> Played:
    """A case whose history is cut away up to the last journal, and which goes on from there in a new execution."""

    async def course() -> Played:
        player = Player(replace(case, answers=_forward(case.answers)), walks)
        journal = await player.play_until(turn)
        player.world.write(Kind.reset, -1)
        played = await player.play(journal, doubted=True)
        played.doubted = True
        if journal:
            finished = {Fate.done, Fate.unchanged}
            played.done_before = frozenset(t.seq for t in journal.traces if t.fate in finished)
        return played

    return asyncio.run(course())


def play_recover(case: Case, turn: int, walks: Any = Walk) -> Played:
    """A case whose run is terminated, and taken back by another from nothing but the acts that were sent."""

    async def course() -> Played:
        player = Player(case, walks)
        await player.play_until(turn)
        player.world.write(Kind.reset, -1)
        sent = {e.seq: e.generation for e in player.world.record if e.kind is Kind.act}
        back = {e.seq for e in player.world.record if e.kind is Kind.undo}
        said = Letter(error="Refused", happened="it failed before the run died")
        failed = {e.seq for e in player.world.record if e.kind is Kind.failed}
        traces = tuple(
            Trace(
                seq=seq,
                fate=Fate.undoing if seq in back else Fate.failed if seq in failed else Fate.acting,
                generation=generation,
                sent=True,
                letter=said if seq in failed else None,
            )
            for seq, generation in sorted(sent.items())
        )
        mode = OnFailure.pause if case.on_failure is OnFailure.pause else OnFailure.keep
        played = await player.play(Journal(traces=traces, backwards=True), on_failure=mode)
        played.recovered = True
        return played

    return asyncio.run(course())


def tallied(played: Played) -> bool:
    """Whether the memory's tally is the number of its nodes of each fate."""
    counted = Counter(played.fates.values())
    return all(count == counted[fate] for fate, count in played.walk.memory.tally.items())


def _forward(answers: Sequence[Answer]) -> tuple[Answer, ...]:
    return tuple(a for a in answers if a is not Answer.rollback)


async def _tear_down(task: asyncio.Task[Ending]) -> None:
    others = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
    for other in others:
        other.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await asyncio.gather(*others, return_exceptions=True)
