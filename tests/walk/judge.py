"""The laws of the walk, judged from the world's record after the fact."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.contract import OnFailure, State
from holdfast.run import Fate
from tests.walk.play import Played, tallied
from tests.walk.world import Event, Kind

_OWED = {Fate.stuck, Fate.kept, Fate.lost}
_LAST_WORDS = {Kind.act, Kind.torn, Kind.gone, Kind.undo_failed, Kind.undone}
_FINISHED = {Fate.done, Fate.unchanged}


def broken_promises(played: Played) -> list[str]:
    """Every law that was broken, in words; empty when the promise held."""
    if played.hung:
        return ["the walk hangs"]
    if played.bug is not None:
        return [f"the walk raised {played.bug!r}"]
    return [
        *played.oddities,
        *_after_the_end(played),
        *_named(played),
        *_true_to_the_world(played),
        *_reasons(played),
        *_ends(played),
        *_point_of_no_return(played),
        *_sent_in_order(played),
        *_undone_in_order(played),
        *_waits_for_answers(played),
        *_honest_orders(played),
        *_one_hand_at_a_time(played),
        *_asks_with_reason(played),
        *_hears(played),
    ]


def _after_the_end(played: Played) -> Iterator[str]:
    for event in played.world.record[played.record_at_end :]:
        yield f"after the end: {event}"


def _named(played: Played) -> Iterator[str]:
    """Everything done, or everything undone, or each exception named."""
    terminal = {*_FINISHED, *_OWED, Fate.undone, Fate.skipped}
    for seq, fate in played.fates.items():
        if fate is Fate.waiting and played.walk.backwards and not _was_sent(played, seq):
            continue
        if fate not in terminal:
            yield f"step {seq} ends {fate}"
        elif fate in _FINISHED and played.walk.backwards:
            yield f"step {seq} is {fate} although the walk went back"
    if not tallied(played):
        yield "the tally is not true"


def _true_to_the_world(played: Played) -> Iterator[str]:
    """A fate is what the cloud says it is."""
    world = played.world
    for seq, node in played.walk.memory.nodes.items():
        fate, stands, idle = node.fate, world.stands(seq), world.parts[seq].idle if seq in world.parts else False
        sent = _was_sent(played, seq)
        wrong = {
            Fate.done: not (stands or idle) or not sent,
            Fate.unchanged: stands or not idle,
            Fate.undone: stands,
            Fate.skipped: stands or (sent and not played.doubted),
            Fate.waiting: stands or sent,
            Fate.lost: not stands or node.step.undo.returns,
            Fate.kept: sent and not (stands or idle or played.doubted or played.recovered),
            Fate.stuck: not (sent or played.doubted) or node.letter is None,
        }.get(fate, False)
        if wrong:
            yield f"step {seq} is {fate}: stands={stands} idle={idle} sent={sent} letter={node.letter}"
        if len(world.standing.get(seq, ())) > 1:
            yield f"step {seq} stands twice"


def _reasons(played: Played) -> Iterator[str]:
    """What is kept is kept because of something that is named."""
    nodes, above = played.walk.memory.nodes, played.walk.memory.next
    for seq, fate in played.fates.items():
        if fate is not Fate.kept or played.walk.journal().keeping:
            continue
        if nodes[seq].sent or played.walk.backwards:
            if not any(nodes[n].fate in _OWED for n in above[seq]):
                yield f"step {seq} is kept for nothing"
        elif all(nodes[b].fate in _FINISHED for b in nodes[seq].step.after):
            yield f"step {seq} was left out for nothing"


def _ends(played: Played) -> Iterator[str]:
    """The state is the sum of the fates."""
    fates, walk = set(played.fates.values()), played.walk
    if fates & _OWED:
        expected = {State.owed}
    elif walk.backwards:
        expected = {State.cancelled if walk.cancelled else State.undone}
    elif fates <= _FINISHED:
        expected = {State.done}
    else:
        expected = {State.owed}
    if walk.state not in expected:
        yield f"state {walk.state} with fates {sorted(fates)}"
    if walk.backwards and not walk.cancelled and not played.recovered:
        if played.case.on_failure is not OnFailure.rollback:
            yield "it went back although nobody asked for that"
        if not any(e.kind in {Kind.failed, Kind.torn} for e in played.world.record):
            yield "it went back without a failure"


def _point_of_no_return(played: Played) -> Iterator[str]:
    """Nobody but a person walks back over what does not return."""
    asked = {e.seq for e in played.world.record if e.kind is Kind.answered and e.note == "rollback"}
    ends = {e.seq: e for e in played.world.record if e.kind in _LAST_WORDS}
    skipped = {e.seq for e in played.world.record if e.kind is Kind.answered and e.note == "skip"}
    for seq, node in played.walk.memory.nodes.items():
        gone = seq in ends and ends[seq].kind is Kind.gone and seq not in skipped
        if played.walk.backwards and gone and node.fate is not Fate.lost:
            yield f"step {seq} is gone, and called {node.fate}"
        alone = not played.walk.cancelled and not played.recovered
        if node.fate is Fate.lost and alone and seq not in asked:
            yield f"step {seq} was lost, and nobody asked for that"
        if alone and played.walk.backwards and not node.step.undo.returns and played.world.stands(seq):
            yield f"it walked back over step {seq}, which does not return"


def _sent_in_order(played: Played) -> Iterator[str]:
    """Nothing is sent before everything it needs stands."""
    done: set[int] = set()
    for event in played.world.record:
        if event.kind is Kind.reset:
            done = set(played.done_before)
        elif event.kind is Kind.act and not done >= set(played.walk.memory.nodes[event.seq].step.after):
            yield f"sent before its needs: {event}"
        elif event.kind is Kind.done:
            done.add(event.seq)
        elif event.kind in {Kind.undo, Kind.failed}:
            done.discard(event.seq)


def _undone_in_order(played: Played) -> Iterator[str]:
    """Nothing is taken back while something that was sent after it may stand."""
    sent: set[int] = set()
    for event in played.world.record:
        if event.kind is Kind.act:
            sent.add(event.seq)
        elif event.kind is Kind.undone:
            sent.discard(event.seq)
        elif event.kind is Kind.undo:
            for needing in sorted(sent & set(played.walk.memory.next[event.seq])):
                yield f"undone while step {needing} needs it: {event}"


def _waits_for_answers(played: Played) -> Iterator[str]:
    """After a failure nothing starts until an operator has answered, or the walk goes back."""
    asks_back = played.case.on_failure is OnFailure.pause and not (
        played.recovered or played.doubted or played.walk.cancelled
    )
    starting = {Kind.act, Kind.undo} if asks_back else {Kind.act}
    unanswered: set[int] = set()
    unsent: set[int] = set()  # since a reset: what is found of these is not asked about
    for event in played.world.record if played.case.on_failure is not OnFailure.keep else ():
        if event.kind is Kind.act:
            unsent.discard(event.seq)
        if event.kind in {Kind.failed, Kind.undo_failed} and event.seq not in unsent:
            unanswered.add(event.seq)
        elif event.kind in {Kind.answered, Kind.gone}:
            unanswered.discard(event.seq)
        elif event.kind is Kind.reset:
            unanswered.clear()
            unsent = set(played.fates)
        elif event.kind in starting and unanswered:
            yield f"started while {sorted(unanswered)} failed: {event}"


def _honest_orders(played: Played) -> Iterator[str]:
    """What an order says of earlier deliveries is true, and no token is used again after what it made is gone."""
    acts: dict[tuple[int, int], list[Event]] = {}
    undos: set[tuple[int, int]] = set()
    effects: set[int] = set()
    for event in played.world.record:
        token = event.seq, event.generation
        if event.kind is Kind.act:
            if not event.repeated and token in acts:
                yield f"said to be new: {event}"
            acts.setdefault(token, []).append(event)
        elif event.kind is Kind.undo:
            if not event.repeated and token in undos:
                yield f"said to be new: {event}"
            if event.refused and (len(acts.get(token, ())) > 1 or event.seq in effects):
                yield f"said to have been refused: {event}"
            undos.add(token)
        elif event.kind is Kind.done:
            effects.add(event.seq)
        elif event.kind is Kind.failed and "spent" in event.note and not played.doubted:
            yield f"spent: {event}"


def _asks_with_reason(played: Played) -> Iterator[str]:
    """A question is about something that has failed since it was last answered; a recover run asks nothing."""
    failures = {Kind.failed, Kind.torn, Kind.undo_failed, Kind.gone, Kind.cut}
    failed: set[int] = set()
    over = False
    for event in played.world.record if not played.doubted else ():
        if event.kind in failures:
            failed.add(event.seq)
        elif event.kind is Kind.wished:
            failed.clear()
        elif event.kind is Kind.reset:
            over = played.case.on_failure is not OnFailure.pause
            failed = {e.seq for e in played.world.record if e.kind is Kind.failed}  # as its journal says
        elif event.kind is Kind.answered:
            if event.seq not in failed or over:
                yield f"asked for nothing: {event}"
            failed.discard(event.seq)


def _hears(played: Played) -> Iterator[str]:
    """What a person said is done: an answer is followed by an act or an undo, a cancel by a walk back or a stop."""
    owing: set[int] = set()
    for event in played.world.record:
        if event.kind is Kind.answered and event.note != "skip":
            owing.add(event.seq)
        elif event.kind in {Kind.act, Kind.undo}:
            owing.discard(event.seq)
        elif event.kind in {Kind.wished, Kind.reset}:
            owing.clear()
    owing -= {seq for seq, fate in played.fates.items() if fate is Fate.kept}  # for another's sake
    if owing:
        yield f"answers about {sorted(owing)} were not heard"
    if played.walk.cancelled and not (played.walk.backwards or played.walk.journal().keeping):
        yield "a cancel was not heard"


def _one_hand_at_a_time(played: Played) -> Iterator[str]:
    """No two calls for one step run side by side, and none is cancelled twice."""
    cut: set[int] = set()
    for event in played.world.record:
        if event.kind is Kind.overlap:
            yield f"beside another: {event}"
        elif event.kind is Kind.cut:
            if event.seq in cut:
                yield f"cancelled twice: {event}"
            cut.add(event.seq)
        elif event.kind in {Kind.act, Kind.undo, Kind.settle, Kind.reset}:
            cut.discard(event.seq)


def _was_sent(played: Played, seq: int) -> bool:
    return any(e.kind is Kind.act and e.seq == seq for e in played.world.record)
