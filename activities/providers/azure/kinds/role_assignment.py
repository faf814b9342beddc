"""`azure.role_assignment`: one role, given to one principal, at one scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, Literal
from uuid import UUID, uuid5

from pydantic import Field

from activities.providers.azure import bodies, descriptions, ids
from activities.providers.azure.arm import ArmKind, granted
from holdfast.errors import InvalidInput, NameTaken, NotFound, Pending
from holdfast.model import Scope, Spec, Status
from holdfast.plan import Verb
from holdfast.resource import Call, Carrier, Observation, Output, ResourceType, Search

TYPE = "Microsoft.Authorization/roleAssignments"
NAMES: Final = UUID("5f5a8bd2-7c0c-4f3c-9d1c-3b8b1a0f6c55")  # the namespace of our names; never another
UNKNOWN: Final = "PrincipalNotFound"
GUID = r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"


class RoleAssignmentSpec(Spec):
    """What somebody may do, and where. It holds for everything inside the scope."""

    scope: str = Field(
        pattern=r"^/subscriptions/[^/]+(/.+)?$",
        description="the id of a subscription, a resource group or a resource, as in ${group.id}",
    )
    role_definition_id: str = Field(
        pattern=rf"(^|/){GUID}$",
        description="the role's id, or the GUID at its end: `az role definition list --name Reader --query [].name`",
    )
    principal_id: str = Field(
        pattern=rf"^{GUID}$", description="the object id of whoever gets it, as in ${identity.principal_id}"
    )
    principal_type: Literal["User", "Group", "ServicePrincipal", "ForeignGroup", "Device"] = Field(
        default="ServicePrincipal", description="what that is; identities and applications are service principals"
    )
    description: str = Field(
        default="", max_length=descriptions.WORDS, description="your own words; Holdfast's marks stand behind them"
    )


class RoleAssignment(ArmKind[RoleAssignmentSpec]):
    """Its name is a GUID made of what it gives, and of our owner and address: so two hands never write to one name,
    and Azure, which takes each triple of scope, role and principal once, refuses the second (`RoleAssignmentExists`).

    It has no tags: our marks are in its description. A PUT is all there is to change it, and takes no condition.

    Sources: Azure RBAC REST, "Role Assignments - Create"; "Troubleshoot Azure RBAC".
    """

    kind = "azure.role_assignment"
    spec = RoleAssignmentSpec
    safety_note = ""  # see above
    outputs = {
        "id": Output("its id, as Azure spells it"),
        "name": Output("the GUID that is its name"),
    }
    carrier = Carrier.description
    immutable = frozenset({"scope", "role_definition_id", "principal_id", "principal_type"})
    permissions = {
        **granted(TYPE),
        **dict.fromkeys(("create", "update", "adopt", "disown"), (f"{TYPE}/write",)),
    }
    settle_within = {Verb.create: timedelta(minutes=5), Verb.delete: timedelta(minutes=5)}
    example = """
shop: {kind: azure.resource_group, spec: {name: shop}}
app: {kind: azure.managed_identity, spec: {name: shop-app, resource_group: "${shop.name}"}}
reads:
  kind: azure.role_assignment
  spec:
    scope: ${shop.id}
    role_definition_id: acdd72a7-3385-48ef-bd42-f606fba81ae7
    principal_id: ${app.principal_id}
    description: the app reads what is in the shop
