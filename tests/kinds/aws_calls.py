"""A kind, called as a verb would call it, on the local AWS.

cloud = Aws(aws)
web = cloud.kind(Instance(), "web", spec)
made = web.create()
web.update(type="t3.small")
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import Any, Generic

from activities.providers.aws.door import AwsVisit
from holdfast.diff import apply_changes, three_way
from holdfast.model import Address, Owner, Scope
from holdfast.resource import Call, Observation, ResourceType, S, Search
from tests.cloud import ACCOUNT, REGION, LocalAws

SCOPE = Scope("aws", ACCOUNT, REGION)
OWNER = Owner("test", "shop")


def token() -> str:
    return str(uuid.uuid4())


@dataclass(slots=True)
class Called(Generic[S]):
    """One resource at one address, and what is believed about it."""

    kind: ResourceType[S]
    aws: LocalAws
    name: str
    spec: S
    token: str = field(default_factory=token)
    remote_id: str | None = None

    def call(self, **more: Any) -> Call[S]:
        known: Call[S] = Call(
            address=Address(OWNER.stack, self.kind.kind, self.name),
            scope=SCOPE,
            owner=OWNER,
            client=AwsVisit(SCOPE).client,
            token=self.token,
            spec=self.spec,
            remote_id=self.remote_id,
        )
        return replace(known, **more)

    def create(self, **more: Any) -> Observation:
        """A first call unless `remote_id` is given; what it made is remembered."""
        seen = self.kind.create(self.call(**{"remote_id": None, **more}))
        self.remote_id = seen.remote_id
        return seen

    def observe(self) -> Observation:
        return self.kind.observe(self.call())

    def find(self) -> list[Observation]:
        return self.kind.find(self.call())

    def listed(self) -> list[Observation]:
        """What a refresh of the stack lists."""
        return list(self.kind.discover(Search(SCOPE, AwsVisit(SCOPE).client, OWNER)))

    def update(self, **fields: Any) -> Observation:
        """Let fields be otherwise: the difference to what stands is written, and nothing else."""
        live = self.observe().properties
        wanted = self.kind.spec.model_validate({**self.spec.plain(), **fields})
        changes = three_way(self.kind, wanted.plain(), self.spec.plain(), live)
        before = {name: self.kind.canonical(live).get(name) for name in live}
        assert apply_changes(before, changes) != before or not changes
        seen = self.kind.update(self.call(spec=wanted, before=before, changes=changes))
        self.spec = wanted  # type: ignore[assignment]  # the class of its own kind
        return seen

    def differs(self) -> list[str]:
        """The fields in which what stands is not what is wanted."""
        return [c.path for c in three_way(self.kind, self.spec.plain(), self.spec.plain(), self.observe().properties)]

    def operate(self, operation: str) -> Observation:
        return self.kind.operate(self.call(), operation)

    def delete(self) -> Observation:
        return self.kind.delete(self.call())
