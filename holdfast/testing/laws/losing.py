"""The losses: each verb of each kind, with each request that changes something lost in each way.

After every loss the act is delivered again until it is done, as a server would; then the world is judged: no orphan,
no duplicate, everything that was asked, or everything as it was before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta

from holdfast.act import Done
from holdfast.errors import HoldfastError, NotYet
from holdfast.resource import Status
from holdfast.testing.laws.bench import Bench, Unfinished, changed
from holdfast.testing.laws.changing import tried
from holdfast.testing.laws.ground import LATE, Loss
from holdfast.testing.laws.verbs import Scene, Verbs, backwards, leaving_out

SCENE = "scene"
Trap = Callable[[Bench], None]


def losses(bench: Bench, name: str, verb: Verbs) -> Iterator[str]:
    """No loss leaves an orphan or a duplicate, and what was asked is done, or taken back, completely."""
    bench.usual()
    scene = verb(bench)
    if scene is None:
        return
    bench.ground.remember(SCENE)  # set once: putting it back is much quicker than setting it again
    asked = len(bench.ground.asked())
    calm = list(_play(bench, scene, lambda _: None))
    yield from (f"{name}, in peace: {said}" for said in calm)
    if calm:
        return
    requests = sum(bench.ground.mutates(a) for a in bench.ground.asked()[asked:])
    for said, trap, again, twice in _traps(bench, requests):
        bench.ground.recall(SCENE)
        yield from (f"{name}, {said}: {seen}" for seen in _play(bench, scene, trap, again=again, twice=twice))


def what_was_just_done_is_taken_back(bench: Bench) -> Iterator[str]:
    """An act is taken back completely, also while reads do not show yet that it was carried out."""
    bench.usual()
    for name, verb in backwards(bench.kind, at_once=True).items():
        scene = verb(bench)
        if scene is not None:
            yield from (f"{name}, taken back at once: {said}" for said in _play(bench, scene, lambda _: None))


def what_is_left_out_comes_back(bench: Bench) -> Iterator[str]:
    """A field that is left out is given back to the cloud, also when asked twice, and its undo restores it."""
    for field in tried(bench):
        of_spec = bench.kind.spec.model_fields[field]
        if (
            field in {*bench.kind.one_way, *bench.kind.stopped_for}
            or of_spec.is_required()
            or of_spec.get_default(call_default_factory=True) is not None
        ):
            continue
        bench.begin()
        action, act = leaving_out(bench, field)
        before = bench.standing()
        bench.carry(act, action)
        bench.ground.rest()
        if bench.standing() == before:
            yield f"leaving {field} out changes nothing"
        bench.carry(act, action, again=True)
        bench.carry(act.model_copy(update={"back": True}), action)
        bench.ground.rest()
        yield from (f"{field} left out, and taken back: {said}" for said in changed(before, bench.standing()))


def _traps(bench: Bench, requests: int) -> Iterator[tuple[str, Trap, bool, bool]]:
    """Each loss in words, how it is set, and whether the first delivery is a repeated one, and the last is repeated."""
    late = min(LATE, bench.kind.visible_within / 2)
    kinds = [loss for loss in Loss if loss in bench.ground.losses]
    for loss in kinds:
        for nth in range(1, requests + 1):
            if loss is Loss.request and 1 < nth < requests:
                continue  # to whoever comes next it is as if the process had been killed before it
            yield loss.format(nth), _striking(loss, nth, late), False, False
    yield "answered and the completion not sent", lambda _: None, False, True
    yield "delivered again before anything was sent", lambda _: None, True, False
    yield "with stale reads", lambda b: b.ground.lag(), False, False
    yield "with stale reads, answered and the completion not sent", lambda b: b.ground.lag(), False, True
    for loss in (Loss.answer, Loss.killed, Loss.late):
        if loss in kinds:
            for nth in sorted({1, requests} - {0}):
                yield f"with stale reads, {loss.format(nth)}", _striking(loss, nth, late, lag=True), False, False


def _striking(loss: Loss, nth: int, late: timedelta, *, lag: bool = False) -> Trap:
    def trap(bench: Bench) -> None:
        if lag:
            bench.ground.lag()
        bench.ground.strike(loss, nth, late)

    return trap


def _play(bench: Bench, scene: Scene, trap: Trap, *, again: bool = False, twice: bool = False) -> Iterator[str]:
    """Set the trap, deliver the act until it is done, let everything come to rest, and judge."""
    trap(bench)
    try:
        done = _carried(bench, scene, again=again, twice=twice)
    except Unfinished as unfinished:
        yield str(unfinished)
        return
    except HoldfastError as error:
        bench.ground.rest()
        bench.ground.heal()
        if scene.refusal is None or not isinstance(error, scene.refusal):
            yield f"it ended in {type(error).__name__}: {error.letter.happened}"
            return
        yield from scene.judge(Done(status=Status.absent))
        return
    bench.ground.heal()
    bench.ground.rest()
    if scene.refusal is not None:
        yield f"it answered {done.status}, where only {scene.refusal.__name__} is true"
    yield from scene.judge(done)


def _carried(bench: Bench, scene: Scene, *, again: bool, twice: bool) -> Done:
    if twice:
        with suppress(NotYet):  # then there was no completion to send
            bench.deliver(scene.act, scene.action, again=again)
    return bench.carry(scene.act, scene.action, again=again or twice)
