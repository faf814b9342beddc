"""`gcp.firewall`: one rule of a network: what it lets through or stops, from whom, and to whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, model_validator

from activities.providers.gcp import descriptions, rules
from activities.providers.gcp.compute import ComputeKind, Step
from activities.providers.gcp.paths import NAME, bare, reference
from activities.providers.gcp.rules import Match, Range
from holdfast.model import Scope, Spec
from holdfast.plan import Verb
from holdfast.resource import Call, Carrier, Observation, Output
from holdfast.values import is_opaque


class RuleLogs(Spec):
    """Which connections are written down."""

    enable: bool = Field(default=False, description="write down every connection that the rule meets; it costs")
    metadata: Literal["INCLUDE_ALL_METADATA", "EXCLUDE_ALL_METADATA"] = Field(
        default="INCLUDE_ALL_METADATA", description="whether a line names the instances, and their network"
    )


class FirewallSpec(Spec):
    """A rule. It says whom it is about: Google takes a rule that does not for one about everybody."""

    name: str = Field(pattern=NAME, description="unique in the project")
    network: str = Field(pattern=reference("networks"), description="the network, by its `self_link` or `id`")
    direction: Literal["INGRESS", "EGRESS"] = Field(default="INGRESS", description="what comes in, or what goes out")
    action: Literal["allow", "deny"] = Field(default="allow", description="let it through, or stop it")
    rules: list[Match] = Field(min_length=1, description="the protocols and ports that it meets")
    priority: int = Field(default=1000, ge=0, le=65_535, description="of two rules that meet, the lower one decides")
    source_ranges: list[Range] = Field(default_factory=list, description="addresses that it comes from")
    destination_ranges: list[Range] = Field(default_factory=list, description="addresses that it goes to")
    source_tags: list[str] = Field(default_factory=list, description="network tags of the instances it comes from")
    target_tags: list[str] = Field(
        default_factory=list, description="network tags of the instances it is for; all of the network without"
    )
    source_service_accounts: list[str] = Field(
        default_factory=list, description="service accounts of the instances it comes from; not with tags"
    )
    target_service_accounts: list[str] = Field(
        default_factory=list, description="service accounts of the instances it is for; not with tags"
    )
    disabled: bool = Field(default=False, description="whether it stands there without effect")
    log_config: RuleLogs = Field(default_factory=RuleLogs, description="its logs; none are written without")
    description: str = Field(default="", max_length=1500, description="for people")

    @model_validator(mode="after")
    def _says_whom(self) -> FirewallSpec:
        if any(is_opaque(getattr(self, field)) for field in (*_LISTS, "direction")):
            return self
        peers = self.source_ranges or self.source_tags or self.source_service_accounts
        if self.direction == "INGRESS" and not peers:
            raise ValueError("say where it comes from: source_ranges, source_tags or source_service_accounts")
        if self.direction == "EGRESS" and not self.destination_ranges:
            raise ValueError("say where it goes to: destination_ranges")
        if self.direction == "EGRESS" and (self.source_tags or self.source_service_accounts):
            raise ValueError("what goes out comes from the rule's targets: say target_tags or target_service_accounts")
        tags = self.source_tags or self.target_tags
        if tags and (self.source_service_accounts or self.target_service_accounts):
            raise ValueError("a rule goes by tags or by service accounts, not by both")
        return self


EVERYBODY = ("0.0.0.0/0",)  # whom a rule is about that does not say: Google shows no ranges then
_LISTS: Mapping[str, str] = {
    "source_ranges": "sourceRanges",
    "destination_ranges": "destinationRanges",
    "source_tags": "sourceTags",
    "target_tags": "targetTags",
    "source_service_accounts": "sourceServiceAccounts",
    "target_service_accounts": "targetServiceAccounts",
}


class Firewall(ComputeKind[FirewallSpec]):
    """A rule changes in one request, so no instant is more open than before or after.

    Google cannot turn a rule that lets through into one that stops, nor round its direction; and it does not let a rule
    go from tags to service accounts. Marks stand in the description: a rule has no labels.

    Source: Cloud NGFW, "Use VPC firewall rules", on updating; Compute Engine API v1, firewalls: patch, update.
    """

    kind = "gcp.firewall"
    spec = FirewallSpec
    collection, argument = "firewalls", "firewall"
    services = {"global": "firewalls"}
    references = frozenset({"network"})
    carrier = Carrier.description
    outputs = {
        "id": Output("its path: projects/PROJECT/global/firewalls/NAME"),
        "self_link": Output("its URL"),
        "name": Output("its name"),
    }
    immutable = frozenset(
        {"name", "network", "direction", "action", "source_service_accounts", "target_service_accounts"}
    )
    permissions = {
        "observe": ("compute.firewalls.get", "compute.globalOperations.get", "compute.globalOperations.list"),
        "discover": ("compute.firewalls.list",),
        "create": ("compute.firewalls.create", "compute.networks.updatePolicy"),
        "update": ("compute.firewalls.update", "compute.networks.updatePolicy"),
        "delete": ("compute.firewalls.delete", "compute.networks.updatePolicy"),
        "adopt": ("compute.firewalls.update", "compute.networks.updatePolicy"),
        "disown": ("compute.firewalls.update", "compute.networks.updatePolicy"),
    }
    settle_within = {
        Verb.create: timedelta(minutes=10),
        Verb.update: timedelta(minutes=10),
        Verb.delete: timedelta(minutes=10),
    }
    example = """
