"""What the kinds of EC2 have in common: described in pages, filtered by tag, tagged in the call that creates them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

from activities.providers.aws import tags
from holdfast.errors import NotFound
from holdfast.model import Scope, Status
from holdfast.resource import Call, Observation, ResourceType, S, Search

PAGE = 1000  # what EC2's lists give at most in one answer


class Ec2Kind(ResourceType[S]):
    """A kind of EC2: a subclass says how it is listed and seen, how it is made, changed and removed."""

    describe: ClassVar[str]  # the operation that lists, as boto3 names it
    listed_in: ClassVar[str]  # the answer's list
    id_field: ClassVar[str]  # the id, in a member of the list
    tag_type: ClassVar[str]  # the resource type of a TagSpecification

    @abstractmethod
    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        """One member of a list as an observation."""

    def complete(self, seen: Observation, call: Call[S]) -> Observation:
        """Read what the list does not show; the default needs nothing more."""
        return seen

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
        """By tag, a thousand a call."""
        pages = search.client("ec2").get_paginator(self.describe)
        for page in pages.paginate(Filters=tags.filters(search), PaginationConfig={"PageSize": PAGE}):
            for raw in self._members(page):
                yield self.see(raw, search.scope)

    def adopt(self, call: Call[S]) -> Observation:
        """Tags only."""
        call.client("ec2").create_tags(Resources=[call.id], Tags=tags.listed(tags.marks(call)))
        return self.observe(call)

    def disown(self, call: Call[S]) -> Observation:
        """Tags only."""
        call.client("ec2").delete_tags(Resources=[call.id], Tags=[{"Key": mark} for mark in tags.MARKS])
        return self.observe(call)

    def retag(self, call: Call[S]) -> None:
        """Write the changed tags of an update, and take off those that are no longer wanted."""
        write, remove = tags.changed(call.changes)
        if write:
            call.client("ec2").create_tags(Resources=[call.id], Tags=tags.listed(write))
        if remove:
            call.client("ec2").delete_tags(Resources=[call.id], Tags=[{"Key": key} for key in remove])

    def specification(self, call: Call[S]) -> list[dict[str, Any]]:
        """`TagSpecifications` of a create."""
        return [{"ResourceType": self.tag_type, "Tags": tags.listed(tags.marked(call))}]

    def made(self, call: Call[S], raw: dict[str, Any]) -> Call[S]:
        """The call, about what its first request has just made."""
        return replace(call, remote_id=str(raw[self.id_field]))

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
