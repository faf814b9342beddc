"""What the walk remembers: each step's fate, and which steps may go next in either direction.

Synchronous and without a clock. Every transition is one method, so a journal taken between two of them is whole, and
each costs no more than the step's own edges.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from holdfast.errors import Letter
from holdfast.model import JsonValue
from holdfast.plan import Step, Verb
from holdfast.run import Fate, Journal, Trace
from holdfast.tree import FOREMOST
from workflows.walk.words import GONE, unseen

FINISHED = frozenset({Fate.done, Fate.unchanged})
LEFT = frozenset({Fate.stuck, Fate.kept, Fate.lost})  # the walk back goes around these
_TAKEN_BACK = frozenset({Fate.undone, Fate.skipped})
_OPEN = (Fate.waiting, Fate.acting, Fate.settling, Fate.undoing)
_GIVING = frozenset({Verb.create, Verb.update, Verb.operate, Verb.adopt})  # verbs that outputs come from


@dataclass(slots=True)
class Node:
    """One step and what has become of it."""

    step: Step
    fate: Fate = Fate.waiting
    sent: bool = False
    remote_id: str | None = None
    outputs: dict[str, JsonValue] = field(default_factory=dict)
    generation: int = 0
    renamed: dict[str, str] = field(default_factory=dict)
    handle: str | None = None  # the cloud's operation that it began last
    anew: int = 0
    given_up: int = 0  # how often the cloud gave up on it since somebody last asked for it
    letter: Letter | None = None
    refused: bool = False  # the act was, by an answer, though its letter is put away
    gives: tuple[str, ...] = ()
    missing: int = 0  # forward: steps before it that are not finished
    above: int = 0  # back: steps after it that still stand
    once_more: bool = False  # back: taken back already, and only told again who stands for what died

    @property
    def refused_for_certain(self) -> bool:
        """Whether nothing can have come of its act."""
        return self.refused or (self.letter is not None and self.letter.certain)

    @property
    def is_left_in_doubt(self) -> bool:
        """Whether it was given up although something came of its act, or may have."""
        return self.sent and self.fate in LEFT and not self.refused_for_certain

    @property
    def stands(self) -> bool:
        """Whether the walk back has still to take it back."""
        return self.sent and self.fate not in LEFT and self.fate not in _TAKEN_BACK


class Memory:
    """The state of one walk over one skeleton. `outputs` are pointers that the report waits for.

    `doubted`: any step may have been sent, by an execution whose history was cut away.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        journal: Journal | None = None,
        outputs: Iterable[str] = (),
        *,
        doubted: bool = False,
    ) -> None:
        self.nodes: dict[int, Node] = {s.seq: Node(s, remote_id=s.remote_id, generation=s.generation) for s in steps}
        self.next: dict[int, list[int]] = {seq: [] for seq in self.nodes}
        self.renamed: dict[str, str] = {}
        # By fate, in the order of arrival: counting, listing and drawing cost what they show, not what there is.
        self._by_fate: dict[Fate, dict[int, Node]] = {fate: {} for fate in Fate}
        self._by_fate[Fate.waiting] |= self.nodes
        self._ready: list[int] = []
        self._backwards = False
        for step in steps:
            for before in step.after:
                self.next[before].append(step.seq)
        self._promise_outputs(outputs)
        for trace in journal.traces if journal else ():
            self._recall(trace)
        if doubted:
            self.doubt()

    def doubt(self) -> None:
        """Whatever waits may have been sent."""
        for node in self.of(Fate.waiting):
            node.sent = True

    def _promise_outputs(self, pointers: Iterable[str]) -> None:
        gives: dict[int, set[str]] = {seq: set() for seq in self.nodes}
        for node in self.nodes.values():
            for seq, output in node.step.needs:
                gives[seq].add(output)
        wanted: dict[str, set[str]] = {}
        for pointer in pointers:
            address, _, output = pointer.rpartition("#")
            wanted.setdefault(address, set()).add(output)
        for seq, node in self.nodes.items():
            if node.step.verb in _GIVING:  # each act on one resource: what the last one gave is what is reported
                gives[seq] |= wanted.get(str(node.step.address), set())
        for seq, names in gives.items():
            self.nodes[seq].gives = tuple(sorted(names))

    def _recall(self, trace: Trace) -> None:
        node = self.nodes[trace.seq]
        self.put(node, trace.fate)
        node.sent, node.generation = trace.sent, trace.generation
        node.remote_id = trace.remote_id or node.remote_id
        node.outputs, node.letter = dict(trace.outputs), trace.letter
        node.renamed = dict(trace.renamed)
        node.handle, node.anew, node.refused = trace.handle, trace.anew, trace.refused
        self.renamed |= trace.renamed

    def traces(self) -> tuple[Trace, ...]:
        """Everything worth carrying to another execution; a step that was never touched leaves no trace."""
        return tuple(
            Trace(
                seq=seq,
                fate=n.fate,
                remote_id=n.remote_id,
                outputs=n.outputs,
                generation=n.generation,
                sent=n.sent,
                renamed=n.renamed,
                letter=n.letter,
                handle=n.handle,
                anew=n.anew,
                refused=n.refused,
            )
            for seq, n in self.nodes.items()
            if n.fate is not Fate.waiting or n.sent
        )

    def put(self, node: Node, fate: Fate) -> None:
        """Every change of a fate goes through here, so that the tally is always true."""
        del self._by_fate[node.fate][node.step.seq]
        self._by_fate[fate][node.step.seq] = node
        node.fate = fate

    @property
    def tally(self) -> dict[Fate, int]:
        """How many steps there are of each fate."""
        return {fate: len(nodes) for fate, nodes in self._by_fate.items()}

    def of(self, *fates: Fate) -> list[Node]:
        """The nodes of these fates, in the plan's order."""
        return sorted((n for fate in fates for n in self._by_fate[fate].values()), key=lambda n: n.step.seq)

    def foremost(self, most: int) -> list[Node]:
        """As many nodes as a person reads: those that ask for somebody before the others, in the plan's order."""
        ordered = (node for fate in FOREMOST for node in self._by_fate[fate].values())
        return sorted(itertools.islice(ordered, most), key=lambda n: n.step.seq)

    def again(self, node: Node, fate: Fate) -> None:
        """A failed step, or its undo, shall be tried once more."""
        self.put(node, fate)
        node.refused = fate is Fate.undoing and node.refused_for_certain
        node.letter = None
        node.anew += 1  # a cloud that remembers requests answers the same one with what became of it
        node.given_up = 0
        self.put_off(node)

    def anew(self, node: Node) -> None:
        """A step, or its undo, that the cloud took and gave up on shall be asked for anew."""
        node.anew += 1
        node.given_up += 1
        if node.fate is Fate.settling:
            self.put(node, Fate.acting)
        self.put_off(node)

    def put_off(self, node: Node) -> None:
        """A step that was taken to be sent, and was not, may be taken again."""
        heapq.heappush(self._ready, -node.step.seq if self._backwards else node.step.seq)

    # --- forward -----------------------------------------------------------------------------------------------

    def face_forward(self) -> None:
        """Count what each step waits for, and make ready what waits for nothing."""
        for node in self.nodes.values():
            node.missing = sum(self.nodes[b].fate not in FINISHED for b in node.step.after)
        self._ready = [seq for seq, n in self.nodes.items() if self._may_start(n)]
        heapq.heapify(self._ready)

    def take_ready(self) -> Node | None:
        """The next step that may start, in the plan's order; None when none may."""
        while self._ready:
            node = self.nodes[heapq.heappop(self._ready)]
            if self._may_start(node):
                return node
        return None

    @staticmethod
    def _may_start(node: Node) -> bool:
        # `acting` without a hand on it: an earlier execution was cut off, so nobody knows whether it happened.
        # `undoing`: an operator takes this one back, and the rest goes on.
        return node.missing == 0 and node.fate in _OPEN

    def finish(self, node: Node, fate: Fate) -> None:
        """The step is done or unchanged; what waited for it may become ready."""
        self.put(node, fate)
        node.letter = None
        for seq in self.next[node.step.seq]:
            after = self.nodes[seq]
            after.missing -= 1
            if self._may_start(after):
                heapq.heappush(self._ready, seq)

    def leave_out(self, node: Node) -> None:
        """What never started, and now never will, behind a step that is not done."""
        stack = list(self.next[node.step.seq])
        while stack:
            below = self.nodes[stack.pop()]
            if below.fate is Fate.waiting:  # whatever is behind another was left out with it
                self._leave_out(below)
                stack += self.next[below.step.seq]

    def leave_out_all(self) -> None:
        """The walk forward is over: whatever it did not come to is left out."""
        for node in self.of(*_OPEN):
            self._leave_out(node)

    def _leave_out(self, node: Node) -> None:
        """A create that never started left nothing (`skipped`); what would have been changed stands (`kept`)."""
        if node.sent:
            node.letter = node.letter or unseen(node.step)
            self.put(node, Fate.stuck)
        else:
            self.put(node, Fate.skipped if node.step.verb in {Verb.create, Verb.adopt} else Fate.kept)

    # --- back --------------------------------------------------------------------------------------------------

    def face_back(self) -> None:
        """Count what still stands on each step, keep what something owed stands on, and make ready the rest."""
        self._backwards = True
        for node in self.nodes.values():
            if node.fate is Fate.stuck and node.letter is not None and node.letter.error == GONE:
                self.put(node, Fate.lost)  # the walk forward left it as it was
            if node.sent and node.fate in LEFT:
                self._keep_below(node)
            elif node.fate is Fate.kept:  # left out on the way forward: with everything else undone, nothing is owed
                self.put(node, Fate.waiting)
        for node in self.nodes.values():
            node.above = sum(self.nodes[n].stands for n in self.next[node.step.seq])
        self._ready = [-seq for seq, n in self.nodes.items() if self._may_return(n)]
        heapq.heapify(self._ready)

    def take_returning(self) -> Node | None:
        """The next step that may be taken back, in reverse order; None when none may."""
        while self._ready:
            node = self.nodes[-heapq.heappop(self._ready)]
            if self._may_return(node):
                return node
        return None

    @staticmethod
    def _may_return(node: Node) -> bool:
        # A failed one waits for an operator's answer, which makes it ready again.
        return node.above == 0 and node.stands and node.fate is not Fate.failed

    def undone(self, node: Node, remote_id: str | None, renamed: dict[str, str]) -> None:
        """The step is taken back. A delete that was undone may have brought its resource back under a new id."""
        self.put(node, Fate.undone)
        node.letter = None
        if (
            not self._backwards
        ):  # on the way back nobody begins anew, and whoever is told of heirs asks what it was given
            node.outputs = {}
        node.remote_id = remote_id or node.remote_id
        node.renamed = dict(renamed)
        self.renamed |= renamed
        if node.once_more or not self._backwards:
            node.once_more = False
            return
        for seq in node.step.after:
            before = self.nodes[seq]
            before.above -= 1
            if self._may_return(before):
                heapq.heappush(self._ready, -seq)
        if renamed:
            self._tell_of_heirs(node)

    def _tell_of_heirs(self, node: Node) -> None:
        """Take back once more the updates that were taken back before this delete was, since they come after it.

        So it is with a replace that is delete-first: its dependants were written back to an id that was dead by then.
        """
        seen, stack = {node.step.seq}, [node.step.seq]
        while stack:
            for seq in self.next[stack.pop()]:
                if seq in seen:
                    continue
                seen.add(seq)
                stack.append(seq)
                after = self.nodes[seq]
                if after.step.verb is Verb.update and after.sent and after.fate is Fate.undone:
                    self.put(after, Fate.undoing)
                    after.once_more = True
                    self.put_off(after)

    def leave(self, node: Node, fate: Fate, letter: Letter) -> None:
        """The step is given up. On the way back, what it stands on is kept; forward, what is behind it is left out."""
        self.put(node, fate)
        node.letter = letter
        if self._backwards:
            self._keep_below(node)
        else:
            self.leave_out(node)

    def afresh(self, node: Node, fate: Fate, letter: Letter | None) -> None:
        """The step was taken back, and shall be walked over after all."""
        self.put(node, fate)
        node.letter = letter
        node.sent = fate is not Fate.waiting  # which it was only in doubt
        node.refused = False
        node.generation += 1  # a cloud answers a spent client token with the dead resource
        if node.step.verb is Verb.create:
            node.remote_id = None

    def _keep_below(self, node: Node) -> None:
        stack = list(node.step.after)
        while stack:
            before = self.nodes[stack.pop()]
            if before.stands:
                self.put(before, Fate.kept)
                stack += before.step.after

    # --- the point of no return --------------------------------------------------------------------------------

    @property
    def past_return(self) -> bool:
        """Whether a step that does not return has been done, or was left while nobody could say: the walk must not go
        back over it by itself.
        """
        happened = (
            n.fate in {Fate.done, Fate.settling} or n.is_left_in_doubt
            for n in self.nodes.values()
            if not n.step.undo.returns
        )
        return any(happened)

    def doubtful(self) -> list[Node]:
        """Steps that do not return and were sent, nobody knows with what effect: failed, or cut off. The last first."""
        unsure = {Fate.failed, *_OPEN} - {Fate.settling}
        return [n for n in reversed(self.nodes.values()) if n.sent and n.fate in unsure and not n.step.undo.returns]

    def bears(self, node: Node) -> bool:
        """Whether another step, which was sent and not taken back, may stand on this one."""
        above = (self.nodes[seq] for seq in self.next[node.step.seq])
        return any(n.sent and n.fate not in _TAKEN_BACK for n in above)
