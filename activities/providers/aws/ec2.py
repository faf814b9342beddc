"""What the kinds of EC2 have in common: described in pages, filtered by tag, tagged in the call that creates them."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from activities.providers.aws import arns, tags
from holdfast.errors import Broken, HoldfastError, NotAllowed, NotFound, Pending, QuotaExceeded
from holdfast.model import Scope, Status
from holdfast.resource import Call, Clients, Observation, ResourceType, S, Search

PAGE = 1000  # what most of EC2's lists give at most in one answer


class Ec2Kind(ResourceType[S]):
    """A kind of EC2: a subclass says how it is listed and seen, how it is made, changed and removed."""

    describe: ClassVar[str]  # the operation that lists, as boto3 names it
    listed_in: ClassVar[str]  # the answer's list
    id_field: ClassVar[str]  # the id, in a member of the list
    tag_type: ClassVar[str]  # the resource type of a TagSpecification
    page: ClassVar[int] = PAGE

    def astray(self, spec: Mapping[str, Any], scope: Scope) -> tuple[str, str] | None:
        """By a zone of another region. One is named after its region, with a letter, or as a Local or a Wavelength Zone
        is: `us-east-1a`, `us-east-1-bos-1a`.

        Source: EC2 User Guide, "Regions and Zones".
        """
        zone = spec.get("zone")
        if not isinstance(zone, str) or re.fullmatch(f"{re.escape(scope.region)}([a-z]|-[a-z0-9-]+)", zone):
            return None
        return "zone", f"the zone {zone} is not in {scope.region}, the region of the scope"

    def arn(self, scope: Scope, remote_id: str) -> str:
        """Its ARN."""
        return arns.arn(scope, "ec2", f"{self.tag_type}/{remote_id}")

    @abstractmethod
    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        """One member of a list as an observation."""

    def fill(self, seen: Sequence[Observation], client: Clients) -> Iterable[Observation]:
        """Read what the list does not show, for a page of it at once; the default needs nothing more."""
        return seen

    def complete(self, seen: Observation, call: Call[S]) -> Observation:
        """Read what only a call per resource shows; the default needs nothing more than `fill`."""
        return next(iter(self.fill([seen], call.client)))

    def parts(self, call: Call[S]) -> list[str]:
        """The ids that carry its tags: its own, and those of what comes and goes with it."""
        return [call.id]

    def is_mine(self, address: str | None) -> bool:
        """Whether what bears an address is of this kind, and no part of something that is of another."""
        return address is None or address.split("/")[1:2] == [self.kind]

    rehearses = True

    def rehearse(self, call: Call[S]) -> None:
        """EC2 can say: its `DryRun`, of the first change that a create asks for. Quotas it keeps to itself."""
        try:
            self.create(replace(call, client=lambda service: _Dry(call.client(service))))
        except (NotAllowed, QuotaExceeded):
            raise
        except HoldfastError:  # `DryRunOperation` among them: it would have been done
            return

    def observe(self, call: Call[S]) -> Observation:
        """By id."""
        try:
            found = self._members(getattr(call.client("ec2"), self.describe)(**self._by_id(call.id)))
        except NotFound:
            return self.absent(call.remote_id)
        if not found:
            return self.absent(call.remote_id)
        seen = self.see(found[0], call.scope)
        return self.complete(seen, call) if seen.stands else seen

    def discover(self, search: Search) -> Iterator[Observation]:
        """By tag, as many a call as the list gives."""
        pages = search.client("ec2").get_paginator(self.describe)
        for page in pages.paginate(Filters=tags.filters(search), PaginationConfig={"PageSize": self.page}):
            seen = [self.see(raw, search.scope) for raw in self._members(page)]
            # An instance's root disk bears the marks of its instance, and is no resource of its own.
            whole = [o for o in seen if o.status is not Status.absent and self.is_mine(o.address)]
            yield from self.fill(whole, search.client)

    def adopt(self, call: Call[S]) -> Observation:
        """Tags only."""
        call.client("ec2").create_tags(Resources=self.parts(call), Tags=tags.listed(tags.marks(call)))
        return self.observe(call)

    def disown(self, call: Call[S]) -> Observation:
        """Tags only."""
        call.client("ec2").delete_tags(Resources=self.parts(call), Tags=[{"Key": mark} for mark in tags.MARKS])
        return self.observe(call)

    def retag(self, call: Call[S]) -> None:
        """Write the changed tags of an update, and take off those that are no longer wanted."""
        write, remove = tags.changed(call.changes)
        parts = self.parts(call) if write or remove else []
        if write:
            call.client("ec2").create_tags(Resources=parts, Tags=tags.listed(write))
        if remove:
            call.client("ec2").delete_tags(Resources=parts, Tags=[{"Key": key} for key in remove])

    def specification(self, call: Call[S]) -> list[dict[str, Any]]:
        """`TagSpecifications` of a create."""
        return [{"ResourceType": self.tag_type, "Tags": tags.listed(tags.marked(call))}]

    def made(self, call: Call[S], raw: dict[str, Any]) -> Call[S]:
        """The call, about what its first request has just made."""
        return replace(call, remote_id=str(raw[self.id_field]))

    @contextmanager
    def young(self, call: Call[S]) -> Iterator[None]:
        """Around the later calls of a create. Raises `Pending` where AWS does not know everywhere yet what it has made.

        Source: EC2 Developer Guide, "Eventual consistency".
        """
        try:
            yield
        except NotFound as error:
            if call.id not in error.letter.happened:
                raise
            raise Pending(f"{call.id} was made, and is not known everywhere yet", code=error.letter.code) from error

    def shown(self, call: Call[S], raw: dict[str, Any] | None) -> Observation:
        """What was made, as it stands; on its way, from the answer itself, while reads do not show it yet."""
        seen = self.observe(call)
        if seen.status is not Status.absent or raw is None:
            return seen
        return self.see(raw, call.scope).model_copy(update={"status": Status.pending, "detail": "not visible yet"})

    def changes(self, call: Call[S], field: str) -> bool:
        """Whether an update changes a field."""
        return any(c.path.partition(".")[0] == field for c in call.changes)

    def _members(self, page: dict[str, Any]) -> list[dict[str, Any]]:
        members: list[dict[str, Any]] = page.get(self.listed_in, [])
        return members

    def _by_id(self, remote_id: str) -> dict[str, Any]:
        return {f"{self.id_field}s": [remote_id]}


class _Dry:
    """A client that changes nothing: whatever it is asked for beside reading is asked as a dry run, and is the last."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name.startswith(("describe_", "get_")):
            return method

        def ask(**arguments: Any) -> None:
            method(**arguments, DryRun=True)
            raise Broken(f"EC2 answered the dry run of {name} as if it had been done")

        return ask
