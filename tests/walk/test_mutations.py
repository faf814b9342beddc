"""The tests themselves are tested: each of these mistakes in the walk breaks the promise in a bounded run."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from holdfast.contract import OnFailure, State
from tests.walk.cases import Case, calm, random_case
from tests.walk.judge import broken_promises
from tests.walk.mutants import Mutation, mutant
from tests.walk.play import Played, play, play_recover, play_reset
from workflows.walk import Walk

PLANS = 400

MUTATIONS = [
    # what may go next
    Mutation("memory", "node.missing == 0 and node.fate in _OPEN", "node.fate in _OPEN"),
    Mutation("memory", "node.above == 0 and node.stands and", "node.stands and"),
    Mutation("memory", "and node.stands and node.fate is not Fate.failed", "and node.stands"),
    Mutation(
        "memory",
        "_OPEN = (Fate.waiting, Fate.acting, Fate.settling, Fate.undoing)",
        "_OPEN = (Fate.waiting, Fate.acting, Fate.settling)",
    ),
    Mutation("memory", "FINISHED = frozenset({Fate.done, Fate.unchanged})", "FINISHED = frozenset({Fate.done})"),
    Mutation("memory", "            after.missing -= 1", "            after.missing -= 2"),
    Mutation("memory", "            before.above -= 1", "            before.above -= 2"),
    # what stands, what is left, what is kept
    Mutation("memory", "return self.sent and self.fate not in LEFT and", "return self.fate not in LEFT and"),
    Mutation("memory", "self.fate not in LEFT and self.fate not in _TAKEN_BACK", "self.fate not in LEFT"),
    Mutation("memory", "                self.put(before, Fate.kept)", "                self.put(before, Fate.stuck)"),
    Mutation("memory", "                stack += before.step.after", "                pass"),
    Mutation("memory", "            self._keep_below(node)\n        else:", "            pass\n        else:"),
    Mutation(
        "memory", "            if node.sent and node.fate in LEFT:", "            if node.fate in LEFT and False:"
    ),
    Mutation("memory", "                self.put(node, Fate.waiting)", "                pass"),
    Mutation("memory", "in {Verb.create, Verb.adopt} else Fate.kept", "in {Verb.create, Verb.adopt} else Fate.waiting"),
    Mutation("memory", "        if node.sent:\n", "        if False:\n"),
    # what a journal carries
    Mutation(
        "memory", "node.sent, node.generation = trace.sent, trace.generation", "node.sent, node.generation = True, 0"
    ),
    Mutation("memory", "            if n.fate is not Fate.waiting or n.sent", "            if n.fate is Fate.done"),
    Mutation("memory", "                sent=n.sent,", "                sent=False,"),
    Mutation("memory", "            node.sent = True", "            pass"),
    Mutation("walk", "            backwards=self.backwards,", "            backwards=False,"),
    Mutation("walk", "            cancelled=self.cancelled,", "            cancelled=False,"),
    Mutation("walk", "            gone=tuple(sorted(self._gone)),", "            gone=(),"),
    Mutation(
        "walk", "        self._turning = self._must_turn\n        self", "        self._turning = False\n        self"
    ),
    # the point of no return
    Mutation("memory", "n.fate in {Fate.done, Fate.settling} or", "n.fate in {Fate.done} or"),
    Mutation("memory", "n.fate in {Fate.done, Fate.settling} or", "n.fate in {Fate.settling} or"),
    Mutation("memory", "unsure = {Fate.failed, *_OPEN} - {Fate.settling}", "unsure = {Fate.failed}"),
    Mutation(
        "walk",
        "taken_back = await probe(self.memory, self._undo, self._hands.moved, self._gone, self._asks_undo)",
        "taken_back = []",
    ),
    Mutation("probe", "        except (Failed, asyncio.CancelledError) as end:", "        except Failed as end:"),
    # asking and answering
    Mutation("walk", "self.memory.tally[Fate.failed] > 0 and not self._turning and not self._keeping", "False"),
    Mutation("walk", "                if not self._is_asking:\n                    break", "                break"),
    Mutation(
        "walk", "            self.memory.again(node, Fate.undoing)", "            self.memory.put(node, Fate.undoing)"
    ),
    Mutation(
        "walk", "            self.memory.again(node, Fate.acting)", "            self.memory.put(node, Fate.waiting)"
    ),
    Mutation("walk", "        if letter.error == GONE:", '        if letter.error == "Lost":'),
    Mutation(
        "walk",
        "elif self.backwards and self._on_failure is not OnFailure.pause:",
        "elif self._on_failure is not OnFailure.pause:",
    ),
    # stopping, turning, tasks
    Mutation(
        "walk",
        "        await let_go([*self._acting.values(), *self._settling.values()])",
        "        await asyncio.sleep(0)",
    ),
    Mutation(
        "walk",
        "await let_go([*self._acting.values(), *self._settling.values()])",
        "await let_go(self._settling.values())",
    ),
    Mutation("tasks", "        if not task.cancelling():\n", "        if True:\n"),
    Mutation("tasks", "    await asyncio.gather(*all_of_them, return_exceptions=True)", "    await asyncio.sleep(0)"),
    Mutation("walk", "        if self._is_stopping() or self._is_asking:", "        if self._is_stopping():"),
    Mutation("walk", "            self.memory.put_off(node)\n", "            pass\n"),
    Mutation("walk", "            if self._is_stopping() or was_cancelled():", "            if True:"),
    Mutation("walk", "                self._name_cut_off()\n", "                pass\n"),
    Mutation("walk", "                if not self._keeping:  #", "                if False:  #"),
    Mutation("walk", "        if self._keeping:  # a person's word", "        if False:  # a person's word"),
    Mutation("walk", "            self.memory.leave_out_all()", "            pass"),
    Mutation(
        "walk",
        "            self._undo_failed()\n        self.memory.face_back()",
        "            pass\n        self.memory.face_back()",
    ),
    Mutation("walk", "            self._undo_failed()\n        self._face()", "            pass\n        self._face()"),
    # what a step is told, and what is told of it
    Mutation("walk", "order = self._order(node, repeated=node.sent)", "order = self._order(node, repeated=False)"),
    Mutation("walk", "repeated = node.fate is Fate.undoing or node.step.seq in self._gone", "repeated = False"),
    Mutation("walk", "repeated=repeated or self._doubted", "repeated=repeated"),
    Mutation("walk", "idle = done.unchanged and not order.repeated and not settled", "idle = done.unchanged"),
    Mutation("words", 'letter.model_copy(update={"certain": False}) if letter.certain else letter', "letter"),
    Mutation(
        "walk", "            self._move(node, Fate.acting, sent=True)", "            self._move(node, Fate.acting)"
    ),
    Mutation("walk", "            if settled:\n", "            if False:\n"),
    Mutation("walk", "        await self._settle(node, back=True)\n", "        pass\n"),
    Mutation("walk", "return State.cancelled if self.cancelled else State.undone", "return State.undone"),
    # what the cloud took, and gave up on
    Mutation("walk", "            if failure.letter.error == INTERRUPTED:", "            if False:"),
    Mutation("walk", "        self.memory.anew(node)\n", "        pass\n"),
    Mutation("probe", "node.anew, node.given_up, repeated = node.anew + 1, ", "node.given_up, repeated = "),
    Mutation("memory", "        node.anew += 1\n        node.given_up", "        node.given_up"),
    Mutation(
        "memory",
        "            self.put(node, Fate.acting)\n        self.put_off",
        "            pass\n        self.put_off",
    ),
]

# Seen in few plans: each needs many of them.
RARE = [
    Mutation(
        "walk",
        "        await self._undo(node, repeated=True)",
        "        await self._take_back(node, repeated=True)",
    ),
    Mutation("walk", "            doubted=self._doubted,", "            doubted=False,"),
]


def first_breach(walks: Any, plans: int = PLANS) -> str | None:
    """The first plan, of a bounded number, in which the promise is broken."""
    for seed in range(plans):
        size = 2 + seed % 9
        for mode in OnFailure:
            case = random_case(seed, size, mode, wild=0.3 + 0.2 * (seed % 3))
            for played in _courses(case, seed % 50, walks):
                broken = broken_promises(played)
                if broken:
                    return f"seed {seed}, {mode}: {broken[0]}"
    return None


def _courses(case: Case, turn: int, walks: Any) -> list[Played]:
    smooth = play(calm(case), walks)
    if smooth.walk.state is not State.done:
        smooth.oddities.append(f"a calm day ends {smooth.walk.state}")
    return [smooth, play(case, walks), play_reset(case, turn, walks), play_recover(case, turn, walks)]


@pytest.mark.parametrize(
    "mutation", [*MUTATIONS, *(pytest.param(one, marks=pytest.mark.slow) for one in RARE)], ids=str
)
def test_a_mistake_is_caught(mutation: Mutation) -> None:
    """With this line wrong, some plan breaks the promise, or the walk breaks down."""
    assert mutation.places == 1, "the line has changed: bring the list up to date"
    with mutant(mutation) as walks:
        try:
            assert first_breach(walks) is not None
        except (LookupError, asyncio.CancelledError, TypeError, UnboundLocalError):
            return


def test_the_walk_itself_is_not_caught() -> None:
    """The same run finds nothing wrong with the walk as it is, also when it is loaded as a mutant is."""
    with mutant(Mutation("walk", "", "")) as walks:
        assert walks is not Walk
        assert first_breach(walks, 40) is None
