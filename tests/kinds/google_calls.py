"""Calls of one kind on the local Google Cloud, for what the laws cannot see of it."""

from __future__ import annotations

from typing import Any, Generic, TypeVar
from uuid import NAMESPACE_URL, uuid5

from activities.providers.gcp.door import open_visit
from holdfast.model import Address, Owner, Scope, Spec
from holdfast.resource import Call, Observation, ResourceType
from tests.localcloud.google_parts import PROJECT, REGION, LocalGcp

OWNER = Owner("holdfast", "shop")
SCOPE = Scope("gcp", PROJECT, REGION)

S = TypeVar("S", bound=Spec)


class Called(Generic[S]):
    """One resource, and how its kind is called about it."""

    def __init__(self, kind: ResourceType[S], name: str, spec: S) -> None:
        self.kind, self.spec = kind, spec
        self.address = Address(OWNER.stack, kind.kind, name)

    def call(self, token: str = "1", scope: Scope = SCOPE, **more: Any) -> Call[S]:
        """A call, through the door. `token`: a word that stands for one."""
        given = {"spec": self.spec, "token": str(uuid5(NAMESPACE_URL, token)), **more}
        return Call(self.address, scope, OWNER, open_visit(scope).client, **given)

    def made(self, cloud: LocalGcp, **more: Any) -> Observation:
        """Made, and come to rest."""
        remote_id = self.kind.create(self.call(**more)).remote_id
        cloud.control.step(60)
        return self.kind.observe(self.call(remote_id=remote_id, claimed=True))