net: {kind: gcp.network, spec: {name: net}}
web:
  kind: gcp.firewall
  spec:
    name: web
    network: ${net.self_link}
    rules: [{ip_protocol: tcp, ports: [443]}]
    source_ranges: [10.0.0.0/8]
    target_tags: [web]
"""
    trials = {
        "rules": [{"ip_protocol": "tcp", "ports": ["443", "8000-8010"]}, {"ip_protocol": "icmp"}],
        "priority": 900,
        "source_ranges": ["10.0.0.0/8", "192.168.0.0/16"],
        "destination_ranges": ["10.1.0.0/16"],
        "source_tags": ["edge"],
        "target_tags": [],
        "disabled": True,
        "log_config": {"enable": True},
        "description": "from the edge",
    }

    def place(self, spec: FirewallSpec, scope: Scope) -> str:
        return "global"

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        logs = {"enable": False, **raw.get("logConfig", {})}
        said = {
            "network": bare(raw["network"]),
            "direction": raw.get("direction", "INGRESS"),
            "action": "deny" if raw.get("denied") else "allow",
            "rules": rules.shown(raw.get("denied") or raw.get("allowed", ())),
            "priority": raw.get("priority", 1000),
            **{ours: list(raw.get(theirs, ())) for ours, theirs in _LISTS.items()},
            "disabled": raw.get("disabled", False),
            "log_config": {name: logs[name] for name in ("enable", "metadata") if name in logs},
            "description": descriptions.own(raw.get("description", "")),
        }
        if said["direction"] == "INGRESS":
            named = said["source_ranges"] or said["source_tags"] or said["source_service_accounts"]
            said["source_ranges"] = said["source_ranges"] if named else list(EVERYBODY)
        else:
            said["destination_ranges"] = said["destination_ranges"] or list(EVERYBODY)
        return self.seen(raw, said)

    def body(self, call: Call[FirewallSpec]) -> dict[str, Any]:
        wanted = call.wanted
        return {
            "network": wanted.network,
            "direction": wanted.direction,
            **{name: value for name, value in self._said(wanted).items() if value != []},
        }

    @staticmethod
    def _said(wanted: FirewallSpec) -> dict[str, Any]:
        """All that may change, in Compute's words."""
        return {
            "allowed" if wanted.action == "allow" else "denied": rules.sent(wanted.rules),
            "priority": wanted.priority,
            **{theirs: list(getattr(wanted, ours)) for ours, theirs in _LISTS.items()},
            "disabled": wanted.disabled,
            "logConfig": wanted.log_config.plain() if wanted.log_config.enable else {"enable": False},
        }

    def steps(self, call: Call[FirewallSpec]) -> Iterator[Step]:
        """A patch; where a list is to be emptied, which no patch can, the whole rule as it stands with the changes."""
        theirs = {
            **_LISTS,
            "rules": "allowed" if call.wanted.action == "allow" else "denied",
            "log_config": "logConfig",
        }
        said = self._said(call.wanted)
        fields = dict.fromkeys(c.path.partition(".")[0] for c in call.changes)
        new = {theirs.get(f, f): said[theirs.get(f, f)] for f in fields if f != "description"}
        emptied = [] in new.values()
        raw = self.get(call) if emptied or "description" in fields else {}
        if "description" in fields:
            new["description"] = self.reworded(raw, call.wanted.description)
        if emptied:
            whole = {name: value for name, value in {**raw, **new}.items() if value != []}
            yield self.asking(call, "update", whole)
        elif new:
            yield self.patching(call, new)

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Order means nothing, and neither does what is said of logs that nobody writes."""
        form = super().canonical(properties)
        if isinstance(form.get("rules"), list | tuple):
            form["rules"] = rules.canonical(form["rules"])
        for field in _LISTS:
            if isinstance(form.get(field), list | tuple):
                plain = [rules.network(v) if field.endswith("_ranges") else v for v in form[field]]
                form[field] = rules.ordered(plain)
        logs = form.get("log_config")
        if isinstance(logs, Mapping) and logs.get("enable") is False:
            form["log_config"] = {"enable": False}
        return form
