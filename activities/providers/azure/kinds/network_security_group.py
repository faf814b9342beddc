"""`azure.network_security_group`: what may reach its members and what they may reach; exactly the document's rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError, field_validator

from activities.providers.azure import arm, ids, tags
from activities.providers.azure.arm import ArmKind
from activities.providers.azure.kinds.virtual_network import NAME
from activities.providers.azure.tags import Tags
from holdfast.model import Spec
from holdfast.plan import Verb
from holdfast.values import has_unknown

RULES: Final = "properties.securityRules"
JOIN: Final = "Microsoft.Network/applicationSecurityGroups/joinNetworkSecurityRule/action"  # of those that rules name
ANY: Final = "*"
# Each of a rule's four sets: our field, and where ARM has one of them and where several.
_SETS: Final = {
    "source_address_prefixes": ("sourceAddressPrefix", "sourceAddressPrefixes"),
    "source_port_ranges": ("sourcePortRange", "sourcePortRanges"),
    "destination_address_prefixes": ("destinationAddressPrefix", "destinationAddressPrefixes"),
    "destination_port_ranges": ("destinationPortRange", "destinationPortRanges"),
}
_GROUPS: Final = {
    "source_application_security_groups": "sourceApplicationSecurityGroups",
    "destination_application_security_groups": "destinationApplicationSecurityGroups",
}
_WORDS: Final = ("description", "direction", "access", "priority", "protocol")
_SPELLED: Final = {
    word.lower(): word for word in ("Tcp", "Udp", "Icmp", "Esp", "Ah", "Inbound", "Outbound", "Allow", "Deny")
}


def _texts(value: Any) -> Any:
    """A port may be written as the number it is."""
    return (
        [str(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in value]
        if isinstance(value, list)
        else value
    )


Prefixes = list[str]
Port = Annotated[str, Field(pattern=r"^(\*|\d{1,5}(-\d{1,5})?)$")]
_Written = Annotated[list[int | Port], Field(min_length=1)]  # as a person may write them
Ports = Annotated[list[Port], BeforeValidator(_texts, json_schema_input_type=_Written)]


class SecurityRule(BaseModel):
    """One rule. Of two that fit, the one with the lower priority counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=80, pattern=NAME, description="unique in its group")
    description: str = Field(default="", max_length=140, description="why it is there")
    direction: Literal["Inbound", "Outbound"] = Field(description="Inbound or Outbound")
    access: Literal["Allow", "Deny"] = Field(description="Allow or Deny")
    priority: int = Field(ge=100, le=4096, description="unique in its direction; lower is first")
    protocol: Literal["Tcp", "Udp", "Icmp", "Esp", "Ah", "*"] = Field(description="Tcp, Udp, Icmp, Esp, Ah or *")
    source_address_prefixes: Prefixes = Field(
        default_factory=list, description="blocks, or one service tag as in VirtualNetwork; `*` is everybody"
    )
    source_application_security_groups: list[str] = Field(default_factory=list, description="ids, instead of blocks")
    source_port_ranges: Ports = Field(default=[ANY], min_length=1, description="as in 443 or 8000-8010")
    destination_address_prefixes: Prefixes = Field(
        default_factory=list, description="blocks, or one service tag; `*` is everything"
    )
    destination_application_security_groups: list[str] = Field(
        default_factory=list, description="ids, instead of blocks"
    )
    destination_port_ranges: Ports = Field(min_length=1, description="as in 443 or 8000-8010")


class NetworkSecurityGroupSpec(Spec):
    """A group. Without rules of its own, what is in the network reaches its members, and nobody outside does."""

    name: str = Field(min_length=1, max_length=80, pattern=NAME, description="unique in its resource group")
    resource_group: str = Field(description=arm.OF_GROUP)
    security_rules: list[SecurityRule] = Field(
        default_factory=list, description="all of them: another hand's are taken away. Azure's own six come after"
    )
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)

    @field_validator("security_rules")
    @classmethod
    def _one_of_each(cls, value: Any) -> Any:
        known = [r for r in value if isinstance(r, SecurityRule)] if isinstance(value, list) else []
        names, places = [r.name.lower() for r in known], [(r.direction, r.priority) for r in known]
        if len(set(names)) < len(names):
            raise ValueError("two rules have the same name")
        if len(set(places)) < len(places):
            raise ValueError("two rules of one direction have the same priority: which is first would be chance")
        return value


