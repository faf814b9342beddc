"""Resource Manager's operations: begun by a change, and looked at once by their names.

Resource Manager lists none of them, so one whose answer was lost is nowhere to be found: what it was to make shows when
it has ended. A change that takes two of them has both names as its handle, with a blank between.

Source: Resource Manager API v3, Operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from activities.providers.gcp.codes import operation_error
from holdfast.model import Status
from holdfast.resource import Call, Observation, Underway


def handle(works: Iterable[Mapping[str, Any]]) -> str | None:
    """The names of operations that are at work yet; None when none is. Raises what one ended in."""
    names = []
    for work in works:
        if (error := operation_error(work)) is not None:
            raise error
        if not work.get("done"):
            names.append(str(work["name"]))
    return " ".join(names) or None


def changing(seen: Observation, works: Iterable[Mapping[str, Any]]) -> Observation:
    """What stands, which is on its way while an operation of its change is at work. Raises what one ended in."""
    at_work = handle(works)
    return seen if at_work is None else seen.model_copy(update={"status": Status.pending, "handle": at_work})


def underway(call: Call[Any], service: str) -> Underway | None:
    """The first of them that is at work, or that ended badly; one that ended well where all have."""
    if not call.handle:
        return None
    for name in call.handle.split():
        work = call.client(service).get_operation(name=name)
        error = operation_error(work)
        if error is not None or not work.get("done"):
            return Underway(name, ended=error is not None, detail=f"{name} is at work", error=error)
    return Underway(call.handle, ended=True)
