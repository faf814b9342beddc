"""What the kinds of Resource Manager have in common: they change by operations, are deleted for thirty days before they
are gone, and can be brought back as long.

An operation is begun by a change, and looked at once by its name. Resource Manager lists none, so one whose answer was
lost is nowhere to be found: what it was to make shows when it has ended. A change that takes two of them has both names
as its handle, with a blank between.

Source: Resource Manager API v3, Operations, projects and folders.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from activities.providers.gcp.codes import operation_error
from holdfast.errors import InvalidInput, NotAllowed, NotFound, Pending
from holdfast.model import Status
from holdfast.resource import Call, Observation, ResourceType, S, Underway

ACTIVE = "ACTIVE"

Work = Mapping[str, Any]  # an operation, as it was answered


class ManagedKind(ResourceType[S]):
    """A kind of Resource Manager: a subclass says how one is got, seen and written."""

    service: ClassVar[str]  # `projects`, of which the SDK's methods are `update_project` and its like

    @abstractmethod
    def raw(self, call: Call[S]) -> dict[str, Any] | None:
        """What Google shows of it, also of a deleted one; None where there is none. Raises `NotAllowed` where there is
        one.
        """

    @abstractmethod
    def see(self, call: Call[S], raw: Mapping[str, Any]) -> Observation:
        """The observation of what Google shows."""

    @abstractmethod
    def write(self, call: Call[S]) -> Iterator[Work]:
        """Begin what an update changes, but for its parent."""

    def ask(self, call: Call[S], method: str, **fields: Any) -> Work:
        """Begin an operation."""
        work: Work = getattr(call.client(self.service), f"{method}_{self.service.removesuffix('s')}")(**fields)
        return work

    def observe(self, call: Call[S]) -> Observation:
        """One call; of what does not show, a second, since Google does not tell apart what we may not see."""
        raw = self.raw(call)
        return self.see(call, raw) if raw is not None and raw["state"] == ACTIVE else self.absent(call.remote_id)

    def underway(self, call: Call[S]) -> Underway | None:
        """The first of its operations that is at work, or that ended badly; one that ended well where all have."""
        if not call.handle:
            return None
        for name in call.handle.split():
            try:
                work = call.client(self.service).get_operation(name=name)
            except (NotFound, NotAllowed):  # of what Google has forgotten: what there is shows how it ended
                continue
            error = operation_error(work)
            if error is not None or not work.get("done"):
                return Underway(name, ended=error is not None, detail=f"{name} is at work", error=error)
        return Underway(call.handle, ended=True)

    def update(self, call: Call[S]) -> Observation:
        """One call for what it says, and one for where it stands; each is an operation."""
        works = list(self.write(call))
        if any(c.path == "parent" for c in call.changes):
            body = {"destinationParent": getattr(call.wanted, "parent")}  # noqa: B009  every spec here has one
            works.append(self.ask(call, "move", name=call.id, body=body))
        return self.changing(call, works)

    def changing(self, call: Call[S], works: Iterable[Work]) -> Observation:
        """What stands, which is on its way while an operation of its change is at work. Raises what one ended in."""
        at_work, seen = handle(works), self.observe(call)
        return seen if at_work is None else seen.model_copy(update={"status": Status.pending, "handle": at_work})

    def delete(self, call: Call[S]) -> Observation:
        """An operation, which may have ended with its answer. Raises what it ended in."""
        try:
            at_work = handle([self.ask(call, "delete", name=call.id)])
        except (NotAllowed, InvalidInput):  # of what is not there, and of what was asked to go
            seen = self.observe(call)
            if seen.stands:
                raise
            return seen
        seen = self.observe(call)
        going = {"status": Status.deleting, "handle": at_work}
        return seen.model_copy(update=going) if seen.stands or at_work is not None else seen

    def bring_back(self, call: Call[S]) -> str | None:
        """Ask that what was deleted comes back: the operation that is at work on it; None where it stands.

        Raises `Pending` where an earlier delivery may have asked for it, whose operation nobody has heard of.
        """
        if self.observe(call).stands:
            return None
        try:
            return handle([self.ask(call, "undelete", name=call.id)])
        except InvalidInput as refused:  # also of what came back a moment ago, and of what is coming
            if self.observe(call).stands:
                return None
            said = refused.letter.happened
            raise Pending(f"{call.id} is not back yet, and {said}", address=call.address) from refused


def handle(works: Iterable[Work]) -> str | None:
    """The names of operations that are at work yet; None when none is. Raises what one ended in."""
    names = []
    for work in works:
        if (error := operation_error(work)) is not None:
            raise error
        if not work.get("done"):
            names.append(str(work["name"]))
    return " ".join(names) or None
