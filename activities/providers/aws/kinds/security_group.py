"""`aws.security_group`: what may reach its members and what they may reach; exactly the rules of the document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, StringConstraints, field_validator

from activities.providers.aws import rules, tags
from activities.providers.aws.ec2 import Ec2Kind
from activities.providers.aws.rules import Rule
from activities.providers.aws.tags import Tags
from holdfast.errors import InvalidInput, NotFound
from holdfast.model import Scope, Spec, Status
from holdfast.plan import Verb
from holdfast.resource import Call, Observation, Output, Safety
from holdfast.values import freeze

FILTERED = 200  # values that a filter takes. Source: EC2 User Guide, "Filter your resources"
# In a new group. Source: EC2 API reference, CreateSecurityGroup; the second only in a VPC with IPv6.
AS_MADE = [{"protocol": "all", "cidrs": ["0.0.0.0/0"]}, {"protocol": "all", "cidrs": ["::/0"]}]
DIRECTIONS = ("egress", "ingress")  # in this order: what comes in is let in last


class SecurityGroupSpec(Spec):
    """A group. Without rules nothing comes in and nothing goes out, except for answers."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=rules.WORDS)] = Field(
        description="unique in its VPC; not `default`, nor beginning with `sg-`"
    )
    description: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=rules.WORDS)] = Field(
        default="managed by Holdfast", description="cannot change in place"
    )
    vpc: str = Field(description="the VPC's id")
    ingress: list[Rule] = Field(default_factory=list, description="what may come in, and from whom; nothing else does")
    egress: list[Rule] = Field(
        default_factory=list,
        description="what may go out, and to whom; nothing else does. AWS lets everything out of a new group: that is "
        "taken away unless it is written here, as `{protocol: all, cidrs: [0.0.0.0/0]}`",
    )
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)

    @field_validator("name")
    @classmethod
    def _may_be_had(cls, value: Any) -> Any:
        if isinstance(value, str) and (value == "default" or value.startswith("sg-")):
            raise ValueError("AWS keeps `default`, and names that begin with `sg-`, for itself")
        return value

    @field_validator("ingress", "egress")
    @classmethod
    def _one_description_each(cls, value: Any) -> Any:
        if isinstance(value, list):
            plain = [r.plain() if isinstance(r, Rule) else r for r in value]
            if (rule := rules.twice(plain)) is not None:
                raise ValueError(f"one rule is described in two ways: {rules.key(rule)}")
        return value


