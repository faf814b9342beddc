"""A cloud in memory with faults at chosen acts: refused, answered to nobody, or held until the test lets go."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from activities.asked import Asked
from holdfast.errors import HoldfastError, NotAllowed, Unavailable
from holdfast.model import Scope
from holdfast.resource import Clients
from holdfast.testing.laws.memory import CHANGES
from holdfast.testing.world import Thing, World


@dataclass(slots=True)
class Hold:
    """One call that is held at the cloud: `reached` when it has arrived there, and on its way again once `let_go`."""

    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        """As the cloud: until the test lets go; never longer than a test may take."""
        self.reached.set()
        self.released.wait(60)

    def let_go(self) -> None:
        """Go on."""
        self.released.set()


@dataclass(slots=True)
class Fault:
    """What happens to a call that changes something, before its effect or after it."""

    verb: str
    name: str
    after: bool
    do: Callable[[], None]
    times: int


class Cloud(World):
    """The world of one test. Faults are named by verb (`create`, `update`, `mark`, `delete`) and the thing's name.

    `list` is named by the kind that is listed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.faults: deque[Fault] = deque()
        self.holds: deque[Hold] = deque()

    # --- faults ------------------------------------------------------------------------------------------------

    def refuse(self, verb: str, name: str, error: HoldfastError | None = None, times: int = 1) -> None:
        """The next such calls do not happen; they raise this."""
        self._fault(verb, name, lambda: _throw(error or NotAllowed(f"no {verb} of {name} today")), times=times)

    def lose(self, verb: str, name: str, times: int = 1) -> None:
        """The next such calls happen, and nobody hears of it."""
        self._fault(verb, name, lambda: _throw(Unavailable("no answer came")), after=True, times=times)

    def hold(self, verb: str, name: str, *, after: bool = False) -> Hold:
        """The next such call is held, before its effect or after it."""
        hold = Hold()
        self.holds.append(hold)
        self._fault(verb, name, hold.wait, after=after)
        return hold

    def mend(self) -> None:
        """No more faults, and nothing is held."""
        self.faults.clear()
        for hold in self.holds:
            hold.let_go()

    def _fault(self, verb: str, name: str, do: Callable[[], None], *, after: bool = False, times: int = 1) -> None:
        self.faults.append(Fault(verb, name, after, do, times))

    def _meet(self, verb: str, name: str, *, after: bool) -> None:
        for fault in tuple(self.faults):
            if (fault.verb, fault.name, fault.after) == (verb, name, after):
                fault.times -= 1
                if not fault.times:
                    self.faults.remove(fault)
                fault.do()
                return

    # --- the calls that meet them ------------------------------------------------------------------------------

    def create(
        self, kind: str, scope: Scope, fields: Mapping[str, Any], marks: Mapping[str, str], *, unique: bool, token: bool
    ) -> Thing | None:
        self._meet("create", fields["name"], after=False)
        made = super().create(kind, scope, fields, marks, unique=unique, token=token)
        self._meet("create", fields["name"], after=True)
        return made

    def update(self, remote_id: str, fields: Mapping[str, Any]) -> Thing:
        name = self.called(remote_id)
        self._meet("update", name, after=False)
        seen = super().update(remote_id, fields)
        self._meet("update", name, after=True)
        return seen

    def mark(self, remote_id: str, marks: Mapping[str, str | None]) -> Thing:
        name = self.called(remote_id)
        self._meet("mark", name, after=False)
        seen = super().mark(remote_id, marks)
        self._meet("mark", name, after=True)
        return seen

    def delete(self, remote_id: str) -> Thing | None:
        name = self.called(remote_id)
        self._meet("delete", name, after=False)
        seen = super().delete(remote_id)
        self._meet("delete", name, after=True)
        return seen

    def list(self, kind: str, scope: Scope, marks: Mapping[str, str]) -> Iterator[Thing]:
        self._meet("list", kind, after=False)
        yield from super().list(kind, scope, marks)

    # --- looking -----------------------------------------------------------------------------------------------

    def called(self, remote_id: str) -> str:
        """The name of what stands at an id."""
        thing = self.things.get(remote_id)
        return str(thing.fields["name"]) if thing else ""

    @property
    def standing(self) -> str:
        """The names of everything that stands, sorted; twice what stands twice: `app net`."""
        return " ".join(sorted(str(t.fields["name"]) for t in self.things.values()))


class Visit(Asked):
    """One activity's stay. Counts what it asked, and has a request id for each answer."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__()
        self._cloud = cloud
        self.client: Clients = self._client

    def _client(self, service: str) -> Any:
        return _Counted(self._cloud, self)


class _Counted:
    def __init__(self, cloud: Cloud, visit: Visit) -> None:
        self._cloud, self._visit = cloud, visit

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._cloud, name)
        if not callable(found):
            return found

        def ask(*given: Any, **named: Any) -> Any:
            visit = self._visit
            visit.asks(changes=name in CHANGES)
            try:
                answer = found(*given, **named)
            except Unavailable:
                raise
            except HoldfastError:
                visit.hears(f"req-{visit.calls}", refused=True)
                raise
            visit.hears(f"req-{visit.calls}", refused=False)
            return answer

        return ask


def _throw(error: HoldfastError) -> None:
    raise type(error)(error.letter.happened, next=error.letter.next, code=error.letter.code)
