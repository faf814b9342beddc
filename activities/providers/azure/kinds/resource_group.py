"""`azure.resource_group`: a place for what belongs together; removed only when nothing is in it any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from activities.providers.azure import arm, ids, tags
from activities.providers.azure.arm import ArmKind
from activities.providers.azure.tags import Tags
from holdfast.errors import Blocked, NotFound, Pending
from holdfast.model import Scope, Spec
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Observation, Search

MENTIONED = 3  # of what is left in a group, in a letter
TYPE = "Microsoft.Resources/subscriptions/resourceGroups"  # as permissions have it; an id leaves the second part out


class ResourceGroupSpec(Spec):
    """A group in the scope's region. What is in it may be in others."""

    name: str = Field(
        min_length=1,
        max_length=90,
        pattern=r"^[\w().-]*[\w()-]$",
        description="unique in its subscription: letters, digits and `_ - . ( )`, and no full stop at its end",
    )
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)


class ResourceGroup(ArmKind[ResourceGroupSpec]):
    """A PUT to its name is answered at once, and takes no condition: see `arm` about what that leaves open.

    Azure removes a group with everything in it, whoever made that. So it is asked only when nothing is.
    """

    kind = "azure.resource_group"
    spec = ResourceGroupSpec
    outputs = arm.outputs()
    immutable = frozenset({"name"})
    delete_undo = UndoLabel.lossy
    delete_note = "roles, locks and policies that others had put on it"
    permissions = arm.granted(TYPE, delete=(f"{TYPE}/resources/read",))
    settle_within = {Verb.create: timedelta(minutes=5), Verb.delete: timedelta(minutes=60)}
    example = "shop: {kind: azure.resource_group, spec: {name: shop}}"
    trials = {"tags": {"team": "shop"}}

    service, arm_type = "resource", "Microsoft.Resources/resourceGroups"

    def path(self, scope: Scope, spec: ResourceGroupSpec) -> str:
        return ids.group(scope.account, spec.name)

    def listing(self, scope: Scope) -> str:
        return f"{ids.subscription(scope.account)}/resourceGroups"

    def discover(self, search: Search) -> Iterator[Observation]:
        """The one list that is filtered by a tag, and shows all the same."""
        found = search.client(self.service).pages(self.listing(search.scope), filter=tags.filtering(search))
        for raw in found:
            if self.is_here(raw, search.scope) and tags.matches(search, raw.get("tags")):
                yield self.see(raw, search.scope)

    def delete(self, call: Call[ResourceGroupSpec]) -> Observation:
        """Only an empty one, and only by a list that shows all that was in it when its delete was sent: lists lag.

        What another hand makes in it in the very last seconds goes with it. ARM alone could keep that, and does not.
        Source: Azure Resource Manager, "Azure Resource Manager resource group and resource deletion".
        """
        try:
            left = list(call.client(self.service).pages(f"{call.id}/resources", top="100"))
        except NotFound:
            seen = self.observe(call)
            if seen.stands:  # by its id it shows, and that does not lag
                raise Pending(f"what is in {call.id} cannot be listed yet", address=call.address) from None
            return seen
        if left:
            raise Blocked(_still_in_it(call, left), address=call.address)
        if call.waited < self.visible_within:
            raise Pending(
                f"no list shows anything in {call.id}; what is new may not show yet, so it is asked once more",
                address=call.address,
                after=self.visible_within - call.waited,
            )
        return super().delete(call)


def _still_in_it(call: Call[Any], left: list[Mapping[str, Any]]) -> str:
    names = ", ".join(f"{one['type']} {one['name']}" for one in left[:MENTIONED])
    more = f" and {len(left) - MENTIONED} more" if len(left) > MENTIONED else ""
    return f"the group {ids.parse(call.id).name} is not empty, and would take along {names}{more}"