class SecurityGroup(Ec2Kind[SecurityGroupSpec]):
    """Made by name, in several calls; nobody is in it before the last, since nobody knows its id.

    AWS lets everything out of a new group. That rule goes first, then what is written comes, ingress last. An update
    follows `rules.steps`: no instant is more open than the group was before, or shall be after.
    """

    kind = "aws.security_group"
    spec = SecurityGroupSpec
    outputs = {"id": Output("the group's id"), "arn": Output("its ARN"), "name": Output("its name")}
    safety = Safety.by_name
    immutable = frozenset({"name", "description", "vpc"})
    stepwise = frozenset({"ingress", "egress"})
    permissions = {
        "observe": ("ec2:DescribeSecurityGroups",),
        "discover": ("ec2:DescribeSecurityGroups",),
        "create": (
            "ec2:CreateSecurityGroup",
            "ec2:CreateTags",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupIngress",
            "ec2:RevokeSecurityGroupEgress",
        ),
        "update": (
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupIngress",
            "ec2:RevokeSecurityGroupEgress",
            "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
            "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ),
        "delete": ("ec2:DeleteSecurityGroup",),
        "adopt": ("ec2:CreateTags",),
        "disown": ("ec2:DeleteTags",),
    }
    settle_within = {
        Verb.create: timedelta(minutes=5),
        Verb.update: timedelta(minutes=5),
        Verb.delete: timedelta(minutes=20),  # it may wait for the interfaces of instances that are ending
    }
    example = """
net: {kind: aws.vpc, spec: {cidr: 10.0.0.0/16}}
edge: {kind: aws.security_group, spec: {name: edge, vpc: "${net.id}"}}
app:
  kind: aws.security_group
  spec:
    name: app
    vpc: ${net.id}
    ingress:
      - {ports: 8080, groups: ["${edge.id}"], description: from the edge}
    egress:
      - {ports: 443, cidrs: [0.0.0.0/0, "::/0"]}
"""
    trials = {
        "ingress": [
            {"ports": 8080, "groups": ["${edge.id}"], "description": "described anew"},
            {"ports": "9000-9010", "self": True},
            {"protocol": "icmp", "icmp_type": 8, "cidrs": ["10.0.0.0/8"]},
        ],
        "egress": [{"protocol": "all", "cidrs": ["0.0.0.0/0"]}],
        "tags": {"team": "shop"},
    }

    describe, listed_in, id_field, tag_type = (
        "describe_security_groups",
        "SecurityGroups",
        "GroupId",
        "security-group",
    )

    # --- reading -----------------------------------------------------------------------------------------------

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        found = tags.plain(raw.get("Tags"))
        remote_id, account = raw["GroupId"], raw.get("OwnerId", scope.account)
        return Observation(
            kind=self.kind,
            status=Status.ready,
            remote_id=remote_id,
            properties={
                "name": raw["GroupName"],
                "description": raw["Description"],
                "vpc": raw.get("VpcId"),
                "ingress": freeze(rules.seen(raw.get("IpPermissions", ()), remote_id, account)),
                "egress": freeze(rules.seen(raw.get("IpPermissionsEgress", ()), remote_id, account)),
                "tags": tags.own(found),
            },
            outputs={"id": remote_id, "arn": self.arn(scope, remote_id), "name": raw["GroupName"]},
            **tags.seen(found),
        )

    def find(self, call: Call[SecurityGroupSpec]) -> list[Observation]:
        """At the name, in the VPC: strangers too."""
        return [seen for _, seen in self.find_all([call])]

    def find_all(
        self, calls: Sequence[Call[SecurityGroupSpec]]
    ) -> Iterator[tuple[Call[SecurityGroupSpec], Observation]]:
        """One list for two hundred names. A filter reads `*` in a name as any letters: what it finds is compared."""
        wanted: dict[tuple[str, str], list[Call[SecurityGroupSpec]]] = {}
        for call in calls:
            wanted.setdefault((call.wanted.vpc, call.wanted.name), []).append(call)
        names = sorted({name for _, name in wanted})
        for start in range(0, len(names), FILTERED):
            chunk = [{"Name": "group-name", "Values": names[start : start + FILTERED]}]
            for page in calls[0].client("ec2").get_paginator(self.describe).paginate(Filters=chunk):
                for raw in self._members(page):
                    for call in wanted.get((raw.get("VpcId", ""), raw["GroupName"]), ()):
                        yield call, self.see(raw, call.scope)

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[SecurityGroupSpec]) -> Observation:
        """CreateSecurityGroup, then its rules: away with AWS's own, then egress, then ingress."""
        wanted = self.canonical(call.wanted.plain())
        if call.remote_id is None:
            raw = call.client("ec2").create_security_group(
                GroupName=call.wanted.name,
                Description=call.wanted.description,
                VpcId=call.wanted.vpc,
                TagSpecifications=self.specification(call),
            )
            call = self.made(call, raw)
        seen = self.observe(call)
        # Where reads do not show it yet: all that AWS may have put in it. What is not there needs no taking away.
        stands = seen.properties if seen.stands else {"egress": AS_MADE}
        with self.young(call):
            self._converge(call, stands, {direction: wanted[direction] for direction in DIRECTIONS})
        return Observation(
            kind=self.kind,
            status=Status.ready if seen.stands else Status.pending,
            remote_id=call.id,
            properties=wanted,
            outputs={"id": call.id, "arn": self.arn(call.scope, call.id), "name": call.wanted.name},
            detail="" if seen.stands else "not visible yet",
            **tags.seen(tags.marked(call)),
        )

    def update(self, call: Call[SecurityGroupSpec]) -> Observation:
        self.retag(call)
        changed = [direction for direction in DIRECTIONS if self.changes(call, direction)]
        if changed:
            wanted = self.canonical(call.wanted.plain())
            stands = self.observe(call)
            self._converge(call, stands.properties, {direction: wanted[direction] for direction in changed})
        return self.observe(call)

    def delete(self, call: Call[SecurityGroupSpec]) -> Observation:
        """AWS refuses while an interface is in it, or another group's rule names it; then it is asked again."""
        try:
            call.client("ec2").delete_security_group(GroupId=call.id)
        except NotFound:
            return self.absent(call.remote_id)
        return self.absent(call.remote_id)

    # --- comparing ---------------------------------------------------------------------------------------------

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Rules one by one: see `rules.canonical`."""
        form = dict(properties)
        for direction in DIRECTIONS:
            if isinstance(form.get(direction), list | tuple):
                form[direction] = rules.canonical(form[direction])
        return form

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Only under the same name in the same VPC."""
        return bool(before.get("vpc") == after.get("vpc") and before.get("name") == after.get("name"))

    # --- EC2's calls -------------------------------------------------------------------------------------------

    def _converge(
        self, call: Call[SecurityGroupSpec], live: Mapping[str, Any], wanted: Mapping[str, Sequence[rules.Atom]]
    ) -> None:
        steps = {way: rules.steps(live.get(way) or (), wanted[way]) for way in DIRECTIONS if way in wanted}
        if not any(s.unwanted for s in steps.values()):  # nothing to wait for: one call, not two
            for way, s in steps.items():
                self._authorize(call, way, [*s.narrower, *s.new])
        else:
            for way, s in steps.items():
                self._authorize(call, way, s.narrower)
            for way, s in steps.items():
                self._revoke(call, way, s.unwanted)
            for way, s in steps.items():
                self._authorize(call, way, s.new)
        for way, s in steps.items():
            self._revoke(call, way, s.covered)
        for way, s in steps.items():
            if s.described:
                ask = getattr(call.client("ec2"), f"update_security_group_rule_descriptions_{way}")
                ask(GroupId=call.id, IpPermissions=rules.permissions(s.described, call.id))

    def _authorize(self, call: Call[SecurityGroupSpec], way: str, atoms: Sequence[rules.Atom]) -> None:
        self._each(call, f"authorize_security_group_{way}", atoms, _is_there)

    def _revoke(self, call: Call[SecurityGroupSpec], way: str, atoms: Sequence[rules.Atom]) -> None:
        self._each(call, f"revoke_security_group_{way}", atoms, _is_gone)

    @staticmethod
    def _each(
        call: Call[SecurityGroupSpec],
        operation: str,
        atoms: Sequence[rules.Atom],
        is_done: Callable[[InvalidInput | NotFound], bool],
    ) -> None:
        """One call for all of them; one for each where AWS says that one is as wanted already: it does all or none."""
        if not atoms:
            return
        ask = getattr(call.client("ec2"), operation)
        try:
            ask(GroupId=call.id, IpPermissions=rules.permissions(atoms, call.id))
            return
        except (InvalidInput, NotFound) as error:
            if not is_done(error):
                raise
        for atom in atoms if len(atoms) > 1 else ():
            try:
                ask(GroupId=call.id, IpPermissions=rules.permissions([atom], call.id))
            except (InvalidInput, NotFound) as error:
                if not is_done(error):
                    raise


def _is_there(error: InvalidInput | NotFound) -> bool:
    return error.letter.code == "InvalidPermission.Duplicate"


def _is_gone(error: InvalidInput | NotFound) -> bool:
    return error.letter.code == "InvalidPermission.NotFound"