class NetworkSecurityGroup(ArmKind[NetworkSecurityGroupSpec]):
    """All rules are written in one request, so no instant is more open than the group was before, or shall be after."""

    kind = "azure.network_security_group"
    spec = NetworkSecurityGroupSpec
    outputs = arm.outputs()
    immutable = frozenset({"name", "resource_group"})
    kept_in_use = arm.ANOTHER_NAME
    permissions = arm.granted("Microsoft.Network/networkSecurityGroups", create=(JOIN,), update=(JOIN,))
    settle_within = {
        Verb.create: timedelta(minutes=10),
        Verb.update: timedelta(minutes=10),
        Verb.delete: timedelta(minutes=20),  # it may wait for what it is on to go
    }
    example = """
shop: {kind: azure.resource_group, spec: {name: shop}}
web:
  kind: azure.network_security_group
  spec:
    name: web
    resource_group: ${shop.name}
    security_rules:
      - name: https
        direction: Inbound
        access: Allow
        priority: 100
        protocol: Tcp
        source_address_prefixes: [Internet]
        destination_address_prefixes: ["*"]
        destination_port_ranges: [443]
"""
    trials = {
        "security_rules": [
            {
                "name": "https",
                "description": "from the office",
                "direction": "Inbound",
                "access": "Allow",
                "priority": 110,
                "protocol": "Tcp",
                "source_address_prefixes": ["203.0.113.0/24", "198.51.100.0/24"],
                "destination_address_prefixes": ["VirtualNetwork"],
                "destination_port_ranges": ["8000-8010", 443],
            },
            {
                "name": "nothing-else",
                "direction": "Outbound",
                "access": "Deny",
                "priority": 4096,
                "protocol": "*",
                "source_address_prefixes": ["*"],
                "destination_address_prefixes": ["Internet"],
                "destination_port_ranges": ["*"],
            },
        ],
        "tags": {"team": "shop"},
    }

    service, arm_type = "network", "Microsoft.Network/networkSecurityGroups"
    places = {"security_rules": RULES}

    def shown(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        listed = super().shown(raw)["security_rules"] or ()
        return {"security_rules": [_rule(one["name"], one.get("properties") or {}) for one in listed]}

    def write(self, body: dict[str, Any], field: str, value: JsonValue) -> None:
        listed = [_written(rule) for rule in value if isinstance(rule, dict)] if isinstance(value, list) else []
        super().write(body, field, listed)

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Rules by direction and priority, and what is a set in each of them sorted."""
        form = super().canonical(properties)
        rules = form.get("security_rules")
        if isinstance(rules, list) and not has_unknown(rules):
            canonical = [_canonical(rule) for rule in rules]
            form["security_rules"] = sorted(canonical, key=lambda r: (r["direction"], r["priority"], r["name"]))
        return form


def _rule(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of ARM's as one of ours."""
    shown = {word: said.get(word) for word in _WORDS}
    rule: dict[str, Any] = {"name": name, **shown, "description": said.get("description") or ""}
    rule |= {w: _SPELLED.get(str(rule[w]).lower(), rule[w]) for w in ("direction", "access", "protocol")}
    for field, (one, several) in _SETS.items():
        rule[field] = list(said.get(several) or ([said[one]] if said.get(one) else []))
    return rule | {field: [g["id"] for g in said.get(theirs) or ()] for field, theirs in _GROUPS.items()}


def _written(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of ours as one of ARM's. One member of a set and several have each a name; the other is left empty."""
    said: dict[str, Any] = {word: rule[word] for word in _WORDS if rule.get(word) not in {None, ""}}
    for field, (one, several) in _SETS.items():
        members = list(rule.get(field) or ())
        if len(members) == 1:
            said |= {one: members[0], several: []}
        elif members:
            said[several] = members
    said |= {theirs: [{"id": g} for g in rule[field]] for field, theirs in _GROUPS.items() if rule.get(field)}
    return {"name": rule["name"], "properties": said}


def _canonical(rule: Mapping[str, Any]) -> dict[str, Any]:
    try:
        form = SecurityRule.model_validate(rule).model_dump(mode="json")
    except ValidationError:  # another hand's, which a document could not say: it is shown as it is
        form = dict(rule)
    for field in (*_SETS, *_GROUPS):
        members = form.get(field) or []
        form[field] = sorted({ids.canonical(m) if field in _GROUPS else _one(m) for m in members})
    return form


def _one(member: str) -> str:
    """A range of one port is that port: some write `22-22`."""
    first, dash, last = member.partition("-")
    return first if dash and first == last else member
