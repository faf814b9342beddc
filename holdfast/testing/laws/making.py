"""Laws about creating: once, completely, without waiting, and without touching what another hand made."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from unittest import mock

from holdfast.errors import HoldfastError, NameTaken, NotOurs, Refused
from holdfast.plan import FieldChange, Undo, UndoLabel, Verb
from holdfast.resource import Safety, Status
from holdfast.testing.laws.bench import STRANGER, Bench, bears_marks, changed, likeness
from holdfast.testing.laws.ground import Loss, Thing
from holdfast.testing.world import Killed

MOST_REQUESTS = 40  # of one call of a kind; more is waiting by another name


def creating_twice_makes_one(bench: Bench) -> Iterator[str]:
    """A create delivered twice with one token leaves one resource, also with stale reads between the two."""
    usual = bench.usual()
    for lagging in (False, True):
        bench.begin()
        if lagging:
            bench.ground.lag()
        action = bench.action(Verb.create, bench.spec(), undo=Undo(label=UndoLabel.exact, verb=Verb.delete))
        act = bench.act(action, bench.token())
        first = bench.deliver(act, action)
        second = bench.carry(act, action, again=True)
        bench.ground.rest()
        where = "with stale reads between, " if lagging else ""
        if bench.look(first.remote_id).remote_id != bench.look(second.remote_id).remote_id:
            yield f"{where}the first delivery made {first.remote_id} and the second {second.remote_id}"
        stands = Counter(t.kind for t in bench.added())
        if stands != usual:
            yield f"{where}there stands {dict(stands)}, where one create leaves {dict(usual)}"


def asking_twice_makes_one(bench: Bench) -> Iterator[str]:
    """Where the cloud protects a create by its token or name, the kind alone makes one of two with the same token."""
    if bench.kind.safety is Safety.by_tag:
        return
    usual = bench.usual()
    bench.begin()
    call = bench.call(bench.token())
    bench.kind.create(call)
    try:
        bench.kind.create(call)
    except NameTaken:
        if bench.kind.safety is not Safety.by_name:
            raise
    bench.ground.rest()
    stands = Counter(t.kind for t in bench.added())
    if stands != usual:
        yield f"there stands {dict(stands)}, where one create leaves {dict(usual)}"


def a_spent_token_makes_nothing(bench: Bench) -> Iterator[str]:
    """A create delivered again after its resource has gone never says that something stands when nothing does."""
    bench.begin()
    action = bench.action(Verb.create, bench.spec(), undo=Undo(label=UndoLabel.exact, verb=Verb.delete))
    act = bench.act(action, bench.token())
    made = bench.carry(act, action)
    bench.kind.delete(bench.call(act.token, made.remote_id))
    bench.ground.rest()
    try:
        done = bench.carry(act, action, again=True)
    except Refused:
        return
    bench.ground.rest()
    seen = bench.look(done.remote_id)
    if not seen.stands:
        yield f"it answers {done.status}, and {done.remote_id} is {seen.status}"


def the_marks_are_there_at_once(bench: Bench) -> Iterator[str]:
    """Whatever a create makes carries owner, address and token from its very first request on."""
    for killed in range(1, _changing(bench) + 1):
        bench.begin()
        token = bench.token()
        bench.ground.strike(Loss.killed, killed + 1)
        with suppress(Killed):
            bench.kind.create(bench.call(token))
        bench.ground.heal()
        bench.ground.rest()
        found = bench.kind.find(bench.call(token, claimed=True))  # a later delivery asks
        mine = [o for o in found if (o.owner, o.token) == (str(bench.call("").owner), token)]
        if not mine and bench.added():
            made = ", ".join(f"{t.kind} {t.id}" for t in bench.added())
            yield f"killed after request {killed}, it left {made}, which cannot be found by its marks"


def strangers_are_left_alone(bench: Bench) -> Iterator[str]:
    """What another hand made, with another owner's marks or with none, is never touched; where nothing bears marks, a
    create at its name is refused, and taking that back touches nothing.
    """
    if not bears_marks(bench.kind):
        yield from _markless_strangers(bench)
        return
    for marked in (True, False) if not bench.kind.marks_fixed else (True,):
        who = "another owner's" if marked else "an unmarked one"
        bench.begin()
        theirs = replace(bench.call(bench.token()), owner=STRANGER)
        remote_id = bench.kind.create(theirs).remote_id
        bench.settled(bench.kind, replace(theirs, remote_id=remote_id))
        bench.ground.rest()
        if not marked:
            bench.kind.disown(replace(theirs, remote_id=remote_id))
        bench.ground.rest()
        before = bench.standing()
        token = bench.token()
        action = bench.action(Verb.create, bench.spec(), undo=Undo(label=UndoLabel.exact, verb=Verb.delete))
        for again in (False, True):
            try:
                made = bench.carry(bench.act(action, token), action, again=again)
                if made.remote_id == remote_id:
                    yield f"a create took {who} for its own"
            except HoldfastError:
                pass  # the name, or the place, is taken: that is an answer
        back = bench.act(action, token, verb=Verb.delete, back=True)
        bench.carry(back, action, again=True)
        bench.ground.rest()
        for difference in changed(before, bench.standing()):
            yield f"a create beside {who}, taken back: {difference}"
        yield from _refused(bench, remote_id or "", who, marked=marked)


def _markless_strangers(bench: Bench) -> Iterator[str]:
    bench.begin()
    theirs = replace(bench.call(bench.token()), owner=STRANGER)
    bench.settled(bench.kind, replace(theirs, remote_id=bench.kind.create(theirs).remote_id))
    bench.ground.rest()
    before, token = bench.standing(), bench.token()
    action = bench.action(Verb.create, bench.spec(), undo=Undo(label=UndoLabel.exact, verb=Verb.delete))
    try:
        bench.carry(bench.act(action, token), action)
        yield "a create took a stranger for its own"
    except Refused:
        pass
    back = bench.act(action, token, verb=Verb.delete, back=True, refused=True)
    bench.carry(back, action, again=True)
    bench.ground.rest()
    for difference in changed(before, bench.standing()):
        yield f"a create beside a stranger, taken back: {difference}"


def _refused(bench: Bench, remote_id: str, who: str, *, marked: bool) -> Iterator[str]:
    seen, before = bench.look(remote_id), bench.standing()
    field = next(iter(bench.kind.trials), None)
    wanted = bench.spec({field: bench.kind.trials[field]} if field else {})
    acts = [bench.action(Verb.delete, bench.spec(), seen)]
    changes = bench.kind.diff(wanted, bench.spec(), bench.live(seen))
    if changes:
        acts.append(bench.action(Verb.update, wanted, seen, changes=changes))
    if marked:
        acts.append(bench.action(Verb.adopt, bench.spec(), seen))
    acts += [bench.action(Verb.operate, bench.spec(), seen, operation=name) for name in bench.kind.operations]
    for action in acts:
        said = f"{action.verb} of {who}"
        try:
            bench.carry(bench.act(action, bench.token()), action)
            yield f"{said} was carried out"
        except NotOurs:
            pass
        bench.ground.rest()
        for difference in changed(before, bench.standing()):
            yield f"{said}: {difference}"


def a_killed_create_is_completed(bench: Bench) -> Iterator[str]:
    """A create killed between any two of its requests is completed by the next delivery."""
    bench.begin()
    whole = likeness(_made(bench, bench.token()))
    for killed in range(1, _changing(bench) + 1):
        bench.begin()
        action = bench.action(Verb.create, bench.spec(), undo=Undo(label=UndoLabel.exact, verb=Verb.delete))
        bench.ground.strike(Loss.killed, killed)
        act = bench.act(action, bench.token())
        done = bench.carry(act, action)
        bench.ground.rest()
        seen = bench.look(done.remote_id)
        left = bench.differs(bench.spec(), seen)
        if left:
            yield f"killed before request {killed} and delivered again, it still differs in {_paths(left)}"
        elif likeness(bench.added()) != whole:
            stands = likeness(bench.added())
            yield f"killed before request {killed} and delivered again, there stands {stands}, not {whole}"


def nothing_is_open_before_the_end(bench: Bench) -> Iterator[str]:
    """Nothing that a create makes is reachable or usable before its last request, unless it is to be all along."""
    bench.begin()
    _made(bench, bench.token())
    if any(bench.ground.reachable(t) for t in bench.added()):
        return  # it shall be reachable; `a_killed_create_is_completed` says the rest
    for killed in range(1, _changing(bench) + 1):
        bench.begin()
        bench.ground.strike(Loss.killed, killed)
        with suppress(Killed):
            bench.kind.create(bench.call(bench.token()))
        for thing in bench.added():
            if bench.ground.reachable(thing):
                yield f"killed before request {killed}, {thing.kind} {thing.id} is reachable"


def no_call_waits(bench: Bench) -> Iterator[str]:
    """No call waits: a create answers while the cloud still says pending, and no verb sleeps or polls."""
    bench.begin()
    bench.ground.slow()
    token = bench.token()
    with _watched(bench, "create") as seen:
        made = bench.kind.create(bench.call(token))
    yield from seen
    live = bench.look(made.remote_id)
    if live.status is Status.pending and made.status is Status.ready:
        yield "its create answers ready, and the cloud says pending"
    operations = [name for name, operation in bench.kind.operations.items() if not operation.undo]
    for name in [*operations, None]:  # each alone: a cloud may refuse the next while one is at work
        standing = bench.stands()
        bench.ground.slow()
        call = bench.call(standing.token or "", standing.remote_id)
        with _watched(bench, name or "delete") as seen:
            _ = bench.kind.operate(call, name) if name else bench.kind.delete(call)
        yield from seen


@contextmanager
def _watched(bench: Bench, name: str) -> Iterator[list[str]]:
    """What a call does that it must not: sleep, or ask too often."""
    seen: list[str] = []
    me, slept, asked = threading.get_ident(), time.sleep, len(bench.ground.asked())

    def sleep(seconds: float) -> None:
        if threading.get_ident() == me:
            seen.append(f"its {name} sleeps for {seconds} s")
            bench.ground.wait(seconds)
        else:
            slept(seconds)

    with mock.patch.object(time, "sleep", sleep):
        yield seen
    requests = len(bench.ground.asked()) - asked
    if requests > MOST_REQUESTS:
        seen.append(f"its {name} took {requests} requests")
    del seen[3:]


def _made(bench: Bench, token: str) -> list[Thing]:
    call = bench.call(token)
    bench.settled(bench.kind, replace(call, remote_id=bench.kind.create(call).remote_id))
    bench.ground.rest()
    return bench.added()


def _changing(bench: Bench) -> int:
    """How many requests of a create change something."""
    bench.begin()
    asked = len(bench.ground.asked())
    bench.kind.create(bench.call(bench.token()))
    return sum(bench.ground.mutates(a) for a in bench.ground.asked()[asked:])


def _paths(changes: Iterable[FieldChange]) -> str:
    return ", ".join(c.path for c in changes)