"""
    trials = {"description": "the app looks at the shop"}

    service, arm_type = "authorization", TYPE
    places = {
        "scope": "properties.scope",
        "role_definition_id": "properties.roleDefinitionId",
        "principal_id": "properties.principalId",
        "principal_type": "properties.principalType",
    }

    # --- where it stands ---------------------------------------------------------------------------------------

    def _id(self, call: Call[RoleAssignmentSpec]) -> str:
        """The id that a create for this call takes. Raises `InvalidInput` for a scope in another subscription."""
        given = self.canonical(call.wanted.plain())
        inside = ids.subscription(call.scope.account)
        if not ids.within(given["scope"], inside):
            raise InvalidInput(
                f"{given['scope']} is not in the subscription of the scope, {call.scope.account}",
                address=call.address,
                standing="nothing was touched",
                next="give the resource a scope of that subscription",
            )
        who = (str(call.owner), str(call.address))
        what = (given["scope"], given["role_definition_id"], given["principal_id"])
        return ids.inside(call.wanted.scope, TYPE, str(uuid5(NAMES, " ".join((*what, *who)))))

    def astray(self, spec: Mapping[str, Any], scope: Scope) -> tuple[str, str] | None:
        """By what it gives a role at, in another subscription."""
        given, inside = spec.get("scope"), ids.subscription(scope.account)
        if not isinstance(given, str) or ids.within(given, inside):
            return None
        return "scope", f"{given} is not in {inside}, the subscription of the scope"

    def is_here(self, raw: Mapping[str, Any], scope: Scope) -> bool:
        """The subscription's list shows as well what it inherits from above."""
        return ids.within(raw["id"], ids.subscription(scope.account))

    # --- reading -----------------------------------------------------------------------------------------------

    def see(self, raw: Mapping[str, Any], scope: Scope) -> Observation:
        described = _description(raw)
        return Observation(
            kind=self.kind,
            status=Status.ready,  # it is made at once, or not at all
            remote_id=ids.canonical(raw["id"]),
            properties={**self.shown(raw), "description": descriptions.own(described)},
            outputs={"id": raw["id"], "name": raw["name"]},
            **descriptions.seen(described),
        )

    def discover(self, search: Search) -> Iterator[Observation]:
        """The subscription's list, with all that is given in it; no filter knows descriptions."""
        for raw in search.client(self.service).pages(self.listing(search.scope)):
            if self.is_here(raw, search.scope) and descriptions.matches(search, _description(raw)):
                yield self.see(raw, search.scope)

    def find(self, call: Call[RoleAssignmentSpec]) -> list[Observation]:
        """At our name; and whatever gives the same, under whichever name: beside that, Azure takes no other."""
        if call.spec is None:
            return ResourceType.find(self, call)
        seen = self.observe(replace(call, remote_id=self._id(call)))
        if seen.status is not Status.absent:
            return [seen]
        at = ids.collection(call.spec.scope, TYPE)
        try:
            listed = list(call.client(self.service).pages(at, filter=f"principalId eq '{call.spec.principal_id}'"))
        except NotFound:  # the scope is not there yet
            return []
        return [one for raw in listed if self._gives(one := self.see(raw, call.scope), call.spec)]

    def find_all(
        self, calls: Sequence[Call[RoleAssignmentSpec]]
    ) -> Iterator[tuple[Call[RoleAssignmentSpec], Observation]]:
        """One list of the subscription's for all of them."""
        if not calls:
            return
        everything = Search(calls[0].scope, calls[0].client)
        listed = list(self.discover(everything))
        for call in calls:
            for one in listed:
                if self._gives(one, call.wanted):
                    yield call, one

    def _gives(self, seen: Observation, wanted: RoleAssignmentSpec) -> bool:
        """Whether what stands gives just what is wanted, at the same scope."""
        one, other = self.canonical(seen.properties), self.canonical(wanted.plain())
        return all(one[field] == other[field] for field in ("scope", "role_definition_id", "principal_id"))

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[RoleAssignmentSpec]) -> Observation:
        """One PUT. Raises `NameTaken` when somebody has given the same there, and `Pending` while the principal may be
        too young to be known; after that, `NotFound`.
        """
        if call.remote_id is not None:
            return self.observe(call)
        if standing := self.find(call):
            raise NameTaken(f"{standing[0].outputs['id']} gives the same already", address=call.address)
        wanted = call.wanted
        role = wanted.role_definition_id
        if not role.startswith("/"):
            role = ids.inside(ids.subscription(call.scope.account), "Microsoft.Authorization/roleDefinitions", role)
        said = {
            "roleDefinitionId": role,
            "principalId": wanted.principal_id,
            "principalType": wanted.principal_type,
            "description": descriptions.over(wanted.description, call),
        }
        try:
            answer = call.client(self.service).put(self._id(call), {"properties": said})
        except Pending as unknown:
            if unknown.letter.code != UNKNOWN or call.waited < self.settle_within[Verb.create]:
                raise
            raise NotFound(
                f"{wanted.principal_id} is no principal that the directory knows: {unknown.letter.happened}",
                address=call.address,
                code=UNKNOWN,
                next="see that principal_id is an object id, and no application's id, of this subscription's directory",
            ) from unknown
        return self.see(answer.body, call.scope)

    def update(self, call: Call[RoleAssignmentSpec]) -> Observation:
        """The person's words, before the marks that stand."""
        return self._described(call, lambda now: descriptions.again(call.wanted.description, now))

    def adopt(self, call: Call[RoleAssignmentSpec]) -> Observation:
        return self._described(call, lambda now: descriptions.over(descriptions.own(now), call))

    def disown(self, call: Call[RoleAssignmentSpec]) -> Observation:
        return self._described(call, descriptions.own)

    def _described(self, call: Call[RoleAssignmentSpec], words: Callable[[str], str]) -> Observation:
        """All of it as it stands, with another description; nothing is asked where that is what it has."""
        stands = self.read(call, call.id)
        now = _description(stands)
        if words(now) == now:
            return self.see(stands, call.scope)
        kept = {k: v for k, v in stands["properties"].items() if k in _WRITTEN and v is not None}
        answer = call.client(self.service).put(call.id, {"properties": {**kept, "description": words(now)}})
        return self.see(answer.body, call.scope)

    # --- comparing ---------------------------------------------------------------------------------------------

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Small letters, and of a role the GUID alone: a built-in one has an id in every subscription. Blanks around a
        description mean nothing.
        """
        form = dict(properties)
        if "description" in form:
            form["description"] = descriptions.compared(form["description"])
        for field in {"scope", "role_definition_id", "principal_id"} & set(form):
            if isinstance(form[field], str):
                form[field] = ids.canonical(form[field])
        if isinstance(form.get("role_definition_id"), str):
            form["role_definition_id"] = form["role_definition_id"].rpartition("/")[2]
        return form

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Only where both would give the same."""
        was, now = self.canonical(before), self.canonical(after)
        given = ("scope", "role_definition_id", "principal_id")
        return all(was.get(field) == now.get(field) for field in given)


_WRITTEN: Final = {"roleDefinitionId", "principalId", "principalType", "condition", "conditionVersion"}


def _description(raw: Mapping[str, Any]) -> str:
    return str(bodies.at(raw, "properties.description") or "")
